package check

import (
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/spec"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

func (c *checker) unary(x *spec.Unary) (operand, error) {
	switch x.Op {
	case "*":
		return c.deref(x, x.X)
	case "&":
		return c.addressOf(x)
	case "!":
		o, err := c.scalar(x.X)
		return operand{typ: ctype.IntType, node: &tree.Unary{Op: "!", X: o.node, T: ctype.IntType}}, err
	}
	o, err := c.integer(x.X)
	if err != nil {
		return o, err
	}
	t := ctype.Promote(o.typ)
	n := convertTo(o.node, t)
	if k, ok := n.(*tree.Const); ok {
		return operand{typ: t, node: &tree.Const{Value: tree.Wrap(fold(x.Op, k.Value), t), T: t}}, nil
	}
	if x.Op == "+" {
		return operand{typ: t, node: n}, nil
	}
	return operand{typ: t, node: &tree.Unary{Op: x.Op, X: n, T: t}}, nil
}

// fold computes an operator of a constant.
func fold(op string, v int64) int64 {
	switch op {
	case "-":
		return -v
	case "~":
		return ^v
	}
	return v
}

// addressOf is &x, or what a pointer was for &*p.
func (c *checker) addressOf(x *spec.Unary) (operand, error) {
	o, err := c.expr(x.X)
	if err != nil {
		return o, err
	}
	if o.place == nil {
		return o, c.fail(x, "", "only of something in memory there is an address")
	}
	node, err := c.address(x, o)
	return operand{typ: &ctype.Pointer{Target: o.typ, Space: o.place.space}, node: node}, err
}

// deref is what a pointer points to.
func (c *checker) deref(at piece, x spec.Expr) (operand, error) {
	o, err := c.value(x)
	if err != nil {
		return o, err
	}
	target := pointerTo(o.typ)
	if target == nil {
		return o, c.fail(x, "cast it to a pointer first: *(int *)x", "%s is no pointer", o.typ)
	}
	return operand{typ: target, place: &place{base: o.node, space: c.memory(spaceOf(o.typ))}}, nil
}

func (c *checker) binary(x *spec.Binary) (operand, error) {
	switch x.Op {
	case "&&", "||":
		return c.logic(x)
	case "==", "!=":
		if o, ok, err := c.sameText(x); ok || err != nil {
			return o, err
		}
	}
	a, b, err := c.scalars(x)
	if err != nil {
		return a, err
	}
	if pointerTo(a.typ) != nil || pointerTo(b.typ) != nil {
		return c.pointers(x, a, b)
	}
	switch x.Op {
	case "<<", ">>":
		return c.shift(x, a, b)
	case "==", "!=", "<", "<=", ">", ">=":
		t := ctype.Common(a.typ, b.typ)
		return operand{typ: ctype.IntType, node: compute(x.Op, convertTo(a.node, t), convertTo(b.node, t), ctype.IntType)}, nil
	}
	t := ctype.Common(a.typ, b.typ)
	y := convertTo(b.node, t)
	if k, ok := y.(*tree.Const); ok && k.Value == 0 && (x.Op == "/" || x.Op == "%") {
		return a, c.fail(x.Y, "", "division by zero")
	}
	return operand{typ: t, node: compute(x.Op, convertTo(a.node, t), y, t)}, nil
}

// scalars are both operands.
func (c *checker) scalars(x *spec.Binary) (a, b operand, err error) {
	if a, err = c.scalar(x.X); err == nil {
		b, err = c.scalar(x.Y)
	}
	return a, b, err
}

// compute makes a node of an operator, or its result where that is known already.
func compute(op string, x, y tree.Node, t ctype.Type) tree.Node {
	a, ok := x.(*tree.Const)
	b, both := y.(*tree.Const)
	if ok && both {
		if v, ok := tree.Apply(op, a.Value, b.Value, a.T); ok {
			return &tree.Const{Value: tree.Wrap(v, t), T: t}
		}
	}
	return &tree.Binary{Op: op, X: x, Y: y, T: t}
}

func (c *checker) logic(x *spec.Binary) (operand, error) {
	a, b, err := c.scalars(x)
	if err != nil {
		return a, err
	}
	return operand{typ: ctype.IntType, node: &tree.Logic{And: x.Op == "&&", X: a.node, Y: b.node}}, nil
}

func (c *checker) shift(x *spec.Binary, a, b operand) (operand, error) {
	t := ctype.Promote(a.typ)
	if k, ok := b.node.(*tree.Const); ok && (k.Value < 0 || k.Value >= int64(t.Size()*8)) {
		return a, c.fail(x.Y, "", "%s has %d bits: it cannot be shifted by that", t, t.Size()*8)
	}
	return operand{typ: t, node: compute(x.Op, convertTo(a.node, t), convertTo(b.node, ctype.Promote(b.typ)), t)}, nil
}

// sameText is text == "literal", which C does not have, and !=.
func (c *checker) sameText(x *spec.Binary) (operand, bool, error) {
	lit, ok := unwrap(x.Y).(*spec.String)
	other := x.X
	if !ok {
		if lit, ok = unwrap(x.X).(*spec.String); !ok {
			return operand{}, false, nil
		}
		other = x.Y
	}
	o, err := c.expr(other)
	if err != nil {
		return o, true, err
	}
	if o.text == nil && !ctype.IsString(o.typ) {
		return o, true, c.fail(other, "cast it to (char *), or use STRCMP", "%s is no text", o.typ)
	}
	o, err = c.match(other, o, lit, true)
	if err == nil && x.Op == "!=" {
		o.node = &tree.Unary{Op: "!", X: o.node, T: ctype.IntType}
	}
	return o, true, err
}

// pointers computes with pointers: they are compared, moved by elements, and
// subtracted.
func (c *checker) pointers(x *spec.Binary, a, b operand) (operand, error) {
	pa, pb := pointerTo(a.typ), pointerTo(b.typ)
	switch {
	case precedes(x.Op):
		return operand{typ: ctype.IntType, node: compute(x.Op, convertTo(a.node, addressType), convertTo(b.node, addressType), ctype.IntType)}, nil
	case x.Op == "-" && pa != nil && pb != nil:
		size, err := c.stride(x, pa)
		if err != nil {
			return a, err
		}
		diff := compute("-", convertTo(a.node, ctype.Long), convertTo(b.node, ctype.Long), ctype.Long)
		return operand{typ: ctype.Long, node: compute("/", diff, &tree.Const{Value: int64(size), T: ctype.Long}, ctype.Long)}, nil
	case x.Op == "+" && pa == nil:
		return c.move(x, b, a, "+", pb)
	case x.Op == "+" && pb == nil, x.Op == "-" && pb == nil:
		return c.move(x, a, b, x.Op, pa)
	}
	return a, c.fail(x.At, "cast them to (u64) first", "there is no %s of pointers", x.Op)
}

func precedes(op string) bool {
	switch op {
	case "==", "!=", "<", "<=", ">", ">=":
		return true
	}
	return false
}

// stride is the size of what a pointer points to. As in GNU C that of void is 1.
func (c *checker) stride(at piece, target ctype.Type) (int, error) {
	if _, void := ctype.Underlying(target).(*ctype.Void); void {
		return 1, nil
	}
	if target.Size() == 0 {
		return 0, c.fail(at, "", "the size of %s is not known", target)
	}
	return target.Size(), nil
}

// move is a pointer that many elements further.
func (c *checker) move(at piece, p, by operand, op string, target ctype.Type) (operand, error) {
	size, err := c.stride(at, target)
	if err != nil {
		return p, err
	}
	n := compute("*", convertTo(by.node, ctype.Long), &tree.Const{Value: int64(size), T: ctype.Long}, ctype.Long)
	if k, ok := n.(*tree.Const); ok && op == "+" {
		return operand{typ: p.typ, node: plus(p.node, int(k.Value))}, nil
	}
	node := &tree.Binary{Op: op, X: convertTo(p.node, addressType), Y: convertTo(n, addressType), T: addressType}
	return operand{typ: p.typ, node: node}, nil
}
