package debuginfo

import (
	"debug/dwarf"
	"fmt"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
)

// Type returns a type by its name. kind is "struct", "union" or "enum", for which
// names have a space of their own in C, or "" for a typedef or a base type. A class
// of C++ is a struct.
func (i *Info) Type(kind, name string) (_ ctype.Type, err error) {
	defer rescue(&err)
	i.steps = maxSteps
	r, err := i.definition(kind, name)
	if err != nil {
		return nil, fmt.Errorf("type %q: %w", ctypeName(kind, name), err)
	}
	return i.typeAt(r, 0), nil
}

func ctypeName(kind, name string) string {
	if kind == "" {
		return name
	}
	return kind + " " + name
}

// tags is what a kind of type can be in DWARF.
var tags = map[string][]dwarf.Tag{
	"struct": {dwarf.TagStructType, dwarf.TagClassType},
	"union":  {dwarf.TagUnionType},
	"enum":   {dwarf.TagEnumerationType},
	"":       {dwarf.TagTypedef, dwarf.TagBaseType},
}

// definition finds the entry that defines a type.
func (i *Info) definition(kind, name string) (ref, error) {
	if name == "" {
		return ref{}, ErrUnknown
	}
	for _, f := range []*unitFile{i.main, i.alt} {
		if f == nil {
			continue
		}
		for _, u := range i.mentioning(f, name) {
			found, err := i.search(f, u, func(r ref, e *dwarf.Entry) bool {
				if declaration, _ := e.Val(dwarf.AttrDeclaration).(bool); declaration {
					return false
				}
				for _, tag := range tags[kind] {
					if e.Tag == tag && i.text(e, dwarf.AttrName) == name {
						return true
					}
				}
				return false
			})
			if err != nil || found.file != nil {
				return found, err
			}
		}
	}
	return ref{}, ErrUnknown
}

// Bounds on what is believed of a type.
const (
	maxDepth  = 64      // of types that are made of each other without a struct between
	maxBytes  = 1 << 30 // of a type
	maxValues = 1 << 16 // of an enumeration
)

// typeAt converts the type of an entry. A type that makes no sense is void.
func (i *Info) typeAt(r ref, depth int) ctype.Type {
	if t, ok := i.types[r]; ok {
		return t
	}
	if i.busy[r] || depth > maxDepth {
		return ctype.VoidType // made of itself
	}
	i.busy[r] = true
	defer delete(i.busy, r)
	e, err := i.entry(r)
	if err != nil || e == nil {
		return ctype.VoidType
	}
	t := i.convert(r, e, depth+1)
	if i.steps >= 0 {
		i.types[r] = t
	}
	return t
}

// of converts the type that an entry is made of, void if it does not say.
func (i *Info) of(r ref, e *dwarf.Entry, depth int) ctype.Type {
	if to, ok := i.target(r, e, dwarf.AttrType); ok {
		return i.typeAt(to, depth)
	}
	return ctype.VoidType
}

func (i *Info) convert(r ref, e *dwarf.Entry, depth int) ctype.Type {
	switch e.Tag {
	case dwarf.TagBaseType:
		return i.base(e)
	case dwarf.TagPointerType, dwarf.TagReferenceType, dwarf.TagRvalueReferenceType:
		return &ctype.Pointer{Target: i.of(r, e, depth)}
	case dwarf.TagConstType, dwarf.TagVolatileType, dwarf.TagRestrictType, dwarf.TagAtomicType, dwarf.TagSharedType:
		return i.of(r, e, depth)
	case dwarf.TagTypedef:
		return &ctype.Typedef{Name: i.text(e, dwarf.AttrName), Target: i.of(r, e, depth)}
	case dwarf.TagStructType, dwarf.TagClassType, dwarf.TagUnionType:
		return i.structure(r, e)
	case dwarf.TagEnumerationType:
		return i.enumeration(r, e, depth)
	case dwarf.TagArrayType:
		return i.array(r, e, depth)
	case dwarf.TagSubroutineType:
		fn := &ctype.Func{Result: i.of(r, e, depth)}
		i.parameters(r, fn)
		return fn
	case dwarf.TagPtrToMemberType:
		return ctype.ULong
	}
	return ctype.VoidType
}

