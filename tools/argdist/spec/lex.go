package spec

import (
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokName
	tokVariable // $PID; the text is without the $
	tokNumber
	tokChar
	tokString // the text is what is between the quotes, escapes undone
	tokOperator
)

type token struct {
	kind tokenKind
	text string
	Range
}

func (t token) is(operator string) bool { return t.kind == tokOperator && t.text == operator }

// shown is the token as an error calls it.
func (t token) shown() string {
	switch t.kind {
	case tokEnd:
		return "the end"
	case tokVariable:
		return "$" + t.text
	case tokString:
		return "a string"
	}
	return t.text
}

// operators, the longest first.
var operators = []string{
	"<<=", ">>=", "...",
	"->", "++", "--", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||",
	"+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=",
	"+", "-", "*", "/", "%", "&", "|", "^", "~", "!", "<", ">", "=", "?", ":", ",", ".", "(", ")", "[", "]", "#", ";",
}

// lexer cuts the text from pos on into tokens.
type lexer struct {
	spec *Spec
	pos  int
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isLetter(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

func (l *lexer) skipSpace() {
	for l.pos < len(l.spec.Text) && isSpace(l.spec.Text[l.pos]) {
		l.pos++
	}
}

// word takes letters and digits.
func (l *lexer) word() string {
	start := l.pos
	for l.pos < len(l.spec.Text) && (isLetter(l.spec.Text[l.pos]) || isDigit(l.spec.Text[l.pos])) {
		l.pos++
	}
	return l.spec.Text[start:l.pos]
}

func (l *lexer) next() (token, error) {
	l.skipSpace()
	start, rest := l.pos, l.spec.Text[l.pos:]
	if rest == "" {
		return token{kind: tokEnd, Range: Range{start, start}}, nil
	}
	t := token{}
	switch c := rest[0]; {
	case isDigit(c):
		t.kind, t.text = tokNumber, l.word()
	case isLetter(c):
		t.kind, t.text = tokName, l.word()
	case c == '$':
		l.pos++
		t.kind, t.text = tokVariable, l.word()
		if t.text == "" {
			return t, l.spec.At(Range{start, start + 1}, "write $PID, $COMM, $retval, $entry(name) ...", "a $ without a name")
		}
	case c == '\'' || c == '"':
		text, err := l.quoted(c)
		if err != nil {
			return t, err
		}
		t.kind, t.text = tokString, text
		if c == '\'' {
			t.kind = tokChar
		}
	default:
		for _, op := range operators {
			if strings.HasPrefix(rest, op) {
				l.pos += len(op)
				t.kind, t.text = tokOperator, op
				t.Range = Range{start, l.pos}
				return t, nil
			}
		}
		_, size := utf8.DecodeRuneInString(rest)
		return t, l.spec.At(Range{start, start + size}, "", "a character that has no meaning here")
	}
	t.Range = Range{start, l.pos}
	return t, nil
}

// escapes of C with one letter.
var escapes = map[byte]byte{
	'n': '\n', 't': '\t', 'r': '\r', 'a': 7, 'b': 8, 'f': 12, 'v': 11, '\\': '\\', '\'': '\'', '"': '"', '?': '?',
}

// quoted takes a literal in quotes and undoes its escapes.
func (l *lexer) quoted(quote byte) (string, error) {
	start := l.pos
	text := l.spec.Text
	var out []byte
	for l.pos++; l.pos < len(text); l.pos++ {
		switch c := text[l.pos]; c {
		case quote:
			l.pos++
			return string(out), nil
		case '\\':
			at := l.pos
			b, ok := l.escape()
			if !ok {
				return "", l.spec.At(Range{at, min(at+2, len(text))}, `C has \n \t \\ \" \0 \x41 and their like`, "unknown escape")
			}
			out = append(out, b)
		default:
			out = append(out, c)
		}
	}
	return "", l.spec.At(Range{start, start + 1}, "", "a quote that is never closed")
}

// escape takes what follows a backslash, and leaves pos at its last byte.
func (l *lexer) escape() (byte, bool) {
	text := l.spec.Text
	l.pos++
	if l.pos >= len(text) {
		return 0, false
	}
	c := text[l.pos]
	if b, ok := escapes[c]; ok {
		return b, true
	}
	base, most, first := 8, 3, l.pos
	if c == 'x' {
		base, most, first = 16, 2, l.pos+1
	}
	v, n := 0, 0
	for ; n < most && first+n < len(text); n++ {
		d := digit(text[first+n])
		if d < 0 || d >= base {
			break
		}
		v = v*base + d
	}
	l.pos = first + n - 1
	return byte(v), n > 0 && v < 256
}

func digit(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
