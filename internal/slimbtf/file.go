package slimbtf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/cilium/ebpf/btf"
)

// File is all of a kernel's type information, for who does not know beforehand what
// will be asked of it. Nothing is decoded before that: to load it takes a few
// milliseconds, and memory for the file and four bytes for each type.
type File struct {
	types, strings []byte
	at             []uint32 // offset in types, by id; of a module by id less that of the kernel's last type
	base           *File    // of a module: the kernel's
}

// Kind is what a type is.
type Kind uint32

// The kinds that there are.
const (
	Void     Kind = 0
	Int      Kind = kindInt
	Ptr      Kind = kindPtr
	Array    Kind = kindArray
	Struct   Kind = kindStruct
	Union    Kind = kindUnion
	Enum     Kind = kindEnum
	Fwd      Kind = kindFwd
	Typedef  Kind = kindTypedef
	Volatile Kind = kindVolatile
	Const    Kind = kindConst
	Restrict Kind = kindRestrict
	Func     Kind = kindFunc
	Proto    Kind = kindProto
	Float    Kind = kindFloat
	TypeTag  Kind = kindTypeTag
	Enum64   Kind = kindEnum64
)

// Load reads raw BTF.
func Load(file io.ReaderAt) (*File, error) {
	h, err := readHeader(file)
	if err != nil {
		return nil, fmt.Errorf("load kernel types: %w", err)
	}
	f := &File{types: make([]byte, h.typeLen), strings: make([]byte, h.strLen)}
	if _, err := file.ReadAt(f.types, h.typeOff); err != nil && h.typeLen > 0 {
		return nil, fmt.Errorf("load kernel types: %w", err)
	}
	// The last section may end with the file, which ReadAt tells by an error.
	if n, err := file.ReadAt(f.strings, h.strOff); n < len(f.strings) {
		return nil, fmt.Errorf("load kernel types: %w", err)
	}
	const usual = 28 // bytes of a type
	f.at = make([]uint32, 1, len(f.types)/usual+1)
	for at := 0; at < len(f.types); {
		if at+typeSize > len(f.types) {
			return nil, fmt.Errorf("load kernel types: %w", errFormat)
		}
		rest, err := extraSize(binary.NativeEndian.Uint32(f.types[at+4:]))
		if err != nil {
			return nil, fmt.Errorf("load kernel types: %w", err)
		}
		f.at = append(f.at, uint32(at))
		at += typeSize + rest
		if at > len(f.types) {
			return nil, fmt.Errorf("load kernel types: %w", errFormat)
		}
	}
	return f, nil
}

// Len is how many types there are, of a module with the kernel's: ids are from 1 to
// Len.
func (f *File) Len() int { return f.below() + len(f.at) - 1 }

// Named returns the types of a name; of a module its own, and then the kernel's.
func (f *File) Named(name string) []btf.TypeID {
	if name == "" {
		return nil
	}
	var ids []btf.TypeID
	for _, off := range f.offsets(name) {
		for i := 1; i < len(f.at); i++ {
			if binary.NativeEndian.Uint32(f.types[f.at[i]:]) == off {
				ids = append(ids, btf.TypeID(f.below()+i))
			}
		}
	}
	if f.base != nil {
		ids = append(ids, f.base.Named(name)...)
	}
	return ids
}

// Type is one type as it stands in the file.
type Type struct {
	Kind Kind
	Name string
	Flag bool       // of a struct that its offsets have widths, of an enumeration that it is signed, of a Fwd that it is a union
	Size uint32     // in bytes, of what has one
	Ref  btf.TypeID // of what refers to a type: the same field of the file

	file  *File
	extra []byte
}

// Type decodes a type. That of id 0 is void, and so is one that is not there.
func (f *File) Type(id btf.TypeID) Type {
	if f.base != nil && int(id) <= f.base.Len() {
		return f.base.Type(id)
	}
	i := int(id) - f.below()
	if i <= 0 || i >= len(f.at) {
		return Type{}
	}
	b := f.types[f.at[i]:]
	info := binary.NativeEndian.Uint32(b[4:])
	n, err := extraSize(info)
	if err != nil {
		return Type{}
	}
	size := binary.NativeEndian.Uint32(b[8:])
	return Type{
		Kind: Kind(kindOf(info)), Name: f.string(binary.NativeEndian.Uint32(b)), Flag: info>>31 != 0,
		Size: size, Ref: btf.TypeID(size), file: f, extra: b[typeSize : typeSize+n],
	}
}

