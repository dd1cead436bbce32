package process

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

func TestParentOfStat(t *testing.T) {
	for _, test := range []struct {
		stat string
		want uint32
		ok   bool
	}{
		{"4242 (sleep) S 4100 4242 4100 34816 4242 4194304", 4100, true},
		{"1 (systemd) S 0 1 1 0 -1 4194560", 0, true},
		{"7 (a b) R 6 7", 6, true},
		{"7 () R 6 7", 6, true},
		// A name that passes for the rest of the line.
		{"7 () S 1 () S 6 7 7", 6, true},
		{"7 (x) S 1 (y)) S 6 7 7", 6, true},
		{"7 (a\nb) S 6 7", 6, true},
		{"", 0, false},
		{"7 sleep S 6", 0, false},
		{"7 (sleep)", 0, false},
		{"7 (sleep) S", 0, false},
		{"7 (sleep) S x", 0, false},
		{"7 (sleep) S -1", 0, false},
		{"7 (sleep) S 4294967296", 0, false},
	} {
		got, err := ParseStat([]byte(test.stat)).Parent()
		qt.Check(t, qt.Equals(err == nil, test.ok), qt.Commentf("%q", test.stat))
		if test.ok {
			qt.Check(t, qt.Equals(got, test.want), qt.Commentf("%q", test.stat))
		}
	}
}

func TestExists(t *testing.T) {
	qt.Check(t, qt.IsTrue(Exists(uint32(os.Getpid()))))
	qt.Check(t, qt.IsFalse(Exists(1<<22+1))) // beyond PID_MAX_LIMIT
	qt.Check(t, qt.IsFalse(Exists(0)))
}

func TestDescendants(t *testing.T) {
	self, parent := uint32(os.Getpid()), uint32(os.Getppid())
	below, err := Descendants([]uint32{parent})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.SliceContains(below, self))
	qt.Check(t, qt.Not(qt.SliceContains(below, parent)))

	below, err = Descendants([]uint32{1 << 30})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.HasLen(below, 0))
}

// TestDescendantsDeep has a child and a grandchild.
func TestDescendantsDeep(t *testing.T) {
	self := uint32(os.Getpid())
	cmd := exec.Command("/bin/sh", "-c", "cat; exit") // with something left to do, it forks for cat
	stdin, err := cmd.StdinPipe()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(cmd.Start()))
	child := uint32(cmd.Process.Pid)
	defer cmd.Wait()
	defer stdin.Close() // ends both

	var grand []uint32
	for deadline := time.Now().Add(10 * time.Second); len(grand) == 0 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		grand, err = Descendants([]uint32{child})
		qt.Assert(t, qt.IsNil(err))
	}
	qt.Assert(t, qt.HasLen(grand, 1))
	below, err := Descendants([]uint32{self})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.ContentEquals(below, []uint32{child, grand[0]}))

	both, err := Descendants([]uint32{self, child}) // one below the other
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.ContentEquals(both, below))
}
