package check

import (
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/spec"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// operand is an expression, or a part of one, that is understood.
type operand struct {
	typ  ctype.Type
	node tree.Node // its value; nil if it is at a place, or text
	// place is where it lies, of what is in memory, in the context or a part of an
	// argument.
	place   *place
	text    *tree.Text   // $COMM
	literal *spec.String // a string
}

func (o operand) isString() bool { return o.literal != nil }

func (o operand) stack() bool {
	in, ok := o.node.(*tree.Input)
	return ok && (in.Source == tree.Stack || in.Source == tree.UserStack)
}

// place is where something lies. Exactly one of base, whole and context is what
// offset counts from.
type place struct {
	base    tree.Node // an address
	whole   tree.Node // a struct of up to eight bytes that is an argument
	context bool      // the program's context
	offset  int       // bits
	bits    int       // of a bit field; 0 if it is none
	space   ctype.Space
	data    *tree.DataAddress // of variable length, somewhere behind the record
}

// rvalue is the value of an operand: what is at a place is read, an array becomes a
// pointer to its first element.
func (c *checker) rvalue(at piece, o operand) (operand, error) {
	switch {
	case o.literal != nil:
		return o, c.fail(at, `use STRCMP("text", x), or $COMM == "text"`, "a string literal cannot be computed with")
	case o.text != nil:
		return o, c.fail(at, `use STRCMP("text", $COMM), or $COMM == "text"`, "the name of a task is text, which cannot be computed with")
	case o.stack():
		return o, c.fail(at, "", "a stack can only be counted by, not computed with")
	case o.place == nil:
		return o, nil
	}
	p := o.place
	switch t := ctype.Underlying(o.typ).(type) {
	case *ctype.Array:
		node, err := c.address(at, o)
		return operand{typ: ctype.Decay(o.typ, p.space), node: node}, err
	case *ctype.Func:
		return operand{typ: ctype.Decay(o.typ, p.space), node: p.base}, nil
	case *ctype.Struct:
		fix := ""
		if names := t.MemberNames(); len(names) > 0 {
			fix = "take a member of it, such as ." + names[0]
		}
		return o, c.fail(at, fix, "%s as a whole has no value to compute with", o.typ)
	case *ctype.Void:
		return o, c.fail(at, "cast the pointer first: *(int *)p", "what a void * points to has no type")
	case *ctype.Float:
		return o, c.fail(at, "", "%s: the kernel does not compute with floating point", o.typ)
	}
	if o.typ.Size() > 8 || o.typ.Size() == 0 {
		return o, c.fail(at, "", "%s has %d bytes: more than 8 cannot be computed with", o.typ, o.typ.Size())
	}
	v := operand{typ: withSpace(o.typ, p.space), node: c.read(p, o.typ)}
	if p.bits > 0 {
		v.typ = ctype.PromoteBits(o.typ, p.bits)
		v.node = convertTo(v.node, v.typ)
	}
	return v, nil
}

// read reads a number; of a bit field, the whole unit that it lies in.
func (c *checker) read(p *place, t ctype.Type) tree.Node {
	size, start, shift := t.Size(), p.offset/8, 0
	unit, boolean := t, isBool(t)
	if boolean {
		unit = ctype.UChar // whatever byte is there
	}
	if p.bits > 0 {
		for size = 1; size < 8; size *= 2 {
			if first := p.offset / (8 * size) * (8 * size); p.offset+p.bits <= first+8*size {
				break
			}
		}
		start = p.offset / (8 * size) * size
		shift = p.offset - start*8
		unit = unsigned(size) // aligned, so that no byte beyond the struct is touched
	}
	var n tree.Node
	switch {
	case p.whole != nil:
		width := p.bits
		if width == 0 {
			width = 8 * t.Size()
		}
		n = &tree.Bits{X: p.whole, Shift: p.offset, Width: width, T: unit}
	case p.context:
		n = &tree.Context{Offset: start, Size: size, T: unit}
	default:
		n = &tree.Load{Address: plus(p.base, start), Size: size, Space: p.space, T: unit}
	}
	if p.bits > 0 && p.whole == nil {
		n = &tree.Bits{X: n, Shift: shift, Width: p.bits, T: t}
		boolean = false // one bit of it is 0 or 1 already
	}
	if boolean {
		n = &tree.Convert{X: n, T: t}
	}
	return n
}

func unsigned(size int) ctype.Type {
	return map[int]ctype.Type{1: ctype.UChar, 2: ctype.UShort, 4: ctype.UInt, 8: ctype.ULong}[size]
}

// plus is an address with bytes added to it.
func plus(base tree.Node, bytes int) tree.Node {
	switch b := base.(type) {
	case *tree.ContextAddress:
		return &tree.ContextAddress{Offset: b.Offset + bytes, T: b.T}
	case *tree.Binary: // an address with something added already
		if k, ok := b.Y.(*tree.Const); ok && b.Op == "+" && b.T == addressType {
			return &tree.Binary{Op: "+", X: b.X, Y: &tree.Const{Value: k.Value + int64(bytes), T: addressType}, T: addressType}
		}
	}
	if bytes == 0 {
		return base
	}
	return &tree.Binary{Op: "+", X: base, Y: &tree.Const{Value: int64(bytes), T: addressType}, T: addressType}
}

// addressType is what addresses are computed in.
var addressType = ctype.ULong

// address is where an operand lies.
func (c *checker) address(at piece, o operand) (tree.Node, error) {
	p := o.place
	switch {
	case p == nil:
		return nil, c.fail(at, "", "this is a value, and nothing that lies in memory")
	case p.bits > 0:
		return nil, c.fail(at, "", "a bit field has no address")
	case p.data != nil:
		d := *p.data
		return &d, nil
	case p.whole != nil:
		return nil, c.fail(at, "", "this lies in a register and has no address")
	case p.context:
		c.out.Context = true
		return &tree.ContextAddress{Offset: p.offset / 8, T: addressType}, nil
	}
	return plus(p.base, p.offset/8), nil
}
