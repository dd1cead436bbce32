package report

import (
	"fmt"
	"math"
)

// Scale divides the numbers from Low up to and without High into buckets of Step.
// The last one is smaller if Step does not divide the range; two more have what
// is below and above.
type Scale struct {
	Low, High int64
	Step      uint64
}

// MaxBuckets bounds the buckets of a scale, so that a histogram is a line of JSON
// even if they all are full.
const MaxBuckets = 150

// Check reports what is wrong with a scale.
func (s Scale) Check() error {
	switch {
	case s.High <= s.Low:
		return fmt.Errorf("linear histogram from %d to %d: the end must be above the beginning", s.Low, s.High)
	case s.Step == 0:
		return fmt.Errorf("linear histogram in steps of 0: a step must be 1 at least")
	}
	if n := s.count(); n > MaxBuckets {
		width := uint64(s.High) - uint64(s.Low)
		return fmt.Errorf("linear histogram of %d buckets: %d is the most; steps of %d would do", n, MaxBuckets,
			(width-1)/MaxBuckets+1)
	}
	return nil
}

func (s Scale) count() uint64 { return (uint64(s.High)-uint64(s.Low)-1)/s.Step + 1 }

// Buckets is how many there are between Low and High.
func (s Scale) Buckets() int { return int(s.count()) }

// Slot is the slot of a signed number: 0 below Low, 1 to Buckets() between, and
// Buckets()+1 from High.
func (s Scale) Slot(n int64) int {
	switch {
	case n < s.Low:
		return 0
	case n >= s.High:
		return s.Buckets() + 1
	}
	return int((uint64(n)-uint64(s.Low))/s.Step) + 1
}

// SlotUnsigned is the slot of an unsigned number.
func (s Scale) SlotUnsigned(n uint64) int {
	if n > math.MaxInt64 {
		return s.Buckets() + 1
	}
	return s.Slot(int64(n))
}

// bounds returns the least and the greatest number of a slot.
func (s Scale) bounds(slot int) (low, high bound) {
	signed := func(n int64) bound { return bound{n: uint64(n), negative: n < 0} }
	switch {
	case slot <= 0:
		if s.Low == math.MinInt64 { // nothing is below
			return bound{open: true}, bound{open: true}
		}
		return bound{open: true}, signed(s.Low - 1)
	case slot > s.Buckets():
		return signed(s.High), bound{open: true}
	}
	start := uint64(s.Low) + uint64(slot-1)*s.Step
	last := uint64(s.High) - 1
	if last-start >= s.Step { // not the last one, which can be smaller
		last = start + s.Step - 1
	}
	return signed(int64(start)), signed(int64(last))
}
