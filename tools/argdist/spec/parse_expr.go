package spec

// precedence of binary operators, as in C. What assigns is not there.
var precedence = map[string]int{
	"||": 1, "&&": 2, "|": 3, "^": 4, "&": 5,
	"==": 6, "!=": 6, "<": 7, "<=": 7, ">": 7, ">=": 7,
	"<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "%": 10,
}

// expr takes an expression, the conditional operator included.
func (p *parser) expr() (Expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	x, err := p.binary(1)
	if err != nil || !p.tok.is("?") {
		return x, err
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	then, err := p.expr()
	if err != nil {
		return nil, err
	}
	if err := p.expect(":", ": and the other value of ?:"); err != nil {
		return nil, err
	}
	other, err := p.expr()
	if err != nil {
		return nil, err
	}
	return &Cond{x, then, other, x.Span().To(other.Span())}, nil
}

// binary takes operators of at least a precedence.
func (p *parser) binary(least int) (Expr, error) {
	x, err := p.unary()
	if err != nil {
		return nil, err
	}
	for p.tok.kind == tokOperator {
		op := p.tok
		prec, ok := precedence[op.text]
		if !ok || prec < least {
			break
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		y, err := p.binary(prec + 1)
		if err != nil {
			return nil, err
		}
		x = &Binary{op.text, x, y, op.Range, x.Span().To(y.Span())}
		if p.operators++; p.operators > maxOperators {
			return nil, p.spec.At(op.Range, "", "more than %d operators", maxOperators)
		}
	}
	return x, nil
}

// maxOperators bounds a chain such as 1+1+1+..., which is as deep as it is long.
const maxOperators = 500

func (p *parser) unary() (Expr, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	t := p.tok
	switch {
	case t.is("++") || t.is("--"):
		return nil, p.spec.At(t.Range, "", "nothing can be changed by a probe")
	case t.is("-"), t.is("+"), t.is("~"), t.is("!"), t.is("*"), t.is("&"):
		if err := p.advance(); err != nil {
			return nil, err
		}
		x, err := p.unary()
		if err != nil {
			return nil, err
		}
		return &Unary{t.text, x, t.To(x.Span())}, nil
	case t.is("("):
		return p.parenthesis()
	case t.kind == tokName && t.text == "sizeof":
		return p.sizeof()
	}
	x, err := p.primary()
	if err != nil {
		return nil, err
	}
	return p.postfix(x)
}

// parenthesis takes a cast or an expression in parentheses.
func (p *parser) parenthesis() (Expr, error) {
	open := p.tok
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.beginsType(p.tok) {
		t, err := p.typeName()
		if err != nil {
			return nil, err
		}
		if err := p.expect(")", ") behind the type of a cast"); err != nil {
			return nil, err
		}
		x, err := p.unary()
		if err != nil {
			return nil, err
		}
		return &Cast{t, x, open.To(x.Span())}, nil
	}
	x, err := p.expr()
	if err != nil {
		return nil, err
	}
	paren := &Paren{x, open.To(p.tok.Range)}
	if err := p.expect(")", ")"); err != nil {
		return nil, err
	}
	return p.postfix(paren)
}

func (p *parser) sizeof() (Expr, error) {
	at := p.tok
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.tok.is("(") {
		mark := p.mark()
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.beginsType(p.tok) {
			t, err := p.typeName()
			if err != nil {
				return nil, err
			}
			end := p.tok.Range
			return &Sizeof{Type: t, Range: at.To(end)}, p.expect(")", ")")
		}
		p.reset(mark)
	}
	x, err := p.unary()
	if err != nil {
		return nil, err
	}
	return &Sizeof{X: x, Range: at.To(x.Span())}, nil
}

// primary takes what has no operator of its own.
func (p *parser) primary() (Expr, error) {
	t := p.tok
	switch t.kind {
	case tokNumber:
		n, err := p.number(t)
		if err != nil {
			return nil, err
		}
		return n, p.advance()
	case tokChar:
		n, err := p.char(t)
		if err != nil {
			return nil, err
		}
		return n, p.advance()
	case tokString:
		return &String{t.text, t.Range}, p.advance()
	case tokVariable:
		return p.variable(t)
	case tokName:
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.tok.is("(") {
			return p.call(Word{t.text, t.Range})
		}
		return &Name{t.text, t.Range}, nil
	}
	return nil, p.unexpected("an expression")
}

// variable takes one of ours. $entry has a parameter in parentheses.
func (p *parser) variable(t token) (Expr, error) {
	v := &Variable{Name: t.text, Range: t.Range}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if v.Name != "entry" {
		return v, nil
	}
	if err := p.expect("(", "( and the name of a parameter: $entry(size)"); err != nil {
		return nil, err
	}
	if p.tok.kind != tokName {
		return nil, p.unexpected("the name of a parameter")
	}
	v.Arg = &Name{p.tok.text, p.tok.Range}
	if err := p.advance(); err != nil {
		return nil, err
	}
	v.Range = v.To(p.tok.Range)
	if !p.tok.is(")") {
		return nil, p.spec.At(p.tok.Range, "write $entry(a)->b, not $entry(a->b): it is the parameter that is remembered", "want ) behind the name of a parameter, not %s", p.tok.shown())
	}
	return v, p.advance()
}

// postfix takes -> . [] behind an expression.
func (p *parser) postfix(x Expr) (Expr, error) {
	for n := 0; ; n++ {
		t := p.tok
		switch {
		case n > maxDepth:
			return nil, p.spec.At(t.Range, "", "more than %d members of members", maxDepth)
		case t.is("->"), t.is("."):
			if err := p.advance(); err != nil {
				return nil, err
			}
			if p.tok.kind != tokName {
				return nil, p.unexpected("the name of a member")
			}
			x = &Member{x, Word{p.tok.text, p.tok.Range}, t.text == "->", x.Span().To(p.tok.Range)}
			if err := p.advance(); err != nil {
				return nil, err
			}
		case t.is("["):
			if err := p.advance(); err != nil {
				return nil, err
			}
			i, err := p.expr()
			if err != nil {
				return nil, err
			}
			x = &Index{x, i, x.Span().To(p.tok.Range)}
			if err := p.expect("]", "]"); err != nil {
				return nil, err
			}
		case t.is("++"), t.is("--"):
			return nil, p.spec.At(t.Range, "", "nothing can be changed by a probe")
		default:
			return x, nil
		}
	}
}

// call takes the arguments of a function. The next token is the parenthesis.
func (p *parser) call(name Word) (Expr, error) {
	c := &Call{Func: name}
	if err := p.advance(); err != nil {
		return nil, err
	}
	for !p.tok.is(")") {
		x, err := p.expr()
		if err != nil {
			return nil, err
		}
		c.Args = append(c.Args, x)
		if p.tok.is(",") {
			if err := p.advance(); err != nil {
				return nil, err
			}
			continue
		}
		if !p.tok.is(")") {
			return nil, p.unexpected(", or )")
		}
	}
	c.Range = name.To(p.tok.Range)
	if err := p.advance(); err != nil {
		return nil, err
	}
	return p.postfix(c)
}
