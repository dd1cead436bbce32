package output

import "unsafe"

// Type says what a field holds, and so how it is written and what its schema is.
type Type uint8

// The zero Type is that of the null Value; no field has it.
const (
	TypeInt      Type = iota + 1 // signed number
	TypeUint                     // number from 0
	TypeHex                      // 64-bit address: a number in JSON would lose its low bits in most readers
	TypeBool                     // true and false; 1 and 0 in the table
	TypeTime                     // RFC 3339, UTC, nine decimals
	TypeJSON                     // an object or array that the command encoded itself
	TypeText                     // text of our own making, always UTF-8
	TypeBytes                    // text from outside, of unknown encoding; may have a _b64 twin in JSON
	TypeTextList                 // list of texts of our own making
	TypeList                     // list of texts from outside; may have a _b64 twin in JSON
)

// Value is one cell of an event. The zero Value is [Null].
//
// A Value does not copy: it refers to the bytes it was made from, which must stay as they are until it is written.
//
// It is three words so that the function that yields it returns it in registers, which is worth the unsafe: text,
// bytes and lists share one pointer, whose meaning t tells. Only this file reads p.
type Value struct {
	p unsafe.Pointer // first byte or first element
	n uint64         // the number itself, or how many bytes or elements p points at
	t Type
}

// Null is the value that is not known: null in JSON, "-" in the table, empty in CSV.
func Null() Value { return Value{} }

// Int is a signed number.
func Int(n int64) Value { return Value{n: uint64(n), t: TypeInt} }

// Uint is an unsigned number.
func Uint(n uint64) Value { return Value{n: n, t: TypeUint} }

// Hex is a 64-bit address, written as "0x" and lower-case digits.
func Hex(n uint64) Value { return Value{n: n, t: TypeHex} }

// Bool is a truth value.
func Bool(b bool) Value {
	if b {
		return Value{n: 1, t: TypeBool}
	}
	return Value{t: TypeBool}
}

// Time is a moment in nanoseconds since 1970 UTC.
func Time(unixNano int64) Value { return Value{n: uint64(unixNano), t: TypeTime} }

// JSON is an object or array in JSON, made of numbers and what [AppendJSON] wrote. It is never cut: whoever makes it
// keeps it so short that the line stays below [MaxLine].
func JSON(b []byte) Value {
	return Value{p: unsafe.Pointer(unsafe.SliceData(b)), n: uint64(len(b)), t: TypeJSON}
}

// Text is text of our own making: an errno name, a container ID that we parsed. It is escaped all the same.
func Text(s string) Value {
	return Value{p: unsafe.Pointer(unsafe.StringData(s)), n: uint64(len(s)), t: TypeText}
}

// Bytes is text from outside, of unknown encoding: a process name, a path.
func Bytes(b []byte) Value {
	return Value{p: unsafe.Pointer(unsafe.SliceData(b)), n: uint64(len(b)), t: TypeBytes}
}

// TextList is a list of texts of our own making.
func TextList(l []string) Value {
	return Value{p: unsafe.Pointer(unsafe.SliceData(l)), n: uint64(len(l)), t: TypeTextList}
}

// ByteList is a list of texts from outside, of unknown encoding: the arguments of an exec.
func ByteList(l [][]byte) Value {
	return Value{p: unsafe.Pointer(unsafe.SliceData(l)), n: uint64(len(l)), t: TypeList}
}

// isList tells lists from single texts.
func (v Value) isList() bool { return v.t == TypeList || v.t == TypeTextList }

// variable tells values of any length from numbers.
func (v Value) variable() bool { return v.t >= TypeText }

// count is how many elements a variable value has: a single text is its own only element.
func (v Value) count() int {
	if v.isList() {
		return int(v.n)
	}
	return 1
}

// elem returns element i of a variable value. The bytes are only to be read: they may be those of a string.
func (v Value) elem(i int) []byte {
	switch v.t {
	case TypeList:
		return unsafe.Slice((*[]byte)(v.p), v.n)[i]
	case TypeTextList:
		return bytesOf(unsafe.Slice((*string)(v.p), v.n)[i])
	default:
		return unsafe.Slice((*byte)(v.p), v.n)
	}
}

// bytesOf lets a string be read as bytes without a copy.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
