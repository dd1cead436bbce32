//go:build kernel

package engine

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// preemptible makes the kernel one that can be preempted, until the test ends.
func preemptible(t *testing.T) {
	t.Helper()
	const file = "/sys/kernel/debug/sched/preempt"
	if kerneltest.Kernel() == "" {
		t.Skip("it changes how the kernel schedules: it runs in guests")
	}
	modes, err := os.ReadFile(file) // as "none (voluntary) full"
	_, before, ok := strings.Cut(string(modes), "(")
	before, _, _ = strings.Cut(before, ")")
	if err != nil || !ok {
		t.Skipf("this kernel cannot be made preemptible: %v %s", err, modes)
	}
	qt.Assert(t, qt.IsNil(os.WriteFile(file, []byte("full"), 0)))
	t.Cleanup(func() { os.WriteFile(file, []byte(before), 0) })
}

// TestPreempted: where the kernel can be preempted in the middle of a decision, another
// task of that CPU is decided on as well. (Between 5.12 and 6.1 there were kernels that
// skipped it then; 6.1.176 is none of them.)
//
//vmrun:kernels 6.1 newest
func TestPreempted(t *testing.T) {
	preemptible(t)
	secret := write(t, t.TempDir()+"/secret", "s")
	f := startOwn(t, enforce("rules:\n  - {id: r, subject: all, file: {paths: ["+secret+"], access: read}, action: deny}\n"))
	stop := make(chan bool)
	go func() { // the ring must not fill up with this
		for {
			select {
			case <-f.Alerts():
			case <-stop:
				return
			}
		}
	}()
	var all []*holder
	for range 8 {
		w := hold(t, "loop-open", secret)
		var one unix.CPUSet
		one.Set(0)
		qt.Assert(t, qt.IsNil(unix.SchedSetaffinity(w.cmd.Process.Pid, &one)))
		all = append(all, w)
	}
	time.Sleep(8 * time.Second)
	opened, denied := 0, 0
	for _, w := range all {
		m := looped.FindStringSubmatch(w.finish())
		qt.Assert(t, qt.HasLen(m, 3))
		yes, _ := strconv.Atoi(m[1])
		no, _ := strconv.Atoi(m[2])
		opened, denied = opened+yes, denied+no
	}
	close(stop)
	skipped := int(f.Skipped())
	t.Logf("%d denied, %d opened, %d skipped", denied, opened, skipped)
	qt.Check(t, qt.IsTrue(denied > 100))
	qt.Check(t, qt.Equals(opened, 0))
	qt.Check(t, qt.Equals(skipped, 0))
}
