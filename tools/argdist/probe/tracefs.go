package probe

import (
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/preflight"
)

// Tracefs is the kernel's file system of tracepoints. It need not be mounted: where
// it is not, it is mounted for us alone, at no place (fsmount, 5.2).
type Tracefs struct{ dir *os.File }

// OpenTracefs opens it.
func OpenTracefs() (*Tracefs, error) {
	for _, dir := range []string{"/sys/kernel/tracing", "/sys/kernel/debug/tracing"} {
		if _, err := os.Stat(dir + "/events"); err == nil {
			f, err := os.Open(dir)
			if err == nil {
				return &Tracefs{f}, nil
			}
		}
	}
	fd, err := mountTracefs()
	if err != nil {
		return nil, &preflight.MissingFeature{
			Feature: "tracefs, which has the formats of tracepoints", Err: err,
			Fix: "mount -t tracefs tracefs /sys/kernel/tracing, or run with CAP_SYS_ADMIN",
		}
	}
	return &Tracefs{os.NewFile(uintptr(fd), "tracefs")}, nil
}

func mountTracefs() (int, error) {
	fs, err := unix.Fsopen("tracefs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("open tracefs: %w", err)
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, fmt.Errorf("create tracefs: %w", err)
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOEXEC)
	if err != nil {
		return -1, fmt.Errorf("mount tracefs: %w", err)
	}
	return fd, nil
}

// Close closes it; a mount of our own goes with it.
func (t *Tracefs) Close() error { return t.dir.Close() }

// limit bounds what is read of a file.
const limit = 16 << 20

func (t *Tracefs) read(name string) (string, error) {
	fd, err := unix.Openat(int(t.dir.Fd()), name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit))
	return string(b), err
}

// names lists a directory.
func (t *Tracefs) names(dir string) ([]string, error) {
	fd, err := unix.Openat(int(t.dir.Fd()), dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), dir)
	defer f.Close()
	return f.Readdirnames(-1)
}

// Tracepoints lists category:name of those that match.
func (t *Tracefs) Tracepoints(match func(string) bool) ([]string, error) {
	categories, err := t.names("events")
	if err != nil {
		return nil, fmt.Errorf("list tracepoints: %w", err)
	}
	var out []string
	for _, c := range categories {
		list, err := t.names("events/" + c)
		if err != nil {
			continue // a file
		}
		for _, name := range list {
			if full := c + ":" + name; name != "enable" && name != "filter" && match(full) {
				out = append(out, full)
			}
		}
	}
	return out, nil
}

// Tracepoint is one with its record.
type Tracepoint struct {
	Category, Name string
	ID             uint64
	Format         string
}

// Tracepoint finds one.
func (t *Tracefs) Tracepoint(category, name string) (*Tracepoint, error) {
	if strings.ContainsAny(category+name, "/\x00") || category == "" || strings.HasPrefix(category, ".") || strings.HasPrefix(name, ".") {
		return nil, fmt.Errorf("no tracepoint %s:%s", category, name)
	}
	dir := path.Join("events", category, name)
	id, err := t.read(dir + "/id")
	if err != nil {
		return nil, fmt.Errorf("no tracepoint %s:%s: %w", category, name, err)
	}
	tp := &Tracepoint{Category: category, Name: name}
	if _, err := fmt.Sscan(id, &tp.ID); err != nil {
		return nil, fmt.Errorf("tracepoint %s:%s: read id: %w", category, name, err)
	}
	if tp.Format, err = t.read(dir + "/format"); err != nil {
		return nil, fmt.Errorf("tracepoint %s:%s: read format: %w", category, name, err)
	}
	return tp, nil
}

// Traceable lists the functions that kprobe.multi can go to, of those that match.
func (t *Tracefs) Traceable(match func(string) bool) ([]string, error) {
	text, err := t.read("available_filter_functions")
	if err != nil {
		return nil, fmt.Errorf("list functions that can be traced: %w", err)
	}
	var out []string
	seen := make(map[string]bool)
	for line := range strings.SplitSeq(text, "\n") {
		name, _, _ := strings.Cut(line, " ")
		if name != "" && !seen[name] && match(name) {
			seen[name] = true
			out = append(out, name)
		}
	}
	return out, nil
}
