package preflight

import (
	"bytes"
	"compress/gzip"
	"io"
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
// Where that is not to be read, as where the kernel is locked down, it was made
// on the command line or when the kernel was configured. (Who has changed it since gets
// told what the kernel skips, as always.)
func (k *Kernel) Preemptible() bool {
	var uts unix.Utsname
	if unix.Uname(&uts) != nil {
		return true
	}
	return preemptible(unix.ByteSliceToString(uts.Version[:]), preemptChoice, func() (string, string) {
		line, _ := os.ReadFile("/proc/cmdline") // unreadable counts as empty
		return string(line), kernelConfig(unix.ByteSliceToString(uts.Release[:]))
	})
}

// preemptible reads the version of a kernel, as in "#1 SMP PREEMPT_DYNAMIC Debian
// 6.12.90-2 (2026-06-26)", and what choice has, as in "none (voluntary) full": all that
// could be chosen, and in brackets what was; or else what boot has, the command line and
// the configuration, "" where that is not known.
func preemptible(version string, choice func() ([]byte, error), boot func() (line, config string)) bool {
	words := strings.Fields(version)
	if !slices.Contains(words, "PREEMPT_DYNAMIC") {
		return slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "PREEMPT") })
	}
	chosen, err := choice()
	if err == nil {
		return !bytes.Contains(chosen, []byte("(none)")) && !bytes.Contains(chosen, []byte("(voluntary)"))
	}
	line, config := boot()
	is := func(option string) bool { return strings.Contains(config, "\n"+option+"=y\n") }
	// 7.0 has neither of the two where it has lazy, and takes no notice of who asks for them.
	has := func(option string) bool { return is(option) || strings.Contains(config, "\n# "+option+" is not set\n") }
	for _, word := range slices.Backward(strings.Fields(line)) { // the last one counts
		switch {
		case word == "preempt=full", word == "preempt=lazy":
			return true
		case word == "preempt=none" && has(preemptNone), word == "preempt=voluntary" && has(preemptVoluntary):
			return false
		}
	}
	return !is(preemptNone) && !is(preemptVoluntary)
}

// Options of a kernel's configuration, of which there is one line for each that it could have.
const (
	preemptNone      = "CONFIG_PREEMPT_NONE"
	preemptVoluntary = "CONFIG_PREEMPT_VOLUNTARY"
)

// kernelConfig returns what the running kernel was configured with, "" where that is not
// to be had. release is its own.
func kernelConfig(release string) string {
	if file, err := os.Open("/proc/config.gz"); err == nil {
		defer file.Close()
		if z, err := gzip.NewReader(file); err == nil {
			if b, err := io.ReadAll(z); err == nil {
				return string(b)
			}
		}
	}
	b, _ := os.ReadFile("/boot/config-" + release) // unreadable counts as empty
	return string(b)
}

// preemptChoice reads the choice from debugfs, where that is mounted, which is open to
// root alone: another user would make use of a capability for it.
func preemptChoice() ([]byte, error) {
	if os.Geteuid() != 0 {
		return nil, os.ErrPermission
	}
	return os.ReadFile("/sys/kernel/debug/sched/preempt")
}
