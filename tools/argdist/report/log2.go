package report

import "math/bits"

// Slots of a histogram by powers of two: 1 has 0 and 1, and n up to 64 the numbers
// from 2^(n-1) to 2^n-1, as in bcc. Below zero, -1 has -1, and -n down to -64 the
// numbers from -(2^n-1) to -2^(n-1). There is no slot 0.
const (
	FirstSlot = -64
	LastSlot  = 64
)

// Slot is the slot of a signed number.
func Slot(n int64) int {
	if n < 0 {
		return -SlotUnsigned(-uint64(n))
	}
	return SlotUnsigned(uint64(n))
}

// SlotUnsigned is the slot of an unsigned number.
func SlotUnsigned(n uint64) int { return max(1, bits.Len64(n)) }

// bound is the end of a bucket: a number of 64 bits with or without a sign, or
// none at all.
type bound struct {
	n        uint64
	negative bool // n is in two's complement
	open     bool
}

// log2Bounds returns the least and the greatest number of a slot.
func log2Bounds(slot int) (low, high bound) {
	switch {
	case slot == 1:
		return bound{}, bound{n: 1}
	case slot > 0:
		least := uint64(1) << (slot - 1)
		return bound{n: least}, bound{n: least - 1 + least}
	case slot == FirstSlot: // the number without a positive counterpart
		least := bound{n: 1 << 63, negative: true}
		return least, least
	}
	least := uint64(1) << (-slot - 1)
	return bound{n: -(least - 1 + least), negative: true}, bound{n: -least, negative: true}
}

// log2Range returns the slots to print. As in bcc it begins at 0 where nothing is
// below, and ends with the last slot that has something in it; where everything
// is below zero it ends at -1.
func log2Range(buckets map[int]uint64) (from, to int) {
	first, last := used(buckets)
	return min(first, 1), max(last, -1)
}

// used returns the first and the last slot that is not empty.
func used(buckets map[int]uint64) (first, last int) {
	started := false
	for slot, n := range buckets {
		switch {
		case n == 0:
		case !started:
			first, last, started = slot, slot, true
		default:
			first, last = min(first, slot), max(last, slot)
		}
	}
	return first, last
}
