package output

import (
	"encoding/base64"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonEncoder writes values.
type jsonEncoder struct{ utc clock }

func (enc *jsonEncoder) appendScalar(dst []byte, v Value) []byte {
	switch v.t {
	case TypeInt:
		return strconv.AppendInt(dst, int64(v.n), 10)
	case TypeUint:
		return strconv.AppendUint(dst, v.n, 10)
	case TypeHex:
		dst = strconv.AppendUint(append(dst, `"0x`...), v.n, 16)
		return append(dst, '"')
	case TypeBool:
		return strconv.AppendBool(dst, v.n != 0)
	case TypeTime:
		dst = enc.utc.appendTime(append(dst, '"'), int64(v.n))
		return append(dst, '"')
	case TypeJSON:
		return append(dst, v.elem(0)...)
	default:
		return append(dst, "null"...)
	}
}

// appendText appends that part of a variable value that fit names and, for bytes that are not UTF-8, its _b64 twin.
// Soon after dst has grown beyond limit it stops; the result is of no use then.
func (enc *jsonEncoder) appendText(dst []byte, v Value, key64 string, f fit, limit int) []byte {
	valid, ok := true, true
	if !v.isList() {
		dst, valid = appendJSON(dst, v.elem(0)[:f.last])
	} else {
		dst = append(dst, '[')
		for i := range f.count {
			if i > 0 {
				dst = append(dst, ',')
			}
			if dst, ok = appendJSON(dst, f.elem(v, i)); !ok {
				valid = false
			}
			if len(dst) > limit {
				return dst
			}
		}
		dst = append(dst, ']')
	}
	if valid || v.t == TypeText || v.t == TypeTextList {
		return dst
	}

	dst = append(dst, key64...)
	if !v.isList() {
		return appendBase64(dst, v.elem(0)[:f.last])
	}
	dst = append(dst, '[')
	for i := range f.count {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendBase64(dst, f.elem(v, i))
		if len(dst) > limit {
			return dst
		}
	}
	return append(dst, ']')
}

func appendBase64(dst, b []byte) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"')
}

func appendJSONString(dst, b []byte) []byte {
	dst, _ = appendJSON(dst, b)
	return dst
}

// AppendJSON appends text from outside as a JSON string, as fields of TypeBytes are written, and reports whether it is
// UTF-8. It is for the values of [JSON].
func AppendJSON(dst, b []byte) (_ []byte, valid bool) { return appendJSON(dst, b) }

// AppendBase64 appends bytes as they stand in a twin: a JSON string with their base64.
func AppendBase64(dst, b []byte) []byte { return appendBase64(dst, b) }

// appendJSON appends b as a JSON string and reports whether b is UTF-8. jsonWidth must agree with it.
func appendJSON(dst, b []byte) (_ []byte, valid bool) {
	valid = true
	dst = append(dst, '"')
	for {
		n := plain(b, stopJSON)
		dst = append(dst, b[:n]...)
		if n == len(b) {
			return append(dst, '"'), valid
		}
		b = b[n:]
		if c := b[0]; c < utf8.RuneSelf {
			if s := shortEscape(c); s != 0 {
				dst = append(dst, '\\', s)
			} else {
				dst = appendUnicodeEscape(dst, rune(c))
			}
			b = b[1:]
			continue
		}
		r, size := utf8.DecodeRune(b)
		switch {
		case size == 1:
			valid = false
			dst = append(dst, string(utf8.RuneError)...)
		case hidden(r):
			dst = appendUnicodeEscape(dst, r)
		default:
			dst = append(dst, b[:size]...)
		}
		b = b[size:]
	}
}

// jsonWidth returns how many bytes the first character of b takes from b and in a JSON string, and whether it is UTF-8.
func jsonWidth(b []byte) (size, width int, valid bool) {
	if c := b[0]; c < utf8.RuneSelf {
		switch {
		case classes[c]&stopJSON == 0:
			return 1, 1, true
		case shortEscape(c) != 0:
			return 1, 2, true
		default:
			return 1, 6, true
		}
	}
	r, size := utf8.DecodeRune(b)
	switch {
	case size == 1:
		return 1, len(string(utf8.RuneError)), false
	case !hidden(r):
		return size, size, true
	case r > 0xffff:
		return size, 12, true
	default:
		return size, 6, true
	}
}

// shortEscape returns the letter of a two-character escape, or 0 if c has none.
func shortEscape(c byte) byte {
	switch c {
	case '"', '\\':
		return c
	case '\b':
		return 'b'
	case '\t':
		return 't'
	case '\n':
		return 'n'
	case '\f':
		return 'f'
	case '\r':
		return 'r'
	}
	return 0
}

// appendUnicodeEscape appends \uXXXX, twice (a surrogate pair) beyond the basic plane.
func appendUnicodeEscape(dst []byte, r rune) []byte {
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		return appendUnicodeEscape(appendUnicodeEscape(dst, high), low)
	}
	return append(dst, '\\', 'u', hexDigits[r>>12&0xf], hexDigits[r>>8&0xf], hexDigits[r>>4&0xf], hexDigits[r&0xf])
}
