package kerneltest

import (
	"os/exec"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"
)

// OrdinaryUser makes cmd run as a user without privileges but for the
// capabilities given, as ambient ones, and with 64 KiB of memory to lock.
func OrdinaryUser(t testing.TB, cmd *exec.Cmd, caps ...uintptr) {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Credential:  &syscall.Credential{Uid: 1000, Gid: 1000},
		AmbientCaps: caps,
	}
	// The limit is inherited; the command of a user cannot raise it again.
	var old unix.Rlimit
	low := unix.Rlimit{Cur: 64 << 10, Max: 64 << 10}
	qt.Assert(t, qt.IsNil(unix.Getrlimit(unix.RLIMIT_MEMLOCK, &old)))
	old.Max = max(old.Max, old.Cur)
	qt.Assert(t, qt.IsNil(unix.Setrlimit(unix.RLIMIT_MEMLOCK, &low)))
	t.Cleanup(func() { unix.Setrlimit(unix.RLIMIT_MEMLOCK, &old) })
}
