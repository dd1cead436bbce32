//go:build kernel

package engine

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
	"github.com/ringside-tools/ringside/internal/vm/job"
)

// loopDevice makes a device of a file, which threads of the kernel read then, and returns
// a read of its beginning.
func loopDevice(t *testing.T, path string) (read func() error) {
	t.Helper()
	out, err := exec.Command("losetup", "-f").Output()
	qt.Assert(t, qt.IsNil(err))
	device := strings.TrimSpace(string(out))
	qt.Assert(t, qt.IsNil(exec.Command("losetup", "-r", device, path).Run()))
	t.Cleanup(func() { qt.Check(t, qt.IsNil(exec.Command("losetup", "-d", device).Run())) })
	// Without O_DIRECT it would be read once, and be remembered then.
	f, err := os.OpenFile(device, os.O_RDONLY|unix.O_DIRECT, 0)
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { f.Close() })
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	qt.Assert(t, qt.IsNil(err))
	return func() error {
		_, err := f.ReadAt(page, 0)
		return err
	}
}

// TestKernelThreads: what all are denied, threads of the kernel may do, but for rules
// about them.
func TestKernelThreads(t *testing.T) {
	if kerneltest.Kernel() == "" {
		t.Skip("it makes devices: it runs in guests")
	}
	image := write(t, t.TempDir()+"/image", strings.Repeat("12345678", 1<<17))
	read := loopDevice(t, image)
	f := start(t)
	rule := func(subject string) string {
		return "rules:\n  - {id: image, subject: " + subject + ", file: {paths: [" + image + "], access: read, open_before: deny}, action: deny}\n"
	}
	w := hold(t, "held", image, "read")
	f.set(enforce(rule("all")))
	qt.Check(t, qt.Equals(w.finish(), "held-read: EPERM"))
	qt.Check(t, qt.IsTrue(f.alert().Denied))
	f.drain()
	qt.Check(t, qt.IsNil(read()))
	f.silent()

	// Those of later kernels read without asking security modules.
	asked := kerneltest.Kernel() == "5.10"
	f.set(audit(rule("kernel")))
	qt.Check(t, qt.IsNil(read()))
	if asked {
		a := f.alert()
		qt.Check(t, qt.Equals(a.Rule, "image"))
		qt.Check(t, qt.IsFalse(a.Denied))
		qt.Check(t, qt.Equals(a.Process.Exe, ""))
		qt.Check(t, qt.DeepEquals(a.Process.Subjects, []string{"kernel"}))
	}
	f.drain()
	f.set()
	w = hold(t, "held", image, "read")
	f.set(enforce(rule("kernel")))
	qt.Check(t, qt.Equals(w.finish(), "held-read: ok 4096"))
	f.silent()
	if asked {
		qt.Check(t, qt.ErrorIs(read(), unix.EIO))
		qt.Check(t, qt.IsTrue(f.alert().Denied))
	}
	f.drain()
}

// initReads has process 1 read a file, and returns what came of it.
func initReads(t *testing.T, path string) string {
	t.Helper()
	os.Remove(job.InitRead)
	qt.Assert(t, qt.IsNil(os.WriteFile(job.InitReads, []byte(path), 0o644)))
	qt.Assert(t, qt.IsNil(unix.Kill(1, unix.SIGUSR2)))
	for deadline := time.Now().Add(kerneltest.Patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if b, err := os.ReadFile(job.InitRead); err == nil {
			return string(b)
		}
	}
	t.Fatal("process 1 does not answer")
	return ""
}

// TestInit: what all are denied, process 1 may do, but for rules about it.
func TestInit(t *testing.T) {
	if kerneltest.Kernel() == "" {
		t.Skip("process 1 of this machine does not do what tests ask it to: it runs in guests")
	}
	secret := write(t, t.TempDir()+"/secret", "s")
	rule := func(subject string) string {
		return "rules:\n  - {id: secret, subject: " + subject + ", file: {paths: [" + secret + "], access: read}, action: deny}\n"
	}
	f := start(t, enforce(rule("all")))
	f.check(try("open: EPERM", "secret", "open", secret, "r"))
	qt.Check(t, qt.Equals(initReads(t, secret), "ok\n"))
	f.silent()

	f.set(audit(rule("init")))
	qt.Check(t, qt.Equals(initReads(t, secret), "ok\n"))
	a := f.alert()
	qt.Check(t, qt.Equals(a.Process.PID, uint32(1)))
	qt.Check(t, qt.IsFalse(a.Denied))

	f.set(enforce(rule("init")))
	qt.Check(t, qt.Equals(initReads(t, secret), "open "+secret+": operation not permitted\n"))
	qt.Check(t, qt.IsTrue(f.alert().Denied))
	f.check(try("open: ok", "", "open", secret, "r"))
}
