package check

import (
	"fmt"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/libc"
	"github.com/ringside-tools/ringside/tools/argdist/names"
	"github.com/ringside-tools/ringside/tools/argdist/spec"
)

// resolve finds the type that is meant.
func (c *checker) resolve(t *spec.TypeName) (ctype.Type, error) {
	var found ctype.Type
	var ok bool
	if t.Tag != "" {
		if found, ok = c.scope.Types.Tagged(t.Tag, t.Name); !ok {
			// A pointer to what nobody knows is a pointer all the same.
			if t.Stars == 0 || t.Tag == "enum" {
				return nil, c.fail(t, "", "unknown type %s %s", t.Tag, t.Name)
			}
			found = &ctype.Struct{Name: t.Name, Union: t.Tag == "union", Incomplete: true}
		}
	} else if found, ok = c.scope.Types.Named(t.Name); !ok {
		fix := ""
		for _, tag := range []string{"struct", "union", "enum"} {
			if _, tagged := c.scope.Types.Tagged(tag, t.Name); tagged {
				fix = fmt.Sprintf("write %s %s", tag, t.Name)
				break
			}
		}
		if near := names.Nearest(t.Name, libc.Names()); fix == "" && near != "" {
			fix = "did you mean " + near + "?"
		}
		return nil, c.fail(t, fix, "unknown type %s", t.Name)
	}
	for i := range t.Stars {
		p := &ctype.Pointer{Target: found}
		if t.User && i == t.Stars-1 {
			p.Space = ctype.User
		}
		found = p
	}
	return found, nil
}

// params joins what the signature says with what is known of the function: a type
// that was left out is the function's own, and so is a name.
func (c *checker) params() error {
	known := &ctype.Func{}
	if c.scope.Func != nil {
		known = c.scope.Func
	}
	s := c.spec
	n := len(known.Params)
	if s.Signed {
		n = max(n, len(s.Params))
	}
	for i := range n {
		var p ctype.Param
		if i < len(known.Params) {
			p = known.Params[i]
		}
		slot := i
		if i < len(c.scope.Slots) {
			slot = c.scope.Slots[i]
		} else if k := len(c.scope.Slots); k > 0 {
			slot = c.scope.Slots[k-1] + i - k + 1
		}
		if i < len(s.Params) {
			own := s.Params[i]
			if own.Name != "" {
				p.Name = own.Name
			}
			if own.Type != nil {
				t, err := c.resolve(own.Type)
				if err != nil {
					return err
				}
				p.Type = withSpace(t, spaceOf(p.Type))
			}
			if slot >= c.scope.MaxArgs {
				return c.fail(own, "", "no more than %d arguments can be seen of a function", c.scope.MaxArgs)
			}
			if p.Type == nil && own.Name != "" {
				return c.fail(own, "write its type before it, as in (size_t size)", "the type of %s is not known", own.Name)
			}
		}
		c.args = append(c.args, param{p, slot})
		c.out.Params = append(c.out.Params, p)
	}
	return nil
}

// param is a parameter and the place of its value.
type param struct {
	ctype.Param
	slot int
}

func (c *checker) param(name string) *param {
	for i := range c.args {
		if c.args[i].Name == name {
			return &c.args[i]
		}
	}
	return nil
}

// withSpace is a type whose pointer points into that memory, unless it says
// another.
func withSpace(t ctype.Type, space ctype.Space) ctype.Type {
	p, ok := ctype.Underlying(t).(*ctype.Pointer)
	if !ok || p.Space != ctype.AnySpace || space == ctype.AnySpace {
		return t
	}
	return &ctype.Pointer{Target: p.Target, Space: space}
}

// spaceOf is whose memory a pointer points into; AnySpace if it does not say, or is
// no pointer.
func spaceOf(t ctype.Type) ctype.Space {
	if t == nil {
		return ctype.AnySpace
	}
	if p, ok := ctype.Underlying(t).(*ctype.Pointer); ok {
		return p.Space
	}
	return ctype.AnySpace
}