// Encodings of base types (DW_ATE_*).
const (
	encodingBoolean      = 2
	encodingComplex      = 3
	encodingFloat        = 4
	encodingSigned       = 5
	encodingSignedChar   = 6
	encodingUnsignedChar = 8
)

func (i *Info) base(e *dwarf.Entry) ctype.Type {
	name, size := i.text(e, dwarf.AttrName), bytesOf(e)
	encoding, _ := e.Val(dwarf.AttrEncoding).(int64)
	switch {
	case encoding == encodingFloat || encoding == encodingComplex:
		return &ctype.Float{Name: name, Bytes: size}
	case size != 1 && size != 2 && size != 4 && size != 8 && size != 16:
		return ctype.VoidType
	}
	return &ctype.Int{
		Name: name, Bytes: size,
		Signed: encoding == encodingSigned || encoding == encodingSignedChar,
		Bool:   encoding == encodingBoolean,
		Char:   encoding == encodingSignedChar || encoding == encodingUnsignedChar,
	}
}

// bytesOf returns the size of an entry's type, 0 if it makes no sense.
func bytesOf(e *dwarf.Entry) int {
	size, _ := e.Val(dwarf.AttrByteSize).(int64)
	if size < 0 || size > maxBytes {
		return 0
	}
	return int(size)
}

func (i *Info) enumeration(r ref, e *dwarf.Entry, depth int) ctype.Type {
	t := &ctype.Enum{Name: i.text(e, dwarf.AttrName), Bytes: bytesOf(e)}
	under := i.of(r, e, depth)
	t.Signed = ctype.IsSigned(under)
	if t.Bytes == 0 {
		t.Bytes = under.Size()
	}
	switch t.Bytes {
	case 1, 2, 4, 8:
	default:
		t.Bytes = 4 // only declared: as it would be in C
	}
	i.children(r, func(_ ref, e *dwarf.Entry) bool {
		if e.Tag != dwarf.TagEnumerator {
			return true
		}
		value, _ := e.Val(dwarf.AttrConstValue).(int64)
		if under == ctype.VoidType && value < 0 {
			t.Signed = true // C does not say, but what it has values for
		}
		t.Values = append(t.Values, ctype.EnumValue{Name: i.text(e, dwarf.AttrName), Value: value})
		return len(t.Values) < maxValues
	})
	if t.Signed {
		shift := 64 - 8*t.Bytes
		for n := range t.Values { // written without its sign where it fits into fewer bytes
			t.Values[n].Value = t.Values[n].Value << shift >> shift
		}
	}
	return t
}

// array makes arrays of arrays where there are several dimensions.
func (i *Info) array(r ref, e *dwarf.Entry, depth int) ctype.Type {
	var lengths []int
	i.children(r, func(_ ref, e *dwarf.Entry) bool {
		if e.Tag == dwarf.TagSubrangeType || e.Tag == dwarf.TagEnumerationType {
			lengths = append(lengths, length(e))
		}
		return len(lengths) < maxDepth
	})
	t := i.of(r, e, depth)
	if len(lengths) == 0 {
		lengths = []int{0}
	}
	for n := len(lengths) - 1; n >= 0; n-- {
		if size := t.Size(); size > 0 && lengths[n] > maxBytes/size {
			lengths[n] = 0
		}
		t = &ctype.Array{Elem: t, Len: lengths[n]}
	}
	return t
}

// length is the number of elements of a dimension, 0 if it is open.
func length(e *dwarf.Entry) int {
	n, ok := e.Val(dwarf.AttrCount).(int64)
	if !ok {
		if n, ok = e.Val(dwarf.AttrUpperBound).(int64); ok && n < maxBytes {
			n++
		}
	}
	if n < 0 || n > maxBytes {
		return 0
	}
	return int(n)
}
