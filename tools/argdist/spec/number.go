package spec

import (
	"strconv"
	"strings"
)

// number reads a literal of C: 10, 010, 0xa, 0b1010, with u and l behind it.
func (p *parser) number(t token) (*Number, error) {
	n := &Number{Range: t.Range, Decimal: true}
	digits := strings.ToLower(t.text)
	end := len(digits)
	for end > 0 && (digits[end-1] == 'u' || digits[end-1] == 'l') {
		end--
	}
	suffix := digits[end:]
	digits = digits[:end]
	switch suffix {
	case "", "u", "l", "ll", "ul", "ull", "lu", "llu":
	default:
		return nil, p.spec.At(t.Range, "C has u, l, ul, ll and ull", "unknown suffix %q of a number", suffix)
	}
	n.Unsigned, n.Long = strings.Contains(suffix, "u"), strings.Contains(suffix, "l")
	base := 10
	switch {
	case strings.HasPrefix(digits, "0x"):
		base, digits = 16, digits[2:]
	case strings.HasPrefix(digits, "0b"):
		base, digits = 2, digits[2:]
	case len(digits) > 1 && digits[0] == '0':
		base, digits = 8, digits[1:]
	}
	n.Decimal = base == 10
	var err error
	if n.Value, err = strconv.ParseUint(digits, base, 64); err != nil {
		fix := ""
		if base == 8 {
			fix = "a number that begins with 0 is octal in C: leave the 0 out"
		}
		return nil, p.spec.At(t.Range, fix, "%s is no number of 64 bits", t.text)
	}
	return n, nil
}

// char reads a character in single quotes, which is a number to C.
func (p *parser) char(t token) (*Number, error) {
	if len(t.text) != 1 {
		return nil, p.spec.At(t.Range, `for text use double quotes, in STRCMP("text", x)`, "want one character between single quotes")
	}
	return &Number{Value: uint64(int64(int8(t.text[0]))), Decimal: true, Char: true, Range: t.Range}, nil
}
