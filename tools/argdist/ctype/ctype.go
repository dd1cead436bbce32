// Package ctype has the types of C as argdist knows them, whatever they were
// read from: the kernel's type information (BTF), DWARF of a user program, the
// formats of tracepoints, or a table of what every C programmer has in mind.
//
// Types are those of 64-bit Linux: pointers and long have eight bytes. const and
// volatile are left out, since nothing is ever written. A struct fills in its
// members when somebody first asks for them, so that a pointer to a task does
// not bring half of the kernel with it.
package ctype

import "fmt"

// Type is one of *[Void], *[Int], *[Float], *[Enum], *[Pointer], *[Array],
// *[Struct], *[Typedef] and *[Func].
type Type interface {
	// Size is in bytes; 0 for what has none: void, a function, a struct that is
	// declared and never defined.
	Size() int
	// String is how C spells the type: "struct sock *", "char[16]".
	String() string
}

// PointerSize is the size of every pointer, in bytes.
const PointerSize = 8

// Void is no value, or behind a pointer something of unknown type.
type Void struct{}

func (*Void) Size() int      { return 0 }
func (*Void) String() string { return "void" }

// Int is an integer type, _Bool and the types of characters included.
type Int struct {
	Name   string // "unsigned int"
	Bytes  int    // 1, 2, 4, 8; 16 exists and cannot be computed with
	Signed bool
	Bool   bool // _Bool: whatever is converted to it becomes 0 or 1
	Char   bool // of characters, by its name: char, signed char, unsigned char
}

func (t *Int) Size() int      { return t.Bytes }
func (t *Int) String() string { return t.Name }

// Float is a floating-point type. BPF cannot compute with it; a struct can have
// such members all the same.
type Float struct {
	Name  string
	Bytes int
}

func (t *Float) Size() int      { return t.Bytes }
func (t *Float) String() string { return t.Name }

// Enum is an enumeration; for arithmetic it is an integer of its size.
type Enum struct {
	Name   string // "" if anonymous
	Bytes  int
	Signed bool
	Values []EnumValue
}

// EnumValue is one of an enumeration's constants. Values of unsigned
// enumerations are as wide as they are: a value above 2^63 is negative here.
type EnumValue struct {
	Name  string
	Value int64
}

func (t *Enum) Size() int      { return t.Bytes }
func (t *Enum) String() string { return tagged("enum", t.Name) }

// Space says whose memory a pointer points into. The two are read by different
// helpers, and on some machines an address is valid in both.
type Space uint8

const (
	AnySpace Space = iota // as the probe has it: the kernel's in the kernel, the process's in a user function
	Kernel
	User // __user in the kernel's sources
)

func (s Space) String() string {
	return [...]string{"", "kernel", "user"}[s]
}

// Pointer is a pointer.
type Pointer struct {
	Target Type // never nil; *Void for void *
	Space  Space
}

func (*Pointer) Size() int { return PointerSize }

func (t *Pointer) String() string {
	mark := ""
	if t.Space == User {
		mark = "__user "
	}
	switch target := t.Target.(type) {
	case *Pointer:
		return target.String() + "*" + mark
	case *Func:
		return target.spell("(*)")
	}
	return t.Target.String() + " " + mark + "*"
}

// Array is an array. Len is 0 for a flexible one (char name[]).
type Array struct {
	Elem Type
	Len  int
}

func (t *Array) Size() int { return t.Len * t.Elem.Size() }
func (t *Array) String() string {
	// Of several dimensions the outermost is written first.
	elem, dims := t.Elem, fmt.Sprintf("[%d]", t.Len)
	for {
		inner, ok := elem.(*Array)
		if !ok {
			return elem.String() + dims
		}
		elem, dims = inner.Elem, dims+fmt.Sprintf("[%d]", inner.Len)
	}
}

// Typedef is another name for a type.
type Typedef struct {
	Name   string
	Target Type
}

func (t *Typedef) Size() int      { return t.Target.Size() }
func (t *Typedef) String() string { return t.Name }

// Param is a parameter of a function.
type Param struct {
	Name string // "" if unknown
	Type Type
}

// Func is a function: its signature, with a name if it is a function's own.
type Func struct {
	Name     string
	Params   []Param
	Result   Type // *Void for none
	Variadic bool
}

func (*Func) Size() int        { return 0 }
func (t *Func) String() string { return t.spell(t.Name) }

func (t *Func) spell(name string) string {
	out := t.Result.String()
	if name != "" && out[len(out)-1] != '*' {
		out += " "
	}
	out += name + "("
	for i, p := range t.Params {
		if i > 0 {
			out += ", "
		}
		out += Declare(p.Type, p.Name)
	}
	switch {
	case t.Variadic && len(t.Params) > 0:
		out += ", ..."
	case t.Variadic:
		out += "..."
	case len(t.Params) == 0:
		out += "void"
	}
	return out + ")"
}

// Declare spells the declaration of a name: "const char *name", "char name[16]".
func Declare(t Type, name string) string {
	if name == "" {
		return t.String()
	}
	switch t := t.(type) {
	case *Array:
		elem, dims := Type(t), ""
		for {
			a, ok := elem.(*Array)
			if !ok {
				return Declare(elem, name) + dims
			}
			elem, dims = a.Elem, dims+fmt.Sprintf("[%d]", a.Len)
		}
	case *Pointer:
		if fn, ok := t.Target.(*Func); ok {
			return fn.spell("(*" + name + ")")
		}
		return t.String() + name
	}
	return t.String() + " " + name
}

func tagged(kind, name string) string {
	if name == "" {
		return kind + " {...}"
	}
	return kind + " " + name
}
