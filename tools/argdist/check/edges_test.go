package check

import (
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// TestLastAndBeyond has the last that is right, and the first that is wrong.
func TestLastAndBeyond(t *testing.T) {
	for text, want := range map[string]string{
		`p::f()::file->f_raw[3]`: "",
		`p::f()::file->f_raw[4]`: "char\\[4\\] has elements 0 to 3",
		`p::f()::count<<63`:      "",
		`p::f()::count<<64`:      "size_t has 64 bits.*|unsigned long has 64 bits.*",
		`p::f()::count/1`:        "",
		`p::f()::count/0`:        "division by zero",
		`p::f()::count%1`:        "",
		`p::f()::count%0`:        "division by zero",
	} {
		_, err := check(text, scope())
		if want == "" {
			qt.Check(t, qt.IsNil(err), qt.Commentf("%s", text))
		} else {
			qt.Check(t, qt.ErrorMatches(err, want), qt.Commentf("%s", text))
		}
	}
}

// TestUnits: a bit field is read by the smallest unit that has all of it.
func TestUnits(t *testing.T) {
	for _, test := range []struct{ offset, bits, start, size, shift int }{
		{0, 8, 0, 1, 0}, {1, 8, 0, 2, 1}, {8, 8, 1, 1, 0}, {9, 7, 1, 1, 1}, {3, 29, 0, 4, 3}, {35, 29, 4, 4, 3}, {3, 30, 0, 8, 3}, {64, 64, 8, 8, 0},
	} {
		c := &checker{}
		base := &tree.Input{Source: tree.Arg, T: ctype.ULong}
		n := c.read(&place{base: base, offset: test.offset, bits: test.bits}, ctype.UInt)
		b, ok := n.(*tree.Bits)
		qt.Assert(t, qt.IsTrue(ok))
		load := b.X.(*tree.Load)
		start := 0
		if sum, ok := load.Address.(*tree.Binary); ok {
			start = int(sum.Y.(*tree.Const).Value)
		}
		qt.Check(t, qt.DeepEquals([]int{start, load.Size, b.Shift, b.Width}, []int{test.start, test.size, test.shift, test.bits}), qt.Commentf("%+v", test))
	}
}
