package symbol

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestAddresses(t *testing.T) {
	raw := make([]byte, 36)
	for i, addr := range []uint64{7, 1 << 63, 0, 9} {
		binary.NativeEndian.PutUint64(raw[8*i:], addr)
	}
	qt.Check(t, qt.DeepEquals(AppendAddresses(nil, raw), []uint64{7, 1 << 63}))
	qt.Check(t, qt.DeepEquals(AppendAddresses(nil, raw[:15]), []uint64{7}))
	qt.Check(t, qt.DeepEquals(AppendAddresses([]uint64{3}, raw[16:]), []uint64{3}))
}

// TestKernelFrames: an address at the start of a function is that function if it was
// entered, and the end of the one before it if a call returns to it.
func TestKernelFrames(t *testing.T) {
	var k Kernel
	qt.Assert(t, qt.IsNil(k.read(strings.NewReader("1000 T first\n1100 T second\n"))))
	show := func(entered bool, addrs ...uint64) string {
		var lines []string
		for _, f := range k.Frames(nil, addrs, entered) {
			lines = append(lines, string(f.Append(nil)))
		}
		return strings.Join(lines, " ")
	}
	qt.Check(t, qt.Equals(show(true, 0x1100, 0x1100, 0x1105), "second+0x0 first+0x100 second+0x5"))
	qt.Check(t, qt.Equals(show(false, 0x1100), "first+0x100"))
	qt.Check(t, qt.Equals(show(false), ""))
}

// TestFramesByAddress names the functions of this very program by their addresses, which is
// what the kernel tells of a mapping without a build id.
func TestFramesByAddress(t *testing.T) {
	u, _ := newUsers()
	got := names(u, self, "", UserFrame{Status: statusIP, Offset: entry(landmark)}, UserFrame{Status: statusIP, Offset: entry(landmark) + 9})
	qt.Check(t, qt.Equals(strings.Count(got, "symbol.landmark+0x"), 2), qt.Commentf("%s", got))
}
