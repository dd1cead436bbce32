package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// insideEnv marks the process that runs in its own mount namespace.
const insideEnv = "RINGSIDE_BENCH_INSIDE"

// enterNamespace runs this program again in a private mount namespace with
// tracefs and debugfs, which the peers need and the machine may not have
// mounted; the machine does not notice. It reports whether we are that
// process already.
func enterNamespace(ctx context.Context) (inside bool, err error) {
	if os.Getenv(insideEnv) != "" {
		return true, mountTracing()
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return false, errors.New("not finished (see above)")
	}
	if err != nil {
		return false, fmt.Errorf("run in a mount namespace: %w", err)
	}
	return false, nil
}

func mountTracing() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	for _, m := range []struct{ fs, dir string }{
		{"debugfs", "/sys/kernel/debug"}, // first: it brings tracing/ below it
		{"tracefs", "/sys/kernel/tracing"},
	} {
		// EBUSY: the machine has it there already.
		if err := unix.Mount(m.fs, m.dir, m.fs, 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mount %s: %w", m.fs, err)
		}
	}
	return nil
}
