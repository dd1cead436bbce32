package kerneltest

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/process"
)

// Waiter is a workload that does something when it is told to, so that a test
// can look at the process before, and put it where it wants it. The workload's
// way "wait" does what follows it at the first byte on stdin, and ends at the
// second or at the end.
type Waiter struct {
	Cmd   *exec.Cmd
	stdin io.WriteCloser
}

// Wait starts a workload that waits. set changes the process; it may be nil.
func Wait(t testing.TB, workload string, set func(*exec.Cmd), args ...string) *Waiter {
	t.Helper()
	cmd := Command(t, workload, append([]string{"wait"}, args...)...)
	if set != nil {
		set(cmd)
	}
	stdin, err := cmd.StdinPipe()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(cmd.Start()))
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return &Waiter{cmd, stdin}
}

// PID is the workload's process.
func (w *Waiter) PID() int { return w.Cmd.Process.Pid }

// Go tells it to begin.
func (w *Waiter) Go(t testing.TB) {
	t.Helper()
	_, err := w.stdin.Write([]byte("g"))
	qt.Assert(t, qt.IsNil(err))
}

// End lets it end, and waits for that.
func (w *Waiter) End(t testing.TB) {
	t.Helper()
	w.stdin.Close()
	qt.Assert(t, qt.IsNil(w.Cmd.Wait()))
}

// Cgroup makes a cgroup for the test and puts a process into it. It returns the
// directory.
func Cgroup(t testing.TB, name string, pid int) string {
	t.Helper()
	root, err := process.CgroupRoot()
	qt.Assert(t, qt.IsNil(err))
	dir := filepath.Join(root, "ringside-test", name)
	qt.Assert(t, qt.IsNil(os.MkdirAll(dir, 0o755)))
	t.Cleanup(func() {
		for d := dir; d != root; d = filepath.Dir(d) {
			os.Remove(d)
		}
	})
	procs := filepath.Join(dir, "cgroup.procs")
	qt.Assert(t, qt.IsNil(os.WriteFile(procs, []byte(strconv.Itoa(pid)), 0)))
	return dir
}
