package report

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/symbol"
)

// Value is one element of a key. The zero Value is one that is not known.
type Value struct {
	kind  kind
	n     uint64
	text  []byte
	stack []symbol.Frame
}

type kind uint8

const (
	unknown kind = iota
	signed
	unsigned
	pointer
	boolean
	char
	enum
	text
	stack
)

// Int is a value of a signed type.
func Int(n int64) Value { return Value{kind: signed, n: uint64(n)} }

// Uint is a value of an unsigned type.
func Uint(n uint64) Value { return Value{kind: unsigned, n: n} }

// Pointer is an address. bcc prints it as a decimal number; in JSON it is "0x…".
func Pointer(n uint64) Value { return Value{kind: pointer, n: n} }

// Bool is a value of type _Bool.
func Bool(b bool) Value {
	if b {
		return Value{kind: boolean, n: 1}
	}
	return Value{kind: boolean}
}

// Char is a value of type char.
func Char(c byte) Value { return Value{kind: char, n: uint64(c), text: []byte{c}} }

// Enum is a value of an enumeration and the name of its constant; "" if it has
// none.
func Enum(n int64, name string) Value { return Value{kind: enum, n: uint64(n), text: []byte(name)} }

// Text is a string of the traced program or of the kernel, without its zero.
func Text(b []byte) Value { return Value{kind: text, text: b} }

// Stack is a stack, innermost function first.
func Stack(frames []symbol.Frame) Value { return Value{kind: stack, stack: frames} }

// append writes the value as bcc does: numbers in decimal, and what Python would
// show of text. Stacks have lines of their own.
func (v Value) append(dst []byte) []byte {
	switch v.kind {
	case signed:
		return strconv.AppendInt(dst, int64(v.n), 10)
	case unsigned, pointer:
		return strconv.AppendUint(dst, v.n, 10)
	case boolean:
		if v.n != 0 {
			return append(dst, "True"...)
		}
		return append(dst, "False"...)
	case enum:
		if len(v.text) > 0 {
			return output.AppendEscaped(dst, v.text) // it may be from a file of others
		}
		return strconv.AppendInt(dst, int64(v.n), 10)
	case char, text:
		return appendBytes(dst, v.text)
	default:
		return append(dst, '-')
	}
}

// appendBytes writes bytes as Python does, in which bcc is written: b'a\n\xff'.
// Nothing in it can reach a terminal but what is on a keyboard, and it can be
// told from every other string.
func appendBytes(dst, b []byte) []byte {
	quote := byte('\'')
	if bytes.IndexByte(b, '\'') >= 0 && bytes.IndexByte(b, '"') < 0 {
		quote = '"'
	}
	dst = append(dst, 'b', quote)
	for _, c := range b {
		switch {
		case c == quote, c == '\\':
			dst = append(dst, '\\', c)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c < ' ' || c >= 0x7f:
			const digits = "0123456789abcdef"
			dst = append(dst, '\\', 'x', digits[c>>4], digits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, quote)
}

// compare orders the values that one expression can have.
func (v Value) compare(w Value) int {
	number := cmp.Compare(v.n, w.n)
	if v.kind == signed || v.kind == enum {
		number = cmp.Compare(int64(v.n), int64(w.n))
	}
	return cmp.Or(cmp.Compare(v.kind, w.kind), number, bytes.Compare(v.text, w.text),
		slices.CompareFunc(v.stack, w.stack, func(a, b symbol.Frame) int {
			return bytes.Compare(a.Append(nil), b.Append(nil))
		}))
}
