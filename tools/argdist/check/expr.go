package check

import (
	"math"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/spec"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// expr understands an expression.
func (c *checker) expr(x spec.Expr) (operand, error) {
	switch x := x.(type) {
	case *spec.Paren:
		return c.expr(x.X)
	case *spec.Number:
		return number(x), nil
	case *spec.String:
		return operand{typ: textType, literal: x}, nil
	case *spec.Name:
		return c.name(x)
	case *spec.Variable:
		return c.variable(x)
	case *spec.Unary:
		return c.unary(x)
	case *spec.Binary:
		return c.binary(x)
	case *spec.Cond:
		return c.cond(x)
	case *spec.Cast:
		return c.cast(x)
	case *spec.Member:
		return c.member(x)
	case *spec.Index:
		return c.index(x)
	case *spec.Call:
		return c.call(x)
	case *spec.Sizeof:
		return c.sizeof(x)
	}
	return operand{}, c.fail(x, "", "not understood")
}

// value is an expression as a value.
func (c *checker) value(x spec.Expr) (operand, error) {
	o, err := c.expr(x)
	if err != nil {
		return o, err
	}
	return c.rvalue(x, o)
}

// scalar is an expression as a value that can be true or false.
func (c *checker) scalar(x spec.Expr) (operand, error) {
	o, err := c.value(x)
	if err == nil && !ctype.IsScalar(o.typ) {
		err = c.fail(x, "", "%s is neither a number nor a pointer", o.typ)
	}
	return o, err
}

// integer is an expression as a value of an integer type.
func (c *checker) integer(x spec.Expr) (operand, error) {
	o, err := c.value(x)
	if err == nil && !ctype.IsInteger(o.typ) {
		fix := ""
		if _, pointer := ctype.Underlying(o.typ).(*ctype.Pointer); pointer {
			fix = "cast it, to (u64) for instance"
		}
		err = c.fail(x, fix, "%s is no integer", o.typ)
	}
	return o, err
}

// number has the first type that it fits into (C11 6.4.4.1).
func number(n *spec.Number) operand {
	t := ctype.Type(ctype.ULong)
	switch fits := func(most uint64) bool { return n.Value <= most }; {
	case n.Char, !n.Long && !n.Unsigned && fits(math.MaxInt32):
		t = ctype.IntType
	case !n.Long && (n.Unsigned || !n.Decimal) && fits(math.MaxUint32):
		t = ctype.UInt
	case !n.Unsigned && fits(math.MaxInt64):
		t = ctype.Long
	}
	return operand{typ: t, node: &tree.Const{Value: int64(n.Value), T: t}}
}

// convert makes a value one of another type, as an assignment or a cast does.
func (c *checker) convert(at piece, o operand, to ctype.Type) (tree.Node, error) {
	switch {
	case !ctype.IsScalar(to):
		fix := ""
		if _, ok := ctype.Underlying(to).(*ctype.Float); ok {
			fix = "the kernel does not compute with floating point"
		}
		return nil, c.fail(at, fix, "%s cannot be made of %s", to, o.typ)
	case !ctype.IsScalar(o.typ):
		return nil, c.fail(at, "", "%s cannot be made of %s", to, o.typ)
	}
	return convertTo(o.node, to), nil
}

// convertTo leaves out conversions that change nothing.
func convertTo(n tree.Node, to ctype.Type) tree.Node {
	if k, ok := n.(*tree.Const); ok {
		return &tree.Const{Value: tree.Wrap(k.Value, to), T: to}
	}
	if tree.Keeps(n.Type(), to) && to.String() == n.Type().String() {
		return n
	}
	if in, ok := n.(*tree.Input); ok && in.T.Size() == to.Size() {
		return &tree.Input{Source: in.Source, Index: in.Index, T: to} // it is taken from a register anyway
	}
	return &tree.Convert{X: n, T: to}
}

// pointerTo is what a pointer points to, or nil for what is none.
func pointerTo(t ctype.Type) ctype.Type {
	if p, ok := ctype.Underlying(t).(*ctype.Pointer); ok {
		return p.Target
	}
	return nil
}

func (c *checker) cast(x *spec.Cast) (operand, error) {
	to, err := c.resolve(x.Type)
	if err != nil {
		return operand{}, err
	}
	o, err := c.expr(x.X)
	if err != nil {
		return o, err
	}
	// (char *)$COMM is what the text is already.
	if o.text != nil && ctype.IsString(to) {
		return o, nil
	}
	if o, err = c.rvalue(x.X, o); err != nil {
		return o, err
	}
	if _, void := ctype.Underlying(to).(*ctype.Void); void {
		return o, c.fail(x.Type, "", "a value of type void is none")
	}
	node, err := c.convert(x, o, to)
	if err != nil {
		return o, err
	}
	if pointerTo(to) != nil {
		to = withSpace(to, spaceOf(o.typ))
		node = convertTo(o.node, to)
	}
	return operand{typ: to, node: node}, nil
}

func (c *checker) sizeof(x *spec.Sizeof) (operand, error) {
	var t ctype.Type
	if x.Type != nil {
		var err error
		if t, err = c.resolve(x.Type); err != nil {
			return operand{}, err
		}
	} else {
		o, err := c.expr(x.X)
		if err != nil {
			return o, err
		}
		t = o.typ
	}
	if t.Size() == 0 {
		return operand{}, c.fail(x, "", "the size of %s is not known", t)
	}
	return operand{typ: ctype.ULong, node: &tree.Const{Value: int64(t.Size()), T: ctype.ULong}}, nil
}

func (c *checker) cond(x *spec.Cond) (operand, error) {
	test, err := c.scalar(x.If)
	if err != nil {
		return test, err
	}
	then, err := c.scalar(x.Then)
	if err != nil {
		return then, err
	}
	other, err := c.scalar(x.Else)
	if err != nil {
		return other, err
	}
	t := then.typ
	switch {
	case ctype.IsInteger(then.typ) && ctype.IsInteger(other.typ):
		t = ctype.Common(then.typ, other.typ)
	case pointerTo(then.typ) == nil: // the other one is a pointer
		t = other.typ
	}
	return operand{typ: t, node: &tree.Cond{If: test.node, Then: convertTo(then.node, t), Else: convertTo(other.node, t), T: t}}, nil
}

func isBool(t ctype.Type) bool {
	i, ok := ctype.Underlying(t).(*ctype.Int)
	return ok && i.Bool
}
