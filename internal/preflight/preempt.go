package preflight

import (
	"bytes"
	"fmt"
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
// choice is made at boot and can be changed later (5.12). The choice is in debugfs,
// which need not be mounted for us to read it.
func (k *Kernel) Preemptible() bool {
	k.preempt.Do(func() {
		var uts unix.Utsname
		if unix.Uname(&uts) != nil {
			k.preemptible = true
			return
		}
		k.preemptible = preemptible(unix.ByteSliceToString(uts.Version[:]), preemptChoice)
	})
	return k.preemptible
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

// preemptChoice reads the choice from where debugfs is always mounted, or else from a
// mount of it that is nowhere in the tree of files.
func preemptChoice() ([]byte, error) {
	const file = "sched/preempt"
	if text, err := os.ReadFile("/sys/kernel/debug/" + file); err == nil {
		return text, nil
	}
	fs, err := unix.Fsopen("debugfs", unix.FSOPEN_CLOEXEC) // 5.2
	if err != nil {
		return nil, fmt.Errorf("open debugfs: %w", err)
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return nil, fmt.Errorf("make a mount of debugfs: %w", err)
	}
	root, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC|unix.MOUNT_ATTR_NOSUID)
	if err != nil {
		return nil, fmt.Errorf("mount debugfs: %w", err)
	}
	defer unix.Close(root)
	fd, err := unix.Openat(root, file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s in debugfs: %w", file, err)
	}
	f := os.NewFile(uintptr(fd), file)
	defer f.Close()
	text := make([]byte, 128)
	n, err := f.Read(text)
	if err != nil {
		return nil, fmt.Errorf("read %s in debugfs: %w", file, err)
	}
	return text[:n], nil
}
