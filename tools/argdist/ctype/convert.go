package ctype

// The types that C's rules speak of.
var (
	VoidType = &Void{}
	Bool     = &Int{Name: "_Bool", Bytes: 1, Bool: true}
	Char     = &Int{Name: "char", Bytes: 1, Signed: true, Char: true}
	SChar    = &Int{Name: "signed char", Bytes: 1, Signed: true, Char: true}
	UChar    = &Int{Name: "unsigned char", Bytes: 1, Char: true}
	Short    = &Int{Name: "short", Bytes: 2, Signed: true}
	UShort   = &Int{Name: "unsigned short", Bytes: 2}
	IntType  = &Int{Name: "int", Bytes: 4, Signed: true}
	UInt     = &Int{Name: "unsigned int", Bytes: 4}
	Long     = &Int{Name: "long", Bytes: 8, Signed: true}
	ULong    = &Int{Name: "unsigned long", Bytes: 8}
	LLong    = &Int{Name: "long long", Bytes: 8, Signed: true}
	ULLong   = &Int{Name: "unsigned long long", Bytes: 8}
)

// maxTypedefs bounds a chain of typedefs: what is read from a file may be a
// circle.
const maxTypedefs = 64

// Underlying is the type behind typedefs.
func Underlying(t Type) Type {
	for range maxTypedefs {
		td, ok := t.(*Typedef)
		if !ok {
			return t
		}
		t = td.Target
	}
	return VoidType
}

// IsInteger reports whether a type can be computed with as an integer: integers
// of up to eight bytes and enumerations.
func IsInteger(t Type) bool {
	switch t := Underlying(t).(type) {
	case *Int:
		return t.Bytes <= 8
	case *Enum:
		return t.Bytes <= 8
	}
	return false
}

// IsScalar reports whether a type is an integer or a pointer: what an operand of
// && can be.
func IsScalar(t Type) bool {
	_, pointer := Underlying(t).(*Pointer)
	return pointer || IsInteger(t)
}

// IsSigned reports whether a value of the type can be negative.
func IsSigned(t Type) bool {
	switch t := Underlying(t).(type) {
	case *Int:
		return t.Signed
	case *Enum:
		return t.Signed
	}
	return false
}

// IsString reports whether a value of the type is shown as text: a pointer to
// char, or an array of them.
func IsString(t Type) bool {
	switch t := Underlying(t).(type) {
	case *Pointer:
		return IsChar(t.Target)
	case *Array:
		return IsChar(t.Elem)
	}
	return false
}

// IsChar reports whether a type is one of characters. u8 is not: a typedef of
// unsigned char by which bytes are meant. __u8 neither.
func IsChar(t Type) bool {
	if td, ok := t.(*Typedef); ok {
		switch td.Name {
		case "u8", "s8", "__u8", "__s8", "uint8_t", "int8_t":
			return false
		}
		return IsChar(td.Target)
	}
	i, ok := t.(*Int)
	return ok && i.Char
}

// Promote is C's integer promotion (C11 6.3.1.1): what is smaller than int
// becomes int. Other types stay.
func Promote(t Type) Type {
	if !IsInteger(t) {
		return t
	}
	if t.Size() < IntType.Bytes {
		return IntType
	}
	if e, ok := Underlying(t).(*Enum); ok {
		return integer(e.Bytes, e.Signed)
	}
	return t
}

// PromoteBits is the promotion of a bit field (C11 6.3.1.1): one whose values all
// fit into int becomes int, and of 32 bits without a sign unsigned int. A wider
// one has the type that it was declared with, as in clang.
func PromoteBits(t Type, bits int) Type {
	switch {
	case bits < 32 || bits == 32 && IsSigned(t):
		return IntType
	case bits == 32:
		return UInt
	}
	return Promote(t)
}

// Common is the type in which two integers meet (C11 6.3.1.8, the usual
// arithmetic conversions).
func Common(a, b Type) Type {
	a, b = Promote(a), Promote(b)
	switch {
	case a.Size() > b.Size():
		return a
	case b.Size() > a.Size():
		return b
	case IsSigned(a):
		return b // of the same size: without a sign if one has none
	}
	return a
}

// Decay makes a pointer of an array and of a function (C11 6.3.2.1).
func Decay(t Type, space Space) Type {
	switch u := Underlying(t).(type) {
	case *Array:
		return &Pointer{Target: u.Elem, Space: space}
	case *Func:
		return &Pointer{Target: u, Space: space}
	}
	return t
}

func integer(bytes int, signed bool) Type {
	switch {
	case bytes == 8 && signed:
		return Long
	case bytes == 8:
		return ULong
	case signed:
		return IntType
	}
	return UInt
}
