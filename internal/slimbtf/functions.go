package slimbtf

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/cilium/ebpf/btf"
)

// Function is a function of the kernel, as far as it concerns programs that go
// to its entry or exit.
type Function struct {
	ID     btf.TypeID // of the function in the kernel's type information
	Params []Param
}

// Param is a parameter of a function.
type Param struct {
	Name string
	// Undefined is the name of the struct that it points to, where the type
	// information declares that and does not define it; else "".
	Undefined string
}

// FunctionsOf returns the functions of that name in type information that was
// read as a whole.
func FunctionsOf(spec *btf.Spec, name string) []Function {
	types, err := spec.AnyTypesByName(name)
	if err != nil {
		return nil
	}
	var out []Function
	for _, t := range types {
		fn, ok := t.(*btf.Func)
		if !ok {
			continue
		}
		id, err := spec.TypeID(fn)
		if err != nil {
			continue
		}
		f := Function{ID: id}
		if proto, ok := fn.Type.(*btf.FuncProto); ok {
			for _, p := range proto.Params {
				param := Param{Name: p.Name}
				if ptr, ok := btf.UnderlyingType(p.Type).(*btf.Pointer); ok {
					if fwd, ok := btf.UnderlyingType(ptr.Target).(*btf.Fwd); ok {
						param.Undefined = fwd.Name
					}
				}
				f.Params = append(f.Params, param)
			}
		}
		out = append(out, f)
	}
	return out
}

// Traceable says why the type information of the functions of a name does not do for
// fentry, or nil. Debian's 6.1 lists some system calls twice, and its 5.10 some with
// arguments of a type that is declared and never defined.
func Traceable(name string, fns []Function) error {
	switch {
	case len(fns) == 0:
		return fmt.Errorf("no function %s in the kernel's type information", name)
	case len(fns) > 1:
		return fmt.Errorf("the kernel's type information has %s %d times", name, len(fns))
	}
	for _, p := range fns[0].Params {
		if p.Undefined != "" {
			return fmt.Errorf("argument %s of %s points to struct %s, which the kernel's type information does not define", p.Name, name, p.Undefined)
		}
	}
	return nil
}

// function reads the function with an id, and its prototype.
func (ix *index) function(id uint32) (Function, error) {
	f := Function{ID: btf.TypeID(id)}
	t, err := ix.read(id)
	if err != nil {
		return f, err
	}
	proto, err := ix.read(t.size)
	if err != nil {
		return f, err
	}
	if kindOf(proto.info) != kindProto {
		return f, fmt.Errorf("%w: function %d has no prototype", errFormat, id)
	}
	const paramSize = 8 // name, type
	for extra := proto.extra; len(extra) >= paramSize; extra = extra[paramSize:] {
		var p Param
		if p.Name, err = ix.string(binary.NativeEndian.Uint32(extra)); err != nil {
			return f, err
		}
		if p.Undefined, err = ix.undefined(binary.NativeEndian.Uint32(extra[4:])); err != nil {
			return f, err
		}
		f.Params = append(f.Params, p)
	}
	return f, nil
}

// undefined returns the name of the struct that a type points to if it is only
// declared.
func (ix *index) undefined(id uint32) (string, error) {
	t, err := ix.underlying(id)
	if err != nil || kindOf(t.info) != kindPtr {
		return "", err
	}
	if t, err = ix.underlying(t.size); err != nil || kindOf(t.info) != kindFwd {
		return "", err
	}
	return ix.string(t.name)
}

// underlying is a type without typedefs and qualifiers.
func (ix *index) underlying(id uint32) (rawType, error) {
	for range maxDepth {
		if id == 0 { // void
			return rawType{}, nil
		}
		t, err := ix.read(id)
		if err != nil {
			return t, err
		}
		switch kindOf(t.info) {
		case kindTypedef, kindVolatile, kindConst, kindRestrict, kindTypeTag:
			id = t.size
		default:
			return t, nil
		}
	}
	return rawType{}, fmt.Errorf("%w: types nested too deep", errFormat)
}

// string returns the string at an offset of the string section.
func (ix *index) string(off uint32) (string, error) {
	if off == 0 {
		return "", nil
	}
	if int64(off) >= ix.h.strLen {
		return "", fmt.Errorf("%w: no string at %d", errFormat, off)
	}
	const longest = 256 // bytes of a name in C, and some more
	b := make([]byte, min(longest, ix.h.strLen-int64(off)))
	if _, err := ix.file.ReadAt(b, ix.h.strOff+int64(off)); err != nil {
		return "", fmt.Errorf("read name: %w", err)
	}
	end := bytes.IndexByte(b, 0)
	if end < 0 {
		return "", fmt.Errorf("%w: name without an end", errFormat)
	}
	return string(b[:end]), nil
}
