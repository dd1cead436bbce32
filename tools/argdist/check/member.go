package check

import (
	"strings"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/names"
	"github.com/ringside-tools/ringside/tools/argdist/spec"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// member is x.name or x->name.
func (c *checker) member(x *spec.Member) (operand, error) {
	if n, ok := unwrap(x.X).(*spec.Name); ok && x.Arrow && c.param(n.Name) == nil {
		switch {
		case n.Name == "args" && c.scope.Fields != nil:
			return c.field(x)
		case n.Name == "ctx" && c.scope.Registers != nil:
			return c.register(x)
		}
	}
	var o operand
	var err error
	if x.Arrow {
		o, err = c.deref(x.X, x.X)
	} else {
		o, err = c.expr(x.X)
	}
	if err != nil {
		return o, err
	}
	return c.memberOf(x, o)
}

// memberOf takes a member of what is somewhere.
func (c *checker) memberOf(x *spec.Member, o operand) (operand, error) {
	s, ok := ctype.Underlying(o.typ).(*ctype.Struct)
	if !ok {
		fix := ""
		if p, ok := ctype.Underlying(o.typ).(*ctype.Pointer); ok && !x.Arrow {
			if _, ok := ctype.Underlying(p.Target).(*ctype.Struct); ok {
				fix = "it is a pointer: write ->" + x.Name.Text
			}
		}
		return o, c.fail(x.X, fix, "%s has no members", o.typ)
	}
	if s.Incomplete {
		return o, c.fail(x.X, "cast it to a type that is known here", "what %s consists of is not known", o.typ)
	}
	m, ok := s.Member(x.Name.Text)
	if !ok {
		if to, renamed := renamedMember(s, x.Name.Text); renamed {
			c.warn(x.Name, "", "in this kernel, %s of %s is %s", x.Name.Text, s, strings.Join(to, "."))
			return c.path(x, o, to)
		}
		fix := ""
		if near := names.Nearest(x.Name.Text, s.MemberNames()); near != "" {
			fix = "did you mean " + near + "?"
		}
		return o, c.fail(x.Name, fix, "no member %q in %s", x.Name.Text, s)
	}
	if o.place == nil {
		return o, c.fail(x.X, "", "%s is no place to take a member of", o.typ)
	}
	p := *o.place
	p.offset += m.Offset
	p.bits = m.Bits
	return operand{typ: m.Type, place: &p}, nil
}

// path takes a member of a member.
func (c *checker) path(x *spec.Member, o operand, path []string) (operand, error) {
	var err error
	for _, name := range path {
		if o, err = c.memberOf(&spec.Member{X: x.X, Name: spec.Word{Text: name, Range: x.Name.Range}, Range: x.Range}, o); err != nil {
			return o, err
		}
	}
	return o, nil
}

// renamed are members of the kernel's structs that have another name in later
// kernels.
var renamed = map[string][]string{
	"dentry.d_iname":    {"d_shortname", "string"}, // 6.15
	"task_struct.state": {"__state"},               // 5.14
}

func renamedMember(s *ctype.Struct, name string) ([]string, bool) {
	to, ok := renamed[s.Name+"."+name]
	if ok {
		_, ok = s.Member(to[0])
	}
	return to, ok
}

// index is x[i].
func (c *checker) index(x *spec.Index) (operand, error) {
	o, err := c.expr(x.X)
	if err != nil {
		return o, err
	}
	i, err := c.integer(x.I)
	if err != nil {
		return i, err
	}
	a, array := ctype.Underlying(o.typ).(*ctype.Array)
	k, constant := i.node.(*tree.Const)
	if array && constant && o.place != nil && o.place.data == nil {
		if a.Len > 0 && (k.Value < 0 || k.Value >= int64(a.Len)) {
			return o, c.fail(x.I, "", "%s has elements 0 to %d", o.typ, a.Len-1)
		}
		p := *o.place
		p.offset += int(k.Value) * a.Elem.Size() * 8
		return operand{typ: a.Elem, place: &p}, nil
	}
	if o, err = c.rvalue(x.X, o); err != nil {
		return o, err
	}
	target := pointerTo(o.typ)
	if target == nil {
		return o, c.fail(x.X, "", "%s is neither an array nor a pointer", o.typ)
	}
	moved, err := c.move(x, o, i, "+", target)
	if err != nil {
		return o, err
	}
	return operand{typ: target, place: &place{base: moved.node, space: c.memory(spaceOf(o.typ))}}, nil
}
