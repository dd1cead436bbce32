//go:build kernel

package preflight_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

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

	// Without debugfs the configuration counts, and without that it may be anything.
	const debugfs = "/sys/kernel/debug"
	qt.Assert(t, qt.IsNil(unix.Unmount(debugfs, unix.MNT_DETACH)))
	defer func() { qt.Check(t, qt.IsNil(unix.Mount("debugfs", debugfs, "debugfs", 0, ""))) }()
	qt.Check(t, qt.IsTrue(ask()))
	var uts unix.Utsname
	qt.Assert(t, qt.IsNil(unix.Uname(&uts)))
	qt.Assert(t, qt.IsNil(os.MkdirAll("/boot", 0o755)))
	config := "/boot/config-" + unix.ByteSliceToString(uts.Release[:])
	defer os.Remove(config)
	for line, want := range map[string]bool{"CONFIG_PREEMPT_VOLUNTARY=y": false, "CONFIG_PREEMPT_NONE=y": false, "CONFIG_PREEMPT_LAZY=y": true} {
		qt.Assert(t, qt.IsNil(os.WriteFile(config, []byte("#\n"+line+"\n"), 0o600)))
		qt.Check(t, qt.Equals(ask(), want), qt.Commentf("%s", line))
	}

	// The command line is stronger, where the kernel has what it says.
	words := filepath.Join(t.TempDir(), "cmdline")
	qt.Assert(t, qt.IsNil(os.WriteFile(words, []byte("quiet preempt=voluntary\n"), 0o600)))
	qt.Assert(t, qt.IsNil(unix.Mount(words, "/proc/cmdline", "", unix.MS_BIND, "")))
	defer func() { qt.Check(t, qt.IsNil(unix.Unmount("/proc/cmdline", 0))) }()
	for lines, want := range map[string]bool{
		"CONFIG_PREEMPT=y\n# CONFIG_PREEMPT_VOLUNTARY is not set": false, "CONFIG_PREEMPT_LAZY=y": true,
	} {
		qt.Assert(t, qt.IsNil(os.WriteFile(config, []byte("#\n"+lines+"\n"), 0o600)))
		qt.Check(t, qt.Equals(ask(), want), qt.Commentf("%s", lines))
	}
}
