//go:build kernel

package preflight_test

import (
	"os"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
	"github.com/ringside-tools/ringside/internal/preflight"
)

// TestPreemptible asks the kernels of the matrix, as Debian starts them and, where the
// choice can be changed, after it was.
func TestPreemptible(t *testing.T) {
	const file = "/sys/kernel/debug/sched/preempt"
	ask := func() bool {
		k, err := preflight.Inspect("")
		qt.Assert(t, qt.IsNil(err))
		return k.Preemptible()
	}
	name := kerneltest.Kernel()
	if name == "" {
		t.Skip("not a kernel of the matrix")
	}
	qt.Check(t, qt.Equals(ask(), name == "newest"))
	if err := os.WriteFile(file, []byte("full"), 0); err != nil {
		qt.Check(t, qt.IsTrue(name == "5.10" || name == "arm64-6.12"), qt.Commentf("%v", err))
		return
	}
	qt.Check(t, qt.IsTrue(ask()))
	back := "voluntary"
	if name == "newest" {
		back = "lazy"
	}
	qt.Assert(t, qt.IsNil(os.WriteFile(file, []byte(back), 0)))
	qt.Check(t, qt.Equals(ask(), name == "newest"))
}
