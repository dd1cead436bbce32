package spec

import "strings"

// Parse reads a specifier. isType says whether a name is a type. An error is an
// *[Error].
func Parse(text string, isType func(name string) bool) (*Spec, error) {
	s := &Spec{Text: text}
	if len(text) > maxText {
		return nil, s.At(Range{}, "", "longer than %d bytes", maxText)
	}
	p := &parser{lexer: lexer{spec: s}, isType: isType}
	if err := p.head(); err != nil {
		return nil, err
	}
	if err := p.body(); err != nil {
		return nil, err
	}
	return s, nil
}

// parser looks one token ahead.
type parser struct {
	lexer
	tok       token
	isType    func(string) bool
	depth     int
	operators int
}

// grammar is what an error shows that cannot make head or tail of a specifier.
const grammar = "{p|r|t|u}:{library|category}:function(signature)[:types:exprs[:filter]][#label], such as p::vfs_read(file, buf, count):count"

// head takes kind, library and function with its signature. Paths and wildcards
// are no tokens of C: they end at the next colon or parenthesis.
func (p *parser) head() error {
	s := p.spec
	kind := p.until(":")
	switch kind.Text {
	case "p", "r", "t", "u":
		s.Kind = Kind(kind.Text[0])
	default:
		return s.At(kind.Range, grammar, "%q is no kind of probe: want p (entry), r (return), t (tracepoint) or u (USDT)", kind.Text)
	}
	if !p.colon() {
		return s.At(p.here(), grammar, "want a colon behind the kind of probe")
	}
	s.Library = p.until(":(")
	if !p.colon() {
		return s.At(p.here(), "for a function of the kernel leave the library empty: "+kind.Text+"::"+s.Library.Text, "want a colon behind the library")
	}
	s.Name = p.until(":(#;")
	if s.Name.Text == "" {
		return s.At(p.here(), grammar, "want the name of a %s", what(s.Kind))
	}
	if i := strings.IndexFunc(s.Name.Text, func(r rune) bool { return r <= ' ' || r == 0x7f }); i >= 0 {
		at := s.Name.Pos + i
		return s.At(Range{at, at + 1}, "", "a space within the name of a %s", what(s.Kind))
	}
	if err := p.advance(); err != nil {
		return err
	}
	if !p.tok.is("(") {
		return nil
	}
	if err := p.advance(); err != nil {
		return err
	}
	s.Signed = !p.tok.is(")")
	var err error
	if s.Params, err = p.signature(); err != nil {
		return err
	}
	return p.expect(")", ") behind the signature")
}

// what is probed.
func what(k Kind) string {
	switch k {
	case Tracepoint:
		return "tracepoint"
	case USDT:
		return "static probe"
	}
	return "function"
}

// body takes types, expressions, filter and label.
func (p *parser) body() error {
	s := p.spec
	if p.tok.is(":") {
		if err := p.advance(); err != nil {
			return err
		}
		s.Types = p.types()
		empty := p.tok.is(":") && s.Types == nil
		if s.Types != nil || empty {
			if p.tok.is(":") {
				if err := p.advance(); err != nil {
					return err
				}
				if err := p.exprs(); err != nil {
					return err
				}
			}
		} else if err := p.exprs(); err != nil {
			return err
		}
	}
	if p.tok.is(":") && len(s.Exprs) > 0 {
		if err := p.advance(); err != nil {
			return err
		}
		var err error
		if s.Filter, err = p.expr(); err != nil {
			return err
		}
	}
	return p.label()
}

func (p *parser) exprs() error {
	s := p.spec
	for {
		x, err := p.expr()
		if err != nil {
			return err
		}
		s.Exprs = append(s.Exprs, x)
		if !p.tok.is(",") {
			break
		}
		if err := p.advance(); err != nil {
			return err
		}
	}
	if n := len(s.Types); n > 0 && n != len(s.Exprs) {
		last := s.Exprs[len(s.Exprs)-1]
		return s.At(s.Types[0].To(last.Span()), "give every expression its type, or leave all types out: ::a,b", "%d types for %d expressions", n, len(s.Exprs))
	}
	return nil
}

// label takes what follows a #, as it is.
func (p *parser) label() error {
	switch {
	case p.tok.kind == tokEnd:
		return nil
	case p.tok.is("#"):
		p.spec.Label = strings.TrimSpace(p.spec.Text[p.tok.End:])
		return nil
	case p.tok.is(";"):
		return p.spec.At(p.tok.Range, "write # instead of ;", "a label begins with #")
	case p.tok.is("="), len(p.tok.text) > 1 && p.tok.kind == tokOperator && strings.HasSuffix(p.tok.text, "="):
		return p.spec.At(p.tok.Range, "to compare, write ==", "nothing can be assigned by a probe")
	}
	return p.unexpected("an operator, a colon or the end")
}

// until takes the text up to one of the bytes, without the space around it.
func (p *parser) until(ends string) Word {
	p.skipSpace()
	start := p.pos
	n := strings.IndexAny(p.spec.Text[start:], ends)
	if n < 0 {
		n = len(p.spec.Text) - start
	}
	p.pos += n
	text := strings.TrimRight(p.spec.Text[start:p.pos], " \t\n\v\f\r")
	return Word{text, Range{start, start + len(text)}}
}

func (p *parser) colon() bool {
	if p.pos < len(p.spec.Text) && p.spec.Text[p.pos] == ':' {
		p.pos++
		return true
	}
	return false
}

func (p *parser) here() Range { return Range{p.pos, min(p.pos+1, len(p.spec.Text))} }

func (p *parser) advance() error {
	var err error
	p.tok, err = p.next()
	return err
}

func (p *parser) expect(operator, want string) error {
	if !p.tok.is(operator) {
		return p.unexpected(want)
	}
	return p.advance()
}

func (p *parser) unexpected(want string) error {
	if p.tok.is(";") || p.tok.is("=") {
		if err := p.label(); err != nil {
			return err
		}
	}
	return p.spec.At(p.tok.Range, "", "want %s, not %s", want, p.tok.shown())
}

// mark is a place to return to.
type mark struct {
	pos int
	tok token
}

func (p *parser) mark() mark   { return mark{p.pos, p.tok} }
func (p *parser) reset(m mark) { p.pos, p.tok = m.pos, m.tok }

func (p *parser) enter() error {
	if p.depth++; p.depth > maxDepth {
		return p.spec.At(p.tok.Range, "", "nested deeper than %d", maxDepth)
	}
	return nil
}

func (p *parser) leave() { p.depth-- }
