package tree

import (
	"math"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
)

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		v    int64
		t    ctype.Type
		want int64
	}{
		{0x1ff, ctype.UChar, 0xff}, {0x1ff, ctype.SChar, -1}, {-1, ctype.UInt, 0xffffffff}, {1 << 31, ctype.IntType, math.MinInt32},
		{256, ctype.Bool, 1}, {0, ctype.Bool, 0}, {-1, ctype.ULong, -1}, {-1, &ctype.Pointer{Target: ctype.Char}, -1},
	} {
		qt.Check(t, qt.Equals(Wrap(test.v, test.t), test.want), qt.Commentf("%d as %s", test.v, test.t))
	}
}

func TestApply(t *testing.T) {
	for _, test := range []struct {
		op   string
		x, y int64
		t    ctype.Type
		want int64
	}{
		{"/", -7, 2, ctype.Long, -3}, {"%", -7, 2, ctype.Long, -1}, {"/", 7, -2, ctype.Long, -3}, {"%", 7, -2, ctype.Long, 1},
		{"/", -1, 2, ctype.ULong, math.MaxInt64}, {"%", -1, 10, ctype.ULong, 5},
		{"/", math.MinInt64, -1, ctype.Long, math.MinInt64}, {"%", math.MinInt64, -1, ctype.Long, 0},
		{">>", -8, 1, ctype.Long, -4}, {">>", -8, 1, ctype.ULong, math.MaxInt64 - 3},
		{"<<", 1, 33, ctype.IntType, 2}, {"<<", 1, 65, ctype.Long, 2},
		{"<", -1, 1, ctype.Long, 1}, {"<", -1, 1, ctype.ULong, 0}, {">=", -1, 1, ctype.ULong, 1},
	} {
		got, ok := Apply(test.op, test.x, test.y, test.t)
		qt.Check(t, qt.IsTrue(ok))
		qt.Check(t, qt.Equals(got, test.want), qt.Commentf("%d %s %d as %s", test.x, test.op, test.y, test.t))
	}
	for _, op := range []string{"/", "%"} {
		_, ok := Apply(op, 1, 0, ctype.Long)
		qt.Check(t, qt.IsFalse(ok))
	}
	qt.Check(t, qt.Equals(Reverse(0x1122334455667788, 2), 0x8877))
	qt.Check(t, qt.Equals(uint64(Reverse(0x1122334455667788, 8)), 0x8877665544332211))
}

func TestLines(t *testing.T) {
	n := &Binary{">", &Load{&Input{Arg, 0, ctype.ULong}, 4, ctype.User, ctype.UInt}, &Const{3, ctype.UInt}, ctype.IntType}
	qt.Check(t, qt.DeepEquals(Lines(n), []string{
		">: int",
		"  read 4 bytes of user memory at: unsigned int",
		"    argument 1: unsigned long",
		"  3: unsigned int",
	}))
}
