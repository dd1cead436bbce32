package spec

import "strings"

// Words of C that make a type by themselves or together.
var typeWords = map[string]bool{
	"void": true, "char": true, "short": true, "int": true, "long": true, "signed": true, "unsigned": true, "_Bool": true,
	"float": true, "double": true,
}

// qualifiers say nothing that matters to who only reads.
var qualifiers = map[string]bool{
	"const": true, "volatile": true, "restrict": true, "__restrict": true, "register": true, "__rcu": true, "__percpu": true, "__iomem": true,
}

var tags = map[string]bool{"struct": true, "union": true, "enum": true}

// beginsType reports whether a type begins with the token.
func (p *parser) beginsType(t token) bool {
	return t.kind == tokName && (typeWords[t.text] || tags[t.text] || qualifiers[t.text] || t.text == "__user" || p.isType(t.text))
}

// typeName takes a type. The next token must begin one.
func (p *parser) typeName() (*TypeName, error) {
	t := &TypeName{Range: p.tok.Range}
	var words []string
	for p.tok.kind == tokName {
		switch w := p.tok.text; {
		case qualifiers[w]:
		case w == "__user":
			t.User = true
		case tags[w] && words == nil:
			t.Tag = w
			t.Range = t.To(p.tok.Range)
			if err := p.advance(); err != nil {
				return nil, err
			}
			if p.tok.kind != tokName {
				return nil, p.unexpected("the name of a " + t.Tag)
			}
			words = []string{p.tok.text}
		case typeWords[w] && t.Tag == "" && (words == nil || typeWords[words[0]]):
			words = append(words, w)
		case words == nil:
			words = []string{w}
		default:
			goto name
		}
		t.Range = t.To(p.tok.Range)
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
name:
	if words == nil {
		return nil, p.unexpected("a type")
	}
	t.Name = strings.Join(words, " ")
	for p.tok.is("*") || p.tok.kind == tokName && (qualifiers[p.tok.text] || p.tok.text == "__user") {
		switch {
		case p.tok.is("*"):
			t.Stars++
		case p.tok.text == "__user":
			t.User = true
		}
		t.Range = t.To(p.tok.Range)
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// types tries to take a list of types up to the next colon. Where something is
// none, it takes nothing, and what is there are expressions.
func (p *parser) types() []*TypeName {
	start := p.mark()
	var list []*TypeName
	for p.beginsType(p.tok) {
		t, err := p.typeName()
		if err != nil {
			break
		}
		list = append(list, t)
		if p.tok.is(",") {
			if p.advance() != nil {
				break
			}
			continue
		}
		if p.tok.is(":") || p.tok.is("#") || p.tok.kind == tokEnd {
			return list
		}
		break
	}
	p.reset(start)
	return nil
}

// signature takes parameters up to the closing parenthesis.
func (p *parser) signature() ([]Param, error) {
	var params []Param
	for !p.tok.is(")") {
		param, err := p.param()
		if err != nil {
			return nil, err
		}
		params = append(params, param)
		switch {
		case p.tok.is(","):
			if err := p.advance(); err != nil {
				return nil, err
			}
			if p.tok.is(")") {
				return nil, p.unexpected("a parameter")
			}
		case p.tok.is("(") || p.tok.is("["):
			return nil, p.spec.At(p.tok.Range, "declare it as void *", "pointers to functions and arrays are not understood in a signature")
		case !p.tok.is(")"):
			return nil, p.unexpected(", or )")
		}
	}
	if len(params) == 1 && params[0].Name == "" && params[0].Type != nil && params[0].Type.Name == "void" && params[0].Type.Stars == 0 {
		return nil, nil // f(void)
	}
	return params, nil
}

// param takes a parameter: a type with or without a name, or a name alone.
func (p *parser) param() (Param, error) {
	first := p.tok
	if first.kind != tokName {
		return Param{}, p.unexpected("a parameter")
	}
	if !p.beginsType(first) {
		// A name alone, unless a name or a star follows: then it is a type that
		// nobody knows, which is told when it is looked up.
		mark := p.mark()
		if err := p.advance(); err != nil {
			return Param{}, err
		}
		if p.tok.is(",") || p.tok.is(")") {
			return Param{Name: first.text, Range: first.Range}, nil
		}
		p.reset(mark)
	}
	t, err := p.typeName()
	if err != nil {
		return Param{}, err
	}
	param := Param{Type: t, Range: t.Range}
	if p.tok.kind == tokName {
		param.Name, param.Range = p.tok.text, t.To(p.tok.Range)
		return param, p.advance()
	}
	return param, nil
}
