package check

import (
	"strings"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/spec"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// Check understands a specifier. An error is a *[spec.Error].
func Check(s *spec.Spec, scope *Scope) (*Checked, error) {
	c := &checker{spec: s, scope: scope, out: &Checked{Spec: s}}
	if err := c.params(); err != nil {
		return nil, err
	}
	if len(s.Exprs) == 0 {
		c.defaults()
	}
	for i, x := range s.Exprs {
		var t *spec.TypeName
		if i < len(s.Types) {
			t = s.Types[i]
		}
		e, err := c.key(x, t)
		if err != nil {
			return nil, err
		}
		c.out.Exprs = append(c.out.Exprs, e)
	}
	if s.Filter != nil {
		o, err := c.scalar(s.Filter)
		if err != nil {
			return nil, err
		}
		c.out.Filter = o.node
	}
	return c.out, nil
}

type checker struct {
	spec  *spec.Spec
	scope *Scope
	args  []param
	out   *Checked
}

// piece is anything with a place in the text.
type piece interface{ Span() spec.Range }

func (c *checker) fail(at piece, fix, format string, args ...any) error {
	return c.spec.At(at.Span(), fix, format, args...)
}

func (c *checker) warn(at piece, fix, format string, args ...any) {
	c.out.Warnings = append(c.out.Warnings, c.spec.At(at.Span(), fix, format, args...))
}

// defaults are what a specifier without expressions counts: what a function
// returns, or how often a probe is hit.
func (c *checker) defaults() {
	c.out.Default = true
	if len(c.spec.Types) > 0 {
		c.warn(c.spec.Types[0], "", "a type without an expression is left out of account, as by bcc")
	}
	if c.spec.Kind != spec.Return {
		return
	}
	if c.scope.Func != nil && c.scope.Func.Result != nil {
		if _, void := ctype.Underlying(c.scope.Func.Result).(*ctype.Void); void {
			return
		}
	}
	c.out.Exprs = []Expr{{Text: "$retval", Type: ctype.IntType, Node: &tree.Input{Source: tree.Result, T: ctype.IntType}}}
}

// key makes what a table is keyed by, or a histogram is of.
func (c *checker) key(x spec.Expr, t *spec.TypeName) (Expr, error) {
	e := Expr{Text: oneLine(c.spec.Source(x.Span()))}
	o, err := c.expr(x)
	if err != nil {
		return e, err
	}
	var want ctype.Type
	if t != nil {
		if want, err = c.resolve(t); err != nil {
			return e, err
		}
	}
	switch {
	case o.isString():
		return e, c.fail(x, "", "a string literal is always the same")
	case o.stack():
		e.Type, e.Node = o.typ, o.node
		return e, nil
	case o.text != nil:
		if want != nil && !ctype.IsString(want) {
			return e, c.fail(t, "write char* for its type", "%s is text, which does not fit into %s", e.Text, want)
		}
		e.Type, e.Node = textType, o.text
		return e, nil
	case want == nil && ctype.IsString(o.typ), want != nil && ctype.IsString(want):
		e.Type = textType
		e.Node, err = c.textAt(x, o)
		return e, err
	}
	o, err = c.rvalue(x, o)
	if err != nil {
		return e, err
	}
	if want == nil {
		want = o.typ
	}
	e.Type = want
	e.Node, err = c.convert(x, o, want)
	return e, err
}

var textType = &ctype.Pointer{Target: ctype.Char}

// oneLine is text without the line breaks and the indentation that it may have
// been written with.
func oneLine(s string) string {
	if !strings.ContainsAny(s, "\n\r\t") {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}
