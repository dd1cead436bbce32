// Package check gives every expression of a specifier its type, by the rules of
// C, and makes a tree of it that says all that C leaves unsaid: conversions,
// reads of memory, where a bit field lies.
//
// What it does not understand it refuses, and says what would be right.
package check

import (
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/spec"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// Types are where names of types and constants are looked up.
type Types interface {
	Named(name string) (ctype.Type, bool)
	Tagged(tag, name string) (ctype.Type, bool)
	Constant(name string) (int64, ctype.Type, bool)
}

// Chain looks in several places, the first one first.
type Chain []Types

func (c Chain) Named(name string) (ctype.Type, bool) {
	for _, t := range c {
		if found, ok := t.Named(name); ok {
			return found, true
		}
	}
	return nil, false
}

func (c Chain) Tagged(tag, name string) (ctype.Type, bool) {
	for _, t := range c {
		if found, ok := t.Tagged(tag, name); ok {
			return found, true
		}
	}
	return nil, false
}

func (c Chain) Constant(name string) (int64, ctype.Type, bool) {
	for _, t := range c {
		if v, found, ok := t.Constant(name); ok {
			return v, found, true
		}
	}
	return 0, nil, false
}

// IsType is what the parser asks.
func IsType(t Types) func(string) bool {
	return func(name string) bool { _, ok := t.Named(name); return ok }
}

// Scope is what a probe has to say to an expression.
type Scope struct {
	Types Types
	// Space is whose memory a pointer points into that does not say.
	Space ctype.Space
	// Func is the signature of the function, as far as it is known; nil if nothing
	// is. What the specifier says comes first.
	Func *ctype.Func
	// Slots are the places of the parameters of Func among the values that the probe
	// gives: one that is larger than eight bytes takes two. nil if each takes one.
	Slots []int
	// MaxArgs is how many of them there are; 0 if the probe has none.
	MaxArgs int
	// Fields is the record of a tracepoint, which begins at the start of the
	// context; nil if there is none.
	Fields *ctype.Struct
	// Data says for fields of variable length that they are: their type is an array
	// of length 0, and the record has their place.
	Data map[string]tree.DataAddress
	// Registers is what ctx points to; nil if the probe has no registers.
	Registers *ctype.Struct
	// Parameters by registers: PT_REGS_PARM1(ctx) and so on, to their names.
	RegisterNames map[string]string
	TextSize      int // bytes of a string with its zero (-z)
	ConstantNames func() []string
}

// Expr is an expression that is ready.
type Expr struct {
	Text string // as the user wrote it, on one line
	Type ctype.Type
	Node tree.Node // a *tree.Text for a string
}

// IsText reports whether the value is a string.
func (e *Expr) IsText() bool { _, ok := e.Node.(*tree.Text); return ok }

// Checked is a specifier that is understood.
type Checked struct {
	Spec    *spec.Spec
	Params  []ctype.Param // from signature and Func
	Exprs   []Expr
	Default bool      // the specifier has no expressions; Exprs has what it means then
	Filter  tree.Node // nil for none
	// Saved are the slots of arguments that must be remembered from the entry of the
	// function, in the order of their numbers.
	Saved   []int
	Latency bool // the time of the entry, too
	// Context says that the program's context is read: registers or a record.
	Context  bool
	Warnings []*spec.Error
}
