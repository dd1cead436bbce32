package syscallname

import (
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"
)

func TestName(t *testing.T) {
	for nr, want := range map[int]string{
		unix.SYS_SETPRIORITY: "setpriority", unix.SYS_CHROOT: "chroot", unix.SYS_EXECVEAT: "execveat",
		unix.SYS_CAPSET: "capset", unix.SYS_BPF: "bpf", -1: "", 1 << 20: "",
	} {
		qt.Check(t, qt.Equals(Name(nr, false), want))
	}
}

// TestTables has a number of each architecture that the others use otherwise.
func TestTables(t *testing.T) {
	qt.Check(t, qt.Equals(callsAMD64[161], "chroot"))
	qt.Check(t, qt.Equals(callsARM64[51], "chroot"))
	qt.Check(t, qt.Equals(calls386[61], "chroot"))
	qt.Check(t, qt.Equals(callsARM[61], "chroot"))
	qt.Check(t, qt.Equals(Name(61, true), "chroot"))
}
