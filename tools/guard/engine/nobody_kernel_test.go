//go:build kernel

package engine

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// TestKernelThreads: what is denied to all is not denied to threads of the kernel, unless
// a policy names them. The one that makes device files makes those of a console that is
// opened for the first time.
func TestKernelThreads(t *testing.T) {
	console := 20
	makes := func() bool { // this test's own process is denied nothing
		t.Helper()
		console++
		f, err := os.OpenFile(fmt.Sprintf("/dev/tty%d", console), os.O_RDWR, 0)
		qt.Assert(t, qt.IsNil(err))
		defer f.Close()
		for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(fmt.Sprintf("/dev/vcs%d", console)); err == nil {
				return true
			}
		}
		return false
	}
	if _, err := os.Stat("/dev/tty21"); err != nil && kerneltest.Kernel() == "" {
		t.Skip("no consoles on this machine")
	}
	f := start(t)
	for _, test := range []struct {
		subject, yaml string
		made          bool
	}{
		{"all", enforce("defaults: {all: {create: deny}}\n"), true},
		{"kernel", enforce("defaults: {kernel: {create: deny}}\n"), false},
		{"kernel", audit("defaults: {kernel: {create: deny}}\n"), true},
	} {
		f.set(test.yaml)
		qt.Check(t, qt.Equals(makes(), test.made), qt.Commentf("%s", test.yaml))
		if test.subject == "kernel" {
			a := f.alert()
			qt.Check(t, qt.Equals(a.Hook, "path_mknod"))
			qt.Check(t, qt.Equals(a.Process.Exe, ""))
			qt.Check(t, qt.Equals(a.Denied, !test.made))
			f.alert() // of vcsa, and newer kernels' vcsu
			time.Sleep(100 * time.Millisecond)
			f.drain()
		} else {
			f.silent()
		}
		want := "mknod: ok"
		if test.subject == "all" {
			want = "mknod: EPERM"
		}
		node := fmt.Sprintf("/dev/guard-%d", console)
		qt.Check(t, qt.Equals(do(t, "mknod", node, "c:1:3"), want))
		if test.subject == "all" {
			qt.Check(t, qt.Equals(f.alert().Object.Path, node))
		}
		f.silent()
		f.set()
		os.Remove(node)
	}
}
