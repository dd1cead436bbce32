package output

import (
	"encoding/binary"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// class sorts bytes by what the encoders must do about them.
type class uint8

const (
	classEscape class = 1 << iota // never copied unseen: controls, DEL and whatever is not ASCII
	classQuote                    // the double quote
	classSlash                    // the backslash
)

// Where each encoder stops copying.
const (
	stopPlain  = classEscape
	stopQuoted = classEscape | classQuote
	stopJSON   = classEscape | classQuote | classSlash
)

var classes = func() (t [256]class) {
	for c := range t {
		if c < 0x20 || c >= 0x7f {
			t[c] = classEscape
		}
	}
	t['"'] = classQuote
	t['\\'] = classSlash
	return t
}()

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// plain returns how many leading bytes of b can be copied as they are.
func plain(b []byte, stop class) int {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		// Eight bytes at once. Each term leaves the high bit set in a byte that is, in this order: not ASCII,
		// DEL, a control, a quote, a backslash. A borrow can raise a false alarm in the byte above a true one but
		// hide none, and the loop below has the last word.
		x := binary.LittleEndian.Uint64(b[i:])
		if (x|(x+ones)|(x-0x20*ones)|((x^'"'*ones)-ones)|((x^'\\'*ones)-ones))&highs == 0 {
			continue
		}
		for j := i; j < i+8; j++ {
			if classes[b[j]]&stop != 0 {
				return j
			}
		}
	}
	for ; i < len(b); i++ {
		if classes[b[i]]&stop != 0 {
			return i
		}
	}
	return i
}

// hidden reports whether a rune would not be seen or would rearrange what is: controls, line and paragraph separators,
// bidirectional and other format characters (category Cf), fillers, private use, noncharacters and what Unicode has not
// assigned yet.
func hidden(r rune) bool {
	return !strconv.IsGraphic(r) || unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// AppendEscaped appends b as text that is safe on a terminal and stays on its line:
//
//	newline, tab, carriage return    \n \t \r
//	other ASCII controls, DEL        \x1b
//	bytes that are not UTF-8         \xff
//	hidden runes                     \u{202e}
//
// Hidden are C1 controls (as a rune; as a raw byte they are not UTF-8), bidirectional and other format characters, line
// separators, fillers and code points without a character. Everything else stays, the backslash too: the result is
// for eyes and cannot be decoded with certainty.
func AppendEscaped(dst, b []byte) []byte {
	return appendEscaped(dst, b, stopPlain)
}

// AppendQuoted is [AppendEscaped] within double quotes, with \" for a quote in the text.
func AppendQuoted(dst, b []byte) []byte {
	dst = append(dst, '"')
	dst = appendEscaped(dst, b, stopQuoted)
	return append(dst, '"')
}

func appendEscaped(dst, b []byte, stop class) []byte {
	for {
		n := plain(b, stop)
		dst = append(dst, b[:n]...)
		if n == len(b) {
			return dst
		}
		b = b[n:]
		size := 1
		switch c := b[0]; {
		case c == '"':
			dst = append(dst, '\\', '"')
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c < utf8.RuneSelf:
			dst = appendHexByte(dst, c)
		default:
			var r rune
			r, size = utf8.DecodeRune(b)
			switch {
			case size == 1:
				dst = appendHexByte(dst, c)
			case hidden(r):
				dst = append(dst, `\u{`...)
				dst = strconv.AppendUint(dst, uint64(r), 16)
				dst = append(dst, '}')
			default:
				dst = append(dst, b[:size]...)
			}
		}
		b = b[size:]
	}
}

const hexDigits = "0123456789abcdef"

func appendHexByte(dst []byte, c byte) []byte {
	return append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&0xf])
}
