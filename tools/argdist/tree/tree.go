// Package tree is what the expressions of a specifier have become once they are
// understood: every node has its type, conversions are nodes of their own, and so
// is every read of memory. The interpreter (package eval) and the code generator
// (package gen) do with it the same.
//
// The value of a node is an integer of 64 bits: that of a smaller type is extended
// by its sign, or by zeros where the type has none. Operands of an operator have
// been converted to the type that it computes in.
package tree

import "github.com/ringside-tools/ringside/tools/argdist/ctype"

// Node is a part of an expression.
type Node interface{ Type() ctype.Type }

// Source says where an [Input] comes from.
type Source uint8

const (
	Arg     Source = iota // of the function, at its entry
	Saved                 // an argument, seen from the return of the function
	Result                // of the function
	Latency               // nanoseconds from entry to return
	PID                   // process (tgid)
	TID                   // thread
	UID
	GID
	Cgroup // id of the cgroup v2
	CPU
	Stack     // id of a kernel stack
	UserStack // id of a user stack
)

func (s Source) String() string {
	return [...]string{"arg", "entry", "retval", "latency", "PID", "TID", "UID", "GID", "CGROUP", "CPU", "KSTACK", "USTACK"}[s]
}

type (
	// Const is a number.
	Const struct {
		Value int64
		T     ctype.Type
	}
	// Input is what the probe gives. Index counts arguments from 0.
	Input struct {
		Source Source
		Index  int
		T      ctype.Type // whatever is above its size in the register does not count
	}
	// Context is a number at an offset of the program's context: a register, or a
	// field of a tracepoint's record.
	Context struct {
		Offset, Size int // bytes
		T            ctype.Type
	}
	// ContextAddress is the address of something in the context.
	ContextAddress struct {
		Offset int
		T      ctype.Type
	}
	// DataAddress is the address of a record's field of variable length, which
	// stands at Offset as its place in the record (__data_loc), or with Relative as
	// its distance from there (__rel_loc).
	DataAddress struct {
		Offset   int
		Relative bool
		T        ctype.Type
	}
	// Load is a number of Size bytes that is read from memory. It can fail.
	Load struct {
		Address Node
		Size    int
		Space   ctype.Space // never AnySpace
		T       ctype.Type
	}
	// Bits are Width bits of a number from Shift on: a bit field.
	Bits struct {
		X            Node
		Shift, Width int
		T            ctype.Type // its sign says how they are extended
	}
	// Convert is a number as one of another type.
	Convert struct {
		X Node
		T ctype.Type
	}
	// Unary is - ~ or !.
	Unary struct {
		Op string
		X  Node
		T  ctype.Type
	}
	// Binary is an operator of arithmetic or a comparison, which computes in the type
	// of its operands: except for shifts X and Y have the same. Division can fail.
	Binary struct {
		Op   string
		X, Y Node
		T    ctype.Type
	}
	// Logic is && or ||. Y is not looked at where X decides.
	Logic struct {
		And  bool
		X, Y Node
	}
	// Cond is If ? Then : Else.
	Cond struct {
		If, Then, Else Node
		T              ctype.Type
	}
	// Swap turns the bytes of a number around.
	Swap struct {
		X    Node
		Size int
		T    ctype.Type
	}
	// Text is a string of up to Size bytes, the zero at its end included. Address nil
	// is the name of the task. It can fail.
	Text struct {
		Address Node
		Space   ctype.Space
		Size    int
	}
	// Match is whether a text begins with the literal, or with Whole is the same.
	Match struct {
		Text    *Text
		Literal string
		Whole   bool
	}
)

func (n *Const) Type() ctype.Type          { return n.T }
func (n *Input) Type() ctype.Type          { return n.T }
func (n *Context) Type() ctype.Type        { return n.T }
func (n *ContextAddress) Type() ctype.Type { return n.T }
func (n *DataAddress) Type() ctype.Type    { return n.T }
func (n *Load) Type() ctype.Type           { return n.T }
func (n *Bits) Type() ctype.Type           { return n.T }
func (n *Convert) Type() ctype.Type        { return n.T }
func (n *Unary) Type() ctype.Type          { return n.T }
func (n *Binary) Type() ctype.Type         { return n.T }
func (n *Logic) Type() ctype.Type          { return ctype.IntType }
func (n *Cond) Type() ctype.Type           { return n.T }
func (n *Swap) Type() ctype.Type           { return n.T }
func (n *Text) Type() ctype.Type           { return textType }
func (n *Match) Type() ctype.Type          { return ctype.IntType }

var textType = &ctype.Pointer{Target: ctype.Char}

// Children are the nodes that a node is made of.
func Children(n Node) []Node {
	switch n := n.(type) {
	case *Load:
		return []Node{n.Address}
	case *Bits:
		return []Node{n.X}
	case *Convert:
		return []Node{n.X}
	case *Unary:
		return []Node{n.X}
	case *Binary:
		return []Node{n.X, n.Y}
	case *Logic:
		return []Node{n.X, n.Y}
	case *Cond:
		return []Node{n.If, n.Then, n.Else}
	case *Swap:
		return []Node{n.X}
	case *Text:
		if n.Address != nil {
			return []Node{n.Address}
		}
	case *Match:
		return []Node{n.Text}
	}
	return nil
}

// Walk calls f for a node and for all below it.
func Walk(n Node, f func(Node)) {
	f(n)
	for _, c := range Children(n) {
		Walk(c, f)
	}
}
