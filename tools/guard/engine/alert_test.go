package engine

import (
	"testing"
	"unsafe"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/events"
)

// TestSubjectsOnce: subjects of one name, as "all" and "all but these" have, are told once.
func TestSubjectsOnce(t *testing.T) {
	var who set
	for _, bit := range []int{1, 5, 7} {
		who.add(bit)
	}
	r := bpfAlert{Reason: 2}
	r.Who.W = who
	tables := &tables{names: map[int]string{1: "all", 5: "web", 6: "not", 7: "all"}}
	var a Alert
	a.explain(&r, tables)
	qt.Check(t, qt.DeepEquals(a.Process.Subjects, []string{"all", "web"}))
}

// TestAbstract: the name of a socket without a file is told as it is, with an @.
func TestAbstract(t *testing.T) {
	clock, err := events.NewClock(true)
	qt.Assert(t, qt.IsNil(err))
	d := &decoder{clock: clock, containers: func([]byte) string { return "" }, tables: func(uint32) *tables { return nil }}
	for _, test := range []struct {
		abstract uint16
		text     string
		want     string
	}{
		{1, "guard", "@guard"},
		{1, "", "@"},
		{1, "a\x00/b\n", "@a\x00/b\n"},
		{0, "guard\x00run\x00", "/run/guard"},
		{0, "", ""}, // one without a name
	} {
		r := bpfAlert{Decision: kindConnect, Abstract: test.abstract, PathLen: uint16(len(test.text))}
		r.Detail.Family = unix.AF_UNIX
		raw := append([]byte{}, unsafe.Slice((*byte)(unsafe.Pointer(&r)), recordSize)...)
		raw = append(append(raw, byte(len(test.text)), 0, 0, 0), test.text...)
		a, err := d.decode(raw)
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(a.Object.Path, test.want))
	}
}
