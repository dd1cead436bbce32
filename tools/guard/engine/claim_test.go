package engine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"
)

// TestLockDir: one can have the sole right, it is told who, and it ends with its file.
func TestLockDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "pins")
	qt.Assert(t, qt.IsNil(os.Mkdir(dir, 0o700)))
	m, err := managerOf(dir)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsNil(m))
	pid, err := lockedBy(dir)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(pid, 0))

	c, err := lockDir(dir, unix.LOCK_EX)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNotNil(c))
	second, err := lockDir(dir, unix.LOCK_EX)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsNil(second))
	m, err = managerOf(dir)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(m, &ManagerStatus{os.Getpid()}))

	// What is in the directory keeps it; what is not, does not.
	name := filepath.Join(dir, "instance")
	qt.Assert(t, qt.IsNil(os.Mkdir(name, 0o700)))
	qt.Assert(t, qt.IsNil(c.close()))
	again, err := lockDir(dir, unix.LOCK_EX)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNotNil(again))
	qt.Assert(t, qt.IsNil(os.Remove(name)))
	qt.Assert(t, qt.IsNil(again.close()))
	_, err = os.Stat(dir)
	qt.Check(t, qt.ErrorIs(err, os.ErrNotExist))
}

// TestPinDir has the directories where nothing can be pinned.
func TestPinDir(t *testing.T) {
	dir := t.TempDir() // of no BPF file system
	for _, name := range []string{"", "guard", "/sys/fs/bpf/", "/sys/fs/bpf/../x", dir, filepath.Join(dir, "x/y"), "/"} {
		err := CheckPins(name)
		wrong, ok := err.(*PinDirError)
		qt.Assert(t, qt.IsTrue(ok), qt.Commentf("%q: %v", name, err))
		qt.Check(t, qt.Not(qt.Equals(wrong.Remedy(), "")))
	}
	left, err := os.ReadDir(dir)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.HasLen(left, 0))
}

// TestInstances: the newest is the last, and files are none.
func TestInstances(t *testing.T) {
	dir := t.TempDir()
	all, err := instances(filepath.Join(dir, "none"))
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.HasLen(all, 0))
	var want []string
	for range 3 {
		want = append(want, filepath.Join(dir, instanceName()))
		qt.Assert(t, qt.IsNil(os.Mkdir(want[len(want)-1], 0o700)))
	}
	qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, "file"), nil, 0o600)))
	all, err = instances(dir)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(all, want))
}

// TestTaken: the remedy names whom to end, where that is known.
func TestTaken(t *testing.T) {
	e := &Taken{"/sys/fs/bpf/guard", 17}
	qt.Check(t, qt.Equals(e.Error(), "another guard (process 17) is in charge of what is pinned below /sys/fs/bpf/guard"))
	qt.Check(t, qt.StringContains(e.Remedy(), "(kill 17)"))
	e.PID = 0
	qt.Check(t, qt.Equals(e.Error(), "another guard is in charge of what is pinned below /sys/fs/bpf/guard"))
	qt.Check(t, qt.Not(qt.StringContains(e.Remedy(), "kill")))
}