// KindOf is the kind of a type, without decoding the rest.
func (f *File) KindOf(id btf.TypeID) Kind {
	if f.base != nil && int(id) <= f.base.Len() {
		return f.base.KindOf(id)
	}
	return Kind(kindOf(binary.NativeEndian.Uint32(f.types[f.at[int(id)-f.below()]+4:])))
}

func (f *File) string(off uint32) string {
	if f.base != nil {
		if int64(off) < int64(len(f.base.strings)) {
			return f.base.string(off)
		}
		off -= uint32(len(f.base.strings))
	}
	if int64(off) >= int64(len(f.strings)) {
		return ""
	}
	s, _, _ := bytes.Cut(f.strings[off:], []byte{0})
	return string(s)
}

func (t *Type) word(i int) uint32 { return binary.NativeEndian.Uint32(t.extra[4*i:]) }

// Encoding is that of an integer: bit 0 signed, bit 2 boolean.
func (t *Type) Encoding() (signed, boolean bool) {
	e := t.word(0) >> 24 & 0xf
	return e&1 != 0, e&4 != 0
}

// Elements are type and number of an array's.
func (t *Type) Elements() (of btf.TypeID, n int) { return btf.TypeID(t.word(0)), int(t.word(2)) }

// Member is a member of a struct or a union, or a parameter.
type Member struct {
	Name   string
	Type   btf.TypeID
	Offset int // bits
	Bits   int // of a bit field, else 0
}

// Members returns those of a struct or a union.
func (t *Type) Members() []Member {
	var out []Member
	for i := 0; i+2 < len(t.extra)/4; i += 3 {
		m := Member{Name: t.file.string(t.word(i)), Type: btf.TypeID(t.word(i + 1)), Offset: int(t.word(i + 2))}
		if t.Flag {
			m.Bits, m.Offset = m.Offset>>24, m.Offset&0xffffff
		}
		out = append(out, m)
	}
	return out
}

// Params returns the parameters of a prototype.
func (t *Type) Params() []Member {
	var out []Member
	for i := 0; i+1 < len(t.extra)/4; i += 2 {
		out = append(out, Member{Name: t.file.string(t.word(i)), Type: btf.TypeID(t.word(i + 1))})
	}
	return out
}

// Value is a constant of an enumeration.
type Value struct {
	Name  string
	Value int64
}

// Values returns the constants of an enumeration, whose sign counts.
func (t *Type) Values() []Value {
	var out []Value
	if t.Kind == Enum64 {
		for i := 0; i+2 < len(t.extra)/4; i += 3 {
			out = append(out, Value{t.file.string(t.word(i)), int64(uint64(t.word(i+1)) | uint64(t.word(i+2))<<32)})
		}
		return out
	}
	for i := 0; i+1 < len(t.extra)/4; i += 2 {
		v := int64(t.word(i + 1))
		if t.Flag {
			v = int64(int32(v))
		}
		out = append(out, Value{t.file.string(t.word(i)), v})
	}
	return out
}

// Functions returns the functions of a name, as far as it concerns programs that go
// to their entry or exit; of a module its own.
func (f *File) Functions(name string) []Function {
	var out []Function
	for _, id := range f.Named(name) {
		if id < f.First() || f.KindOf(id) != Func {
			continue
		}
		fn := Function{ID: id}
		fnType := f.Type(id)
		proto := f.Type(fnType.Ref)
		for _, p := range proto.Params() {
			fn.Params = append(fn.Params, Param{Name: p.Name, Undefined: f.undefined(p.Type)})
		}
		out = append(out, fn)
	}
	return out
}

// undefined returns the name of the struct that a type points to if it is only
// declared.
func (f *File) undefined(id btf.TypeID) string {
	if t := f.underlying(id); t.Kind == Ptr {
		if t = f.underlying(t.Ref); t.Kind == Fwd {
			return t.Name
		}
	}
	return ""
}

func (f *File) underlying(id btf.TypeID) Type {
	for range maxDepth {
		t := f.Type(id)
		switch t.Kind {
		case Typedef, Volatile, Const, Restrict, TypeTag:
			id = t.Ref
		default:
			return t
		}
	}
	return Type{}
}
