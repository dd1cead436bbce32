package vm

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/ringside-tools/ringside/internal/vm/job"
)

// Guest is one boot: a kernel, what is added to its root, and what it runs.
type Guest struct {
	Image *Image
	// Init is the host's path of the guest's PID 1, built from package init.
	Init    string
	Files   []File
	Modules []string // names; dependencies are added
	// Disk is below the root, if there is one: what is written, and Files,
	// appear in its folders, but do not replace its files.
	Disk *Disk
	Jobs []job.Job
	Env  []string // of the jobs, besides what all guests have
	// Output gets what the jobs print, as they print it.
	Output io.Writer
	// Console is the host's path for the kernel's log; "" means a temporary one.
	Console string
	// Limit ends a boot that does not end by itself; zero means 15 minutes.
	Limit time.Duration
	// Memory of the guest in MiB; zero means 1024, or more for a large root.
	Memory int
	// Counted makes the guest's clocks count instructions, one a nanosecond. It
	// needs emulation.
	Counted bool
	// Cmdline is added to the kernel's command line, after that of the image.
	Cmdline string
}

// DefaultLimit is the wall time of a boot that names none.
const DefaultLimit = 15 * time.Minute

// BootError is a guest that did not get as far as its status line.
type BootError struct {
	Kernel  string
	Reason  string
	Console string // the last lines of the kernel's log
}

func (e *BootError) Error() string {
	return fmt.Sprintf("kernel %s: %s; the console ended with:\n%s", e.Kernel, e.Reason, e.Console)
}

// Boot runs the guest to its end. The status is the guest's own account; an
// error means that there is none, or that init could not do its part. Nothing
// is left behind but the console file, if one was named.
func (g *Guest) Boot(ctx context.Context) (job.Status, error) {
	none := job.Status{Exit: job.ExitNoStatus}
	m, ok := machines[g.Image.Kernel.Arch]
	if !ok {
		return none, fmt.Errorf("no machine emulates %q", g.Image.Kernel.Arch)
	}
	qemu, err := m.findQEMU()
	if err != nil {
		return none, err
	}
	dir, err := os.MkdirTemp("", "ringside-vm-")
	if err != nil {
		return none, fmt.Errorf("make boot directory: %w", err)
	}
	defer os.RemoveAll(dir)
	initrd := filepath.Join(dir, "initrd")
	size, err := g.pack(initrd, m)
	if err != nil {
		return none, err
	}
	console := g.Console
	if console == "" {
		console = filepath.Join(dir, "console")
	}
	ch := channels{console: console, output: "/dev/fd/3", status: filepath.Join(dir, "status")}
	reason, err := g.run(ctx, qemu, append(g.qemuArgs(m, initrd, g.memory(size), ch), diskArgs(g.Disk)...))
	if err != nil {
		return none, err
	}
	line, _ := os.ReadFile(ch.status)
	st, err := job.ParseStatus(line)
	if err != nil {
		if reason == "" {
			reason = "switched off without a status"
		}
		return none, &BootError{Kernel: g.Image.Kernel.Name, Reason: reason, Console: tail(console, 40)}
	}
	if st.Problem != "" {
		return st, &BootError{Kernel: g.Image.Kernel.Name, Reason: st.Problem, Console: tail(console, 40)}
	}
	return st, nil
}

// memory leaves room for the root twice: the archive as loaded and as unpacked.
func (g *Guest) memory(initrd int64) int {
	if g.Memory > 0 {
		return g.Memory
	}
	return max(1024, 768+2*int(initrd>>20))
}

// pack writes the initramfs and returns its size.
func (g *Guest) pack(path string, m machine) (int64, error) {
	plan := job.Plan{
		Hostname: "ringside",
		Output:   m.output,
		Status:   m.status,
		Env: []string{
			"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
			"HOME=/root", "USER=root", "SHELL=/bin/sh", "TMPDIR=/tmp", "LC_ALL=C.UTF-8",
			"RINGSIDE_VM=1", "RINGSIDE_KERNEL=" + g.Image.Kernel.Name,
		},
		Jobs: g.Jobs,
	}
	plan.Env = append(plan.Env, g.Env...)
	files := []File{
		{Path: "/init", Mode: 0o755, Host: g.Init},
		{Path: job.Busybox, Mode: 0o755, Host: g.Image.Busybox},
		{Path: "/dev/console", Mode: fs.ModeDevice | fs.ModeCharDevice | 0o600, Major: 5, Minor: 1},
	}
	names := g.Modules
	if g.Disk != nil {
		plan.Disk = "/dev/vda"
		names = append(slices.Clone(diskModules), names...)
	}
	mods, err := g.Image.modules(names)
	if err != nil {
		return 0, err
	}
	for _, mod := range mods {
		at := "/lib/modules/" + mod.name + ".ko"
		files = append(files, File{Path: at, Mode: 0o644, Data: mod.ko})
		plan.Modules = append(plan.Modules, at)
	}
	var text bytes.Buffer
	if err := plan.Encode(&text); err != nil {
		return 0, err
	}
	files = append(files, File{Path: job.PlanPath, Mode: 0o644, Data: text.Bytes()})
	files = append(files, g.Files...)

	f, err := os.Create(path)
	if err != nil {
		return 0, fmt.Errorf("write initramfs: %w", err)
	}
	defer f.Close()
	if err := writeInitramfs(f, files); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), f.Close()
}

// run returns when QEMU has ended, with the reason if it did not end by itself.
func (g *Guest) run(ctx context.Context, qemu string, args []string) (reason string, err error) {
	limit := g.Limit
	if limit == 0 {
		limit = DefaultLimit
	}
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()

	r, w, err := os.Pipe()
	if err != nil {
		return "", fmt.Errorf("make output pipe: %w", err)
	}
	defer r.Close()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(bounded, qemu, args...)
	cmd.Stderr = &stderr
	cmd.ExtraFiles = []*os.File{w} // /dev/fd/3; QEMU blocks on a full pipe and loses nothing
	// The death signal follows the thread that started QEMU, so that this
	// goroutine keeps its thread until QEMU has ended.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	err = cmd.Start()
	w.Close()
	if err != nil {
		return "", fmt.Errorf("start QEMU: %w", err)
	}
	copied := make(chan error, 1)
	go func() {
		_, err := io.Copy(g.Output, r)
		if err != nil { // a reader that has gone must not stop the guest
			_, _ = io.Copy(io.Discard, r)
		}
		copied <- err
	}()
	waitErr := cmd.Wait()
	copyErr := <-copied
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("boot %s: %w", g.Image.Kernel.Name, context.Cause(ctx))
	case bounded.Err() != nil:
		return fmt.Sprintf("still running after %v", limit), nil
	case waitErr != nil:
		return fmt.Sprintf("QEMU: %v %s", waitErr, bytes.TrimSpace(stderr.Bytes())), nil
	case copyErr != nil && !errors.Is(copyErr, syscall.EPIPE):
		return "", fmt.Errorf("copy the guest's output: %w", copyErr)
	}
	return "", nil
}

// tail is the last n lines of a file.
func tail(path string, n int) string {
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	var lines []string
	s := bufio.NewScanner(f)
	for s.Scan() {
		lines = append(lines, s.Text())
	}
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
