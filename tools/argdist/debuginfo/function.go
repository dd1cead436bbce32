package debuginfo

import (
	"debug/dwarf"
	"fmt"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
)

// Function returns the signature of a function. addr is its address in the file's
// symbol table, 0 if unknown: a library gives its functions names that the source
// does not have (write for __libc_write), and several files can have a static
// function of the same name. At the address of an IFUNC is the function that chooses;
// ask for it by name. For C++, name is the one that the linker knows.
func (i *Info) Function(name string, addr uint64) (_ *ctype.Func, err error) {
	defer rescue(&err)
	i.steps = maxSteps
	if addr != 0 {
		if u, ok := i.main.unitOf(addr); ok {
			found, err := i.search(i.main, u, func(r ref, e *dwarf.Entry) bool {
				return e.Tag == dwarf.TagSubprogram && begins(i.main, e, addr)
			})
			if err != nil || found.file != nil {
				return i.function(found, name, err)
			}
		}
	}
	var declared ref
	for _, u := range i.mentioning(i.main, name) {
		found, err := i.search(i.main, u, func(r ref, e *dwarf.Entry) bool {
			if e.Tag != dwarf.TagSubprogram || !i.named(r, e, name) {
				return false
			}
			if declaration, _ := e.Val(dwarf.AttrDeclaration).(bool); declaration {
				declared = r
				return false
			}
			return true
		})
		if err != nil || found.file != nil {
			return i.function(found, name, err)
		}
	}
	if declared.file != nil {
		return i.function(declared, name, nil)
	}
	return nil, fmt.Errorf("function %q: %w", name, ErrUnknown)
}

// begins reports whether a function begins at an address. One that was taken apart
// has ranges, of which the first is where it begins.
func begins(f *unitFile, e *dwarf.Entry, addr uint64) bool {
	if low, ok := e.Val(dwarf.AttrLowpc).(uint64); ok {
		return low == addr
	}
	if e.Val(dwarf.AttrRanges) == nil {
		return false
	}
	ranges, err := f.data.Ranges(e)
	return err == nil && len(ranges) > 0 && ranges[0][0] == addr
}

// search goes through a unit until match accepts an entry. It looks into name
// spaces, structs and classes, but not into functions.
func (i *Info) search(f *unitFile, u unit, match func(ref, *dwarf.Entry) bool) (ref, error) {
	in := f.data.Reader()
	in.Seek(dwarf.Offset(u.entry))
	for {
		e, err := i.next(in)
		if err != nil {
			return ref{}, err
		}
		if e == nil || uint64(e.Offset) >= u.end {
			return ref{}, nil
		}
		r := ref{f, e.Offset}
		if e.Tag != 0 && match(r, e) {
			return r, nil
		}
		switch e.Tag {
		case 0, dwarf.TagCompileUnit, dwarf.TagPartialUnit, dwarf.TagTypeUnit, dwarf.TagNamespace, dwarf.TagModule,
			dwarf.TagClassType, dwarf.TagStructType, dwarf.TagUnionType:
			continue
		}
		if err := i.skip(in, e); err != nil {
			return ref{}, err
		}
	}
}

// Attributes that debug/dwarf has no names for.
const attrMIPSLinkageName dwarf.Attr = 0x2007

// named reports whether an entry, or that of which it is the definition or an
// instance, has a name.
func (i *Info) named(r ref, e *dwarf.Entry, name string) bool {
	for range maxOrigins {
		for _, attr := range []dwarf.Attr{dwarf.AttrName, dwarf.AttrLinkageName, attrMIPSLinkageName} {
			if i.text(e, attr) == name {
				return true
			}
		}
		var ok bool
		if r, e, ok = i.origin(r, e); !ok {
			return false
		}
	}
	return false
}

// maxOrigins bounds the chain from an instance to a definition to a declaration.
const maxOrigins = 8

// origin follows an entry to the one that it completes.
func (i *Info) origin(r ref, e *dwarf.Entry) (ref, *dwarf.Entry, bool) {
	for _, attr := range []dwarf.Attr{dwarf.AttrAbstractOrigin, dwarf.AttrSpecification} {
		if to, ok := i.target(r, e, attr); ok {
			if e, err := i.entry(to); err == nil && e != nil {
				return to, e, true
			}
		}
	}
	return ref{}, nil, false
}

// function makes a signature of an entry.
func (i *Info) function(r ref, name string, err error) (*ctype.Func, error) {
	if err != nil {
		return nil, fmt.Errorf("function %q: %w", name, err)
	}
	fn := &ctype.Func{Name: name, Result: ctype.VoidType}
	e, err := i.entry(r)
	if err != nil || e == nil {
		return nil, fmt.Errorf("function %q: %w", name, ErrUnknown)
	}
	if i.parameters(r, fn); len(fn.Params) == 0 { // an instance can leave them to its origin
		for at, entry, ok := i.origin(r, e); ok && len(fn.Params) == 0; at, entry, ok = i.origin(at, entry) {
			i.parameters(at, fn)
			if i.steps < 0 {
				break
			}
		}
	}
	for at, entry, ok, n := r, e, true, 0; ok && n < maxOrigins; at, entry, ok = i.origin(at, entry) {
		if to, has := i.target(at, entry, dwarf.AttrType); has {
			fn.Result = i.typeAt(to, 0)
			break
		}
		n++
	}
	return fn, nil
}

// maxParams bounds the parameters of a function.
const maxParams = 255

// parameters adds the parameters of an entry.
func (i *Info) parameters(r ref, fn *ctype.Func) {
	i.children(r, func(at ref, e *dwarf.Entry) bool {
		switch e.Tag {
		case dwarf.TagUnspecifiedParameters:
			fn.Variadic = true
		case dwarf.TagFormalParameter:
			p := ctype.Param{Type: ctype.VoidType}
			for from, entry, ok, n := at, e, true, 0; ok && n < maxOrigins; from, entry, ok = i.origin(from, entry) {
				if p.Name == "" {
					p.Name = i.text(entry, dwarf.AttrName)
				}
				if to, has := i.target(from, entry, dwarf.AttrType); has {
					p.Type = i.typeAt(to, 0)
					break
				}
				n++
			}
			fn.Params = append(fn.Params, p)
		}
		return len(fn.Params) < maxParams
	})
}
