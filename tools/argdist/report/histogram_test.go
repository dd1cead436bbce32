package report

import (
	"math"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// ofValues is a histogram of numbers.
func ofValues(value string, numbers ...int64) Table {
	t := Table{Spec: "spec", Kind: Log2, Value: value}
	var buckets []Bucket
	for _, n := range numbers {
		buckets = append(buckets, Bucket{Slot(n), 1})
	}
	t.Rows = []Row{{Buckets: buckets}}
	return t
}

// TestHistogram has what bcc prints.
func TestHistogram(t *testing.T) {
	got := printed(t, false, ofValues("len", 2, 3, 8, 15, 32, 33, 40, 50, 60, 63))
	qt.Check(t, qt.Equals(got, `     len                 : count     distribution
         0 -> 1          : 0        |                                        |
         2 -> 3          : 2        |*************                           |
         4 -> 7          : 0        |                                        |
         8 -> 15         : 2        |*************                           |
        16 -> 31         : 0        |                                        |
        32 -> 63         : 6        |****************************************|
`))
	got = printed(t, false, ofValues("x", 0, 1, math.MaxUint32))
	qt.Check(t, qt.IsTrue(strings.HasPrefix(got, "     x                   : count")))
	qt.Check(t, qt.IsTrue(strings.HasSuffix(got, "2147483648 -> 4294967295 : 1        |********************                    |\n")))
	got = printed(t, false, ofValues("a label that is longer than the column", 1, 1, 1<<32))
	qt.Check(t, qt.IsTrue(strings.HasPrefix(got, "               a label that is longer than the column : count     distribution\n"+
		"                   0 -> 1                    : 2        |********************|\n")))
	qt.Check(t, qt.IsTrue(strings.HasSuffix(got, "\n"+
		"          4294967296 -> 8589934591           : 1        |**********          |\n")))
	qt.Check(t, qt.Equals(strings.Count(got, "\n"), 34))
}

func TestHistogramOfNothing(t *testing.T) {
	qt.Check(t, qt.Equals(printed(t, false, ofValues("x"), Table{Kind: Log2}, Table{Kind: Linear, Scale: Scale{0, 9, 1}}), ""))
}

// TestNegative: error returns are what they are, not the largest numbers.
func TestNegative(t *testing.T) {
	table := ofValues("retval", -11, -11, -11, -2, -1, 0, 5)
	table.Label = "read"
	qt.Check(t, qt.Equals(printed(t, false, table), `     read                : count     distribution
       -15 -> -8         : 3        |****************************************|
        -7 -> -4         : 0        |                                        |
        -3 -> -2         : 1        |*************                           |
        -1 -> -1         : 1        |*************                           |
         0 -> 1          : 1        |*************                           |
         2 -> 3          : 0        |                                        |
         4 -> 7          : 1        |*************                           |
`))
	qt.Check(t, qt.Equals(printed(t, false, ofValues("e", -5)), `     e                   : count     distribution
        -7 -> -4         : 1        |****************************************|
        -3 -> -2         : 0        |                                        |
        -1 -> -1         : 0        |                                        |
`))
	lines := strings.Split(printed(t, false, ofValues("e", math.MinInt64)), "\n")
	qt.Check(t, qt.Equals(lines[1], "-9223372036854775808 -> -9223372036854775808 : 1        |********************|"))
	qt.Check(t, qt.Equals(lines[2], "-9223372036854775807 -> -4611686018427387904 : 0        |                    |"))
	top := printed(t, false, Table{Kind: Log2, Value: "e", Rows: []Row{{Buckets: []Bucket{{SlotUnsigned(math.MaxUint64), 1}}}}})
	qt.Check(t, qt.IsTrue(strings.HasSuffix(top, "\n 9223372036854775808 -> 18446744073709551615 : 1        |********************|\n")))
}

func TestBlocks(t *testing.T) {
	table := Table{Kind: Log2, Value: "n", Rows: []Row{{Buckets: []Bucket{{1, 320}, {2, 1}, {3, 9}, {4, 100000}, {5, 0}, {6, 50001}}}}}
	qt.Check(t, qt.Equals(printed(t, true, table), `     n                   : count     distribution
         0 -> 1          : 320      |▏                                       |
         2 -> 3          : 1        |▏                                       |
         4 -> 7          : 9        |▏                                       |
         8 -> 15         : 100000   |████████████████████████████████████████|
        16 -> 31         : 0        |                                        |
        32 -> 63         : 50001    |████████████████████                    |
`))
	bar := string(appendBar(nil, math.MaxUint64/3, math.MaxUint64, 40, true))
	qt.Check(t, qt.Equals(bar, strings.Repeat("█", 13)+"▎"+strings.Repeat(" ", 26)))
	qt.Check(t, qt.Equals(string(appendBar(nil, 0, 0, 4, false)), "    "))
}

func TestLinear(t *testing.T) {
	table := Table{Kind: Linear, Value: "n", Scale: Scale{-10, 25, 10}}
	counts := make(map[int]uint64)
	for _, n := range []int64{-11, -10, -1, 0, 19, 24, 25, math.MaxInt64} {
		counts[table.Scale.Slot(n)]++
	}
	var buckets []Bucket
	for slot, n := range counts {
		buckets = append(buckets, Bucket{slot, n})
	}
	table.Rows = []Row{{Buckets: buckets}}
	qt.Check(t, qt.Equals(printed(t, false, table), `     n                   : count     distribution
       ... -> -11        : 1        |********************                    |
       -10 -> -1         : 2        |****************************************|
         0 -> 9          : 1        |********************                    |
        10 -> 19         : 1        |********************                    |
        20 -> 24         : 1        |********************                    |
        25 -> ...        : 2        |****************************************|
`))
	qt.Check(t, qt.Equals(table.Scale.SlotUnsigned(math.MaxUint64), 5))
	qt.Check(t, qt.Equals(table.Scale.SlotUnsigned(7), 2))
	qt.Check(t, qt.ErrorMatches(Scale{5, 5, 1}.Check(), ".* from 5 to 5: .*"))
	qt.Check(t, qt.ErrorMatches(Scale{0, 5, 0}.Check(), ".* 1 at least"))
	qt.Check(t, qt.ErrorMatches(Scale{0, 1000, 1}.Check(), ".* of 1000 buckets: 150 is the most; steps of 7 would do"))
	qt.Check(t, qt.IsNil(Scale{0, 1000, 7}.Check()))
	qt.Check(t, qt.IsNil(Scale{math.MinInt64, math.MaxInt64, 1 << 60}.Check()))
}

// TestKeys: a histogram for each key, the one with the most events last.
func TestKeys(t *testing.T) {
	table := Table{Spec: "s", Kind: Log2, Value: "len", Exprs: []string{"$COMM", "fd"}, Rows: []Row{
		{Key: []Value{Text([]byte("b")), Int(2)}, Buckets: []Bucket{{1, 2}}},
		{Key: []Value{Text([]byte("empty")), Int(0)}},
		{Key: []Value{Text([]byte("a")), Int(1)}, Buckets: []Bucket{{2, 1}}},
	}}
	qt.Check(t, qt.Equals(printed(t, false, table), `
$COMM = b'a', fd = 1
     len                 : count     distribution
         0 -> 1          : 0        |                                        |
         2 -> 3          : 1        |****************************************|

$COMM = b'b', fd = 2
     len                 : count     distribution
         0 -> 1          : 2        |****************************************|
`))
}

// FuzzSlots: every number is within the bounds of its slot, and of no other.
func FuzzSlots(f *testing.F) {
	for _, n := range []int64{0, 1, -1, 2, -2, 1 << 32, math.MaxInt64, math.MinInt64, math.MinInt64 + 1} {
		f.Add(n, n/2, uint64(3))
	}
	f.Fuzz(func(t *testing.T, n, from int64, step uint64) {
		inside := func(low, high bound, unsigned bool) bool {
			above := low.open || low.negative && (unsigned || n >= int64(low.n)) || !low.negative && (unsigned || n >= 0) && uint64(n) >= low.n
			below := high.open || high.negative && !unsigned && n <= int64(high.n) || !high.negative && (!unsigned && n < 0 || uint64(n) <= high.n)
			return above && below
		}
		for slot := FirstSlot; slot <= LastSlot; slot++ {
			if slot == 0 {
				continue
			}
			low, high := log2Bounds(slot)
			qt.Assert(t, qt.Equals(inside(low, high, false), slot == Slot(n)), qt.Commentf("%d in %d", n, slot))
			qt.Assert(t, qt.Equals(inside(low, high, true), slot == SlotUnsigned(uint64(n))), qt.Commentf("%d in %d", uint64(n), slot))
		}
		s := Scale{Low: from, High: max(from, n), Step: step}
		if s.Check() != nil {
			return
		}
		for _, m := range []int64{from, n, n / 3, from / 3} {
			n = m
			for slot := range s.Buckets() + 2 {
				low, high := s.bounds(slot)
				if low.open && high.open {
					continue
				}
				qt.Assert(t, qt.Equals(inside(low, high, false), slot == s.Slot(n)), qt.Commentf("%d in %d of %v", n, slot, s))
			}
		}
	})
}
