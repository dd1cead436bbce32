package check

import (
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/spec"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// commSize is TASK_COMM_LEN.
const commSize = 16

// textAt is the string that a pointer points to, or that an array is.
func (c *checker) textAt(at piece, o operand) (*tree.Text, error) {
	size := c.scope.TextSize
	if o.text != nil {
		return o.text, nil
	}
	if o.place != nil {
		if a, ok := ctype.Underlying(o.typ).(*ctype.Array); ok {
			if a.Len > 0 && a.Elem.Size() == 1 {
				size = min(size, a.Len+1) // it may be full, without a zero
			}
			node, err := c.address(at, o)
			return &tree.Text{Address: node, Space: c.memory(o.place.space), Size: size}, err
		}
	}
	o, err := c.rvalue(at, o)
	if err != nil {
		return nil, err
	}
	if ctype.IsInteger(o.typ) && o.typ.Size() < ctype.PointerSize {
		return nil, c.fail(at, "", "%s is no address of text", o.typ)
	}
	return &tree.Text{Address: o.node, Space: c.memory(spaceOf(o.typ)), Size: size}, nil
}

// memory is whose memory is read by a pointer of that space.
func (c *checker) memory(s ctype.Space) ctype.Space {
	if s == ctype.AnySpace {
		return c.scope.Space
	}
	return s
}

// strcmp is STRCMP("literal", text): whether the text begins with the literal.
func (c *checker) strcmp(call *spec.Call) (operand, error) {
	if len(call.Args) != 2 {
		return operand{}, c.fail(call, `write STRCMP("text", x)`, "STRCMP takes a string and where to look for it")
	}
	lit, ok := unwrap(call.Args[0]).(*spec.String)
	if !ok {
		return operand{}, c.fail(call.Args[0], `write STRCMP("text", x)`, "want a string in double quotes")
	}
	o, err := c.expr(call.Args[1])
	if err != nil {
		return operand{}, err
	}
	return c.match(call.Args[1], o, lit, false)
}

// match compares text with a literal.
func (c *checker) match(at piece, o operand, lit *spec.String, whole bool) (operand, error) {
	const longest = 128 // bytes: room for it is on the stack of the program
	if len(lit.Value) == 0 || len(lit.Value) > longest {
		return operand{}, c.fail(lit, "", "want a string of 1 to %d bytes", longest)
	}
	if o.literal != nil {
		return operand{}, c.fail(at, "", "this is a literal, too")
	}
	text, err := c.textAt(at, o)
	if err != nil {
		return operand{}, err
	}
	t := *text
	// To see the end, one byte more than the literal is needed.
	t.Size = len(lit.Value) + 1
	if o.text != nil {
		if len(lit.Value) >= commSize {
			return operand{}, c.fail(lit, "", "the name of a task has at most %d bytes", commSize-1)
		}
		t.Size = commSize
	}
	return operand{typ: ctype.IntType, node: &tree.Match{Text: &t, Literal: lit.Value, Whole: whole}}, nil
}

// unwrap is an expression without parentheses around it.
func unwrap(x spec.Expr) spec.Expr {
	for {
		p, ok := x.(*spec.Paren)
		if !ok {
			return x
		}
		x = p.X
	}
}
