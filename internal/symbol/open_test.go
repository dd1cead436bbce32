package symbol

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"
)

// write makes a file in a directory of its own and returns its path.
func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	qt.Assert(t, qt.IsNil(os.WriteFile(path, data, 0o700)))
	return path
}

// TestOpenRegular: nothing else is opened. A FIFO would wait for its other end.
func TestOpenRegular(t *testing.T) {
	dir := t.TempDir()
	regular, fifo, link, broken := filepath.Join(dir, "regular"), filepath.Join(dir, "fifo"), filepath.Join(dir, "link"), filepath.Join(dir, "broken")
	qt.Assert(t, qt.IsNil(os.WriteFile(regular, []byte("x"), 0o600)))
	qt.Assert(t, qt.IsNil(unix.Mkfifo(fifo, 0o600)))
	qt.Assert(t, qt.IsNil(os.Symlink(regular, link)))
	qt.Assert(t, qt.IsNil(os.Symlink(fifo, broken)))
	pid := uint32(os.Getpid())
	for _, of := range []uint32{0, pid} {
		for _, path := range []string{regular, link} {
			f, key, err := place{pid: of, path: path}.open()
			qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", path))
			qt.Check(t, qt.Equals(key.size, 1))
			qt.Check(t, qt.IsNil(f.Close()))
		}
		for _, path := range []string{fifo, broken, dir, "/dev/zero", "/proc/version", "/proc/self/ns/mnt", "/sys/kernel/notes"} {
			_, _, err := place{pid: of, path: path}.open()
			qt.Check(t, qt.IsNotNil(err), qt.Commentf("%s", path))
		}
	}
	_, _, err := place{path: fifo}.open()
	qt.Check(t, qt.ErrorIs(err, errNotRegular))
	_, _, err = place{pid: 1<<22 + 1, path: regular}.open()
	qt.Check(t, qt.ErrorIs(err, os.ErrNotExist))
}

func TestGuard(t *testing.T) {
	g := &guard{patience: time.Millisecond}
	release := make(chan bool)
	for range maxWaiting {
		_, ok := try(g, func() int { <-release; return 7 })
		qt.Check(t, qt.IsFalse(ok))
	}
	g.patience = time.Minute
	_, ok := try(g, func() int { t.Error("one more thread"); return 7 })
	qt.Check(t, qt.IsFalse(ok))
	close(release)
	for g.waiting.Load() > 0 {
		time.Sleep(time.Millisecond)
	}
	n, ok := try(g, func() int { return 7 })
	qt.Check(t, qt.IsTrue(ok))
	qt.Check(t, qt.Equals(n, 7))
}

// TestOpenInRoot: a link inside of a container leads to a file of the container.
func TestOpenInRoot(t *testing.T) {
	outside := write(t, "lib.so", []byte("outside"))
	root := t.TempDir()
	inside := filepath.Join(root, outside)
	qt.Assert(t, qt.IsNil(os.MkdirAll(filepath.Dir(inside), 0o700)))
	qt.Assert(t, qt.IsNil(os.WriteFile(inside, []byte("in"), 0o600)))
	qt.Assert(t, qt.IsNil(os.Symlink(outside, filepath.Join(root, "link"))))
	qt.Assert(t, qt.IsNil(os.Symlink("/proc/self/exe", filepath.Join(root, "magic"))))
	dir, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	qt.Assert(t, qt.IsNil(err))
	defer unix.Close(dir)
	if _, err := unix.Openat2(dir, ".", &unix.OpenHow{Flags: unix.O_PATH, Resolve: inRoot}); err != nil {
		t.Skipf("this kernel has no openat2: %v", err)
	}
	for _, path := range []string{"/link", "/../../link", outside} {
		f, key, err := openRegular(dir, path, inRoot)
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", path))
		qt.Check(t, qt.Equals(key.size, int64(len("in"))), qt.Commentf("%s", path))
		f.Close()
	}
	_, _, err = openRegular(dir, "/magic", inRoot)
	qt.Check(t, qt.IsNotNil(err))
}
