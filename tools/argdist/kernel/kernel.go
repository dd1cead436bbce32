// Package kernel makes types of C from the kernel's type information (BTF):
// those that a specifier names, and the signatures of functions.
package kernel

import (
	"errors"
	"fmt"
	"io"

	"github.com/cilium/ebpf/btf"

	"github.com/ringside-tools/ringside/internal/slimbtf"
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
)

// ErrUnknown says that the kernel's type information does not have what was asked
// for.
var ErrUnknown = errors.New("not in the kernel's type information")

// Types are the types of a kernel, or of one of its modules and the kernel. They are
// not for use by several goroutines at once.
type Types struct {
	file      *slimbtf.File
	made      map[btf.TypeID]ctype.Type
	constants map[string]constant // nil until somebody asks
}

// New returns the types of what was read of a kernel's type information.
func New(file *slimbtf.File) *Types {
	return &Types{file: file, made: make(map[btf.TypeID]ctype.Type)}
}

// Module returns the types of a module of the same kernel.
func (t *Types) Module(btf io.ReaderAt) (*Types, error) {
	file, err := slimbtf.LoadModule(btf, t.file)
	if err != nil {
		return nil, err
	}
	return New(file), nil
}

// Named returns the type of a name that stands for one alone: a typedef, or an
// integer of C.
func (t *Types) Named(name string) (ctype.Type, bool) {
	for _, id := range t.file.Named(name) {
		switch t.file.KindOf(id) {
		case slimbtf.Typedef, slimbtf.Int:
			return t.convert(id), true
		}
	}
	return nil, false
}

// Tagged returns struct, union or enum of a name. If one is declared in one place
// and defined in another, it is the one that is defined.
func (t *Types) Tagged(tag, name string) (ctype.Type, bool) {
	var declared ctype.Type
	for _, id := range t.file.Named(name) {
		found := t.file.Type(id)
		switch kind := found.Kind; {
		case kind == slimbtf.Struct && tag == "struct", kind == slimbtf.Union && tag == "union",
			(kind == slimbtf.Enum || kind == slimbtf.Enum64) && tag == "enum":
			return t.convert(id), true
		case kind == slimbtf.Fwd && (tag == "union") == found.Flag && tag != "enum":
			declared = t.convert(id)
		}
	}
	return declared, declared != nil
}

// Function returns the signature of a function; of a module only of its own. Some kernels list one twice; if
// the signatures differ, that is an error.
func (t *Types) Function(name string) (*ctype.Func, error) {
	var fn *ctype.Func
	for _, id := range t.file.Named(name) {
		if id < t.file.First() || t.file.KindOf(id) != slimbtf.Func {
			continue
		}
		f := t.function(id)
		if fn != nil && fn.String() != f.String() {
			return nil, fmt.Errorf("the kernel has %s twice, as %s and as %s", name, fn, f)
		}
		fn = f
	}
	if fn == nil {
		return nil, fmt.Errorf("function %s: %w", name, ErrUnknown)
	}
	return fn, nil
}

// FunctionID returns the id by which programs attach to a function, if its type
// information does for that.
func (t *Types) FunctionID(name string) (btf.TypeID, error) {
	fns := t.file.Functions(name)
	if err := slimbtf.Traceable(name, fns); err != nil {
		return 0, err
	}
	return fns[0].ID, nil
}

// Constant returns the value of an enumeration's constant. The first time, it looks
// through all of them.
func (t *Types) Constant(name string) (int64, ctype.Type, bool) {
	if t.constants == nil {
		t.constants = make(map[string]constant)
		for id := btf.TypeID(1); int(id) <= t.file.Len(); id++ {
			switch t.file.KindOf(id) {
			case slimbtf.Enum, slimbtf.Enum64:
				e := t.file.Type(id)
				for _, v := range e.Values() {
					t.constants[v.Name] = constant{v.Value, id}
				}
			}
		}
	}
	c, ok := t.constants[name]
	if !ok {
		return 0, nil, false
	}
	return c.value, t.convert(c.of), true
}

type constant struct {
	value int64
	of    btf.TypeID
}

// Functions lists the functions that match, of a module its own, in no order.
func (t *Types) Functions(match func(name string) bool) []string {
	var out []string
	for id := t.file.First(); int(id) <= t.file.Len(); id++ {
		if t.file.KindOf(id) != slimbtf.Func {
			continue
		}
		if f := t.file.Type(id); match(f.Name) {
			out = append(out, f.Name)
		}
	}
	return out
}
