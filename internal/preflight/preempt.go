package preflight

import (
	"bytes"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Preemptible reports whether a task can lose its CPU while it is in the kernel, and
// so while it is in a program; true where nothing tells. An interrupt can take the
// CPU anywhere.
//
// A kernel says in its version how it was built: not at all, always, or so that the
// choice is made at boot and can be changed later (5.12). The choice is in debugfs.
func (k *Kernel) Preemptible() bool {
	var uts unix.Utsname
	return unix.Uname(&uts) != nil || preemptible(unix.ByteSliceToString(uts.Version[:]), preemptChoice)
}

// preemptible reads the version of a kernel, as in "#1 SMP PREEMPT_DYNAMIC Debian
// 6.12.90-2 (2026-06-26)", and what choice has, as in "none (voluntary) full": all that
// could be chosen, and in brackets what was.
func preemptible(version string, choice func() ([]byte, error)) bool {
	words := strings.Fields(version)
	if !slices.Contains(words, "PREEMPT_DYNAMIC") {
		return slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "PREEMPT") })
	}
	chosen, err := choice()
	if err != nil {
		return true
	}
	return !bytes.Contains(chosen, []byte("(none)")) && !bytes.Contains(chosen, []byte("(voluntary)"))
}

// preemptChoice reads the choice from debugfs, where that is mounted, which is open to
// root alone: another user would make use of a capability for it.
func preemptChoice() ([]byte, error) {
	if os.Geteuid() != 0 {
		return nil, os.ErrPermission
	}
	return os.ReadFile("/sys/kernel/debug/sched/preempt")
}
