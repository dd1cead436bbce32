package tree

import (
	"math/bits"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
)

// Wrap makes a number one of a type: what is above its size is cut off, and the
// rest is extended by sign or by zeros.
func Wrap(v int64, t ctype.Type) int64 {
	if i, ok := ctype.Underlying(t).(*ctype.Int); ok && i.Bool {
		return truth(v != 0)
	}
	return Extend(v, t.Size()*8, ctype.IsSigned(t))
}

// Extend is the value of the lowest bits of v.
func Extend(v int64, width int, signed bool) int64 {
	if width <= 0 || width >= 64 {
		return v
	}
	shift := 64 - width
	if signed {
		return v << shift >> shift
	}
	return int64(uint64(v) << shift >> shift)
}

// Keeps reports whether every number of one type is the same in the other, so that
// a conversion has nothing to do.
func Keeps(from, to ctype.Type) bool {
	if i, ok := ctype.Underlying(to).(*ctype.Int); ok && i.Bool {
		f, ok := ctype.Underlying(from).(*ctype.Int)
		return ok && f.Bool
	}
	switch {
	case to.Size() >= 8:
		return true // of 64 bits nothing is cut off, and the rest is there already
	case to.Size() < from.Size():
		return false
	case ctype.IsSigned(from) == ctype.IsSigned(to):
		return true
	}
	return to.Size() > from.Size() && !ctype.IsSigned(from)
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// Apply computes a binary operator, as C and the processor do. ok is false for a
// division by zero. Shifts count modulo the width of the type, as x86 and arm64
// have it and C leaves it open.
func Apply(op string, x, y int64, operands ctype.Type) (v int64, ok bool) {
	signed := ctype.IsSigned(operands)
	ux, uy := uint64(x), uint64(y)
	switch op {
	case "+":
		return x + y, true
	case "-":
		return x - y, true
	case "*":
		return x * y, true
	case "&":
		return x & y, true
	case "|":
		return x | y, true
	case "^":
		return x ^ y, true
	case "<<":
		return x << (uy & ShiftMask(operands)), true
	case ">>":
		if signed {
			return x >> (uy & ShiftMask(operands)), true
		}
		return int64(ux >> (uy & ShiftMask(operands))), true
	case "/", "%":
		return divide(op, x, y, signed)
	case "==":
		return truth(x == y), true
	case "!=":
		return truth(x != y), true
	case "<":
		return truth(signed && x < y || !signed && ux < uy), true
	case "<=":
		return truth(signed && x <= y || !signed && ux <= uy), true
	case ">":
		return truth(signed && x > y || !signed && ux > uy), true
	case ">=":
		return truth(signed && x >= y || !signed && ux >= uy), true
	}
	panic("unknown operator " + op)
}

// ShiftMask is what the count of a shift is reduced to.
func ShiftMask(t ctype.Type) uint64 { return uint64(t.Size()*8 - 1) }

// divide rounds toward zero. The least number by -1 is itself.
func divide(op string, x, y int64, signed bool) (int64, bool) {
	switch {
	case y == 0:
		return 0, false
	case !signed && op == "/":
		return int64(uint64(x) / uint64(y)), true
	case !signed:
		return int64(uint64(x) % uint64(y)), true
	case op == "/":
		return x / y, true
	}
	return x % y, true
}

// Reverse turns the lowest size bytes around; above them are zeros.
func Reverse(v int64, size int) int64 {
	return int64(bits.ReverseBytes64(uint64(v)) >> (64 - 8*size))
}
