package engine

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/iovisor/gobpf/pkg/bpffs"
	"golang.org/x/sys/unix"
)

// DefaultPinDir is where policies are pinned that stay when their manager ends.
const DefaultPinDir = "/sys/fs/bpf/guard"

// bpfFS is where the file system of BPF is mounted.
const bpfFS = "/sys/fs/bpf"

// PinDirError says that nothing can be pinned in a directory.
type PinDirError struct {
	Dir, Msg, Fix string
	Err           error // may be nil
}

func (e *PinDirError) Error() string {
	text := "pin below " + e.Dir + ": " + e.Msg
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *PinDirError) Unwrap() error  { return e.Err }
func (e *PinDirError) Remedy() string { return e.Fix }

// Taken says that another manager lives, and is in charge of what is pinned in a
// directory.
type Taken struct {
	Dir string
	PID int // 0 where it is not seen from here
}

func (e *Taken) Error() string {
	who := "another guard"
	if e.PID != 0 {
		who += fmt.Sprintf(" (process %d)", e.PID)
	}
	return who + " is in charge of what is pinned below " + e.Dir
}

// Remedy implements what errors with remedies have.
func (e *Taken) Remedy() string {
	end := "end it first"
	if e.PID != 0 {
		end += fmt.Sprintf(" (kill %d)", e.PID)
	}
	return end + ": its policies stay in force until they are taken over, or taken away by guard detach"
}

// claim is the sole right to pin in a directory: a lock on it, which the kernel takes
// back from a process however it ends.
type claim struct {
	dir string
	fd  *os.File
}

// claimTime is how long somebody may look at the directory, with a lock of his own.
const claimTime = time.Second

// CheckPins returns the error that pinning below dir would begin with, or nil: a
// [Taken], or a [PinDirError].
func CheckPins(dir string) error {
	c, err := newClaim(dir)
	if err != nil {
		return err
	}
	return c.close()
}

// newClaim makes the directory where there is none, and mounts the file system of BPF
// where it is missing.
func newClaim(dir string) (*claim, error) {
	for deadline := time.Now().Add(claimTime); ; time.Sleep(10 * time.Millisecond) {
		if err := makePinDir(dir); err != nil {
			return nil, err
		}
		c, err := lockDir(dir, unix.LOCK_EX)
		switch {
		case err != nil:
			return nil, err
		case c != nil:
			return c, nil
		case time.Now().After(deadline):
			pid, err := lockedBy(dir)
			if err != nil {
				return nil, err
			}
			return nil, &Taken{dir, pid}
		}
	}
}

// lockDir returns nil where somebody else has a lock, or has just removed the directory.
func lockDir(dir string, how int) (*claim, error) {
	fd, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("open the directory of pins: %w", err)
	}
	err = unix.Flock(int(fd.Fd()), how|unix.LOCK_NB)
	if err == nil {
		var locked, there unix.Stat_t
		if unix.Fstat(int(fd.Fd()), &locked) == nil && unix.Stat(dir, &there) == nil && locked.Ino == there.Ino {
			return &claim{dir, fd}, nil
		}
	}
	fd.Close()
	if err != nil && !errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("lock the directory of pins: %w", err)
	}
	return nil, nil
}

// close gives the right back, and takes the directory away if it has nothing in it. Where
// that is not allowed (the one above is sticky, and CAP_FOWNER missing) it stays, empty.
func (c *claim) close() error {
	os.Remove(c.dir)
	return c.fd.Close()
}

// lockedBy is the process that has a lock on a directory; 0 where there is none, or one
// of another pid namespace.
func lockedBy(dir string) (pid int, err error) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return 0, fmt.Errorf("look at the directory of pins: %w", err)
	}
	f, err := os.Open("/proc/locks")
	if err != nil {
		return 0, fmt.Errorf("look for who has locked the directory of pins: %w", err)
	}
	defer f.Close()
	at := fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
	in := bufio.NewScanner(f)
	for in.Scan() { // 1: FLOCK  ADVISORY  WRITE 706 00:1e:5678 0 EOF
		if w := strings.Fields(in.Text()); len(w) > 5 && w[1] == "FLOCK" && w[3] == "WRITE" && w[5] == at {
			pid, _ = strconv.Atoi(w[4])
		}
	}
	return max(pid, 0), in.Err()
}

// makePinDir says what is in the way of a directory for pins.
func makePinDir(dir string) error {
	if !filepath.IsAbs(dir) || filepath.Clean(dir) != dir {
		return &PinDirError{Dir: dir, Msg: "no absolute path", Fix: "name a directory below " + bpfFS}
	}
	if err := mountBPF(dir); err != nil {
		return err
	}
	var st unix.Statfs_t
	there := dir // or the first above it that is
	err := unix.Statfs(there, &st)
	for ; errors.Is(err, unix.ENOENT) && there != "/"; err = unix.Statfs(there, &st) {
		there = filepath.Dir(there)
	}
	if err == nil && (uint32(st.Type) != unix.BPF_FS_MAGIC || dir == bpfFS) {
		return &PinDirError{Dir: dir, Msg: "no directory of its own in a BPF file system", Fix: "name one below " + bpfFS + ", or below where another is mounted: mount -t bpf bpf DIR"}
	}
	if err == nil {
		err = os.MkdirAll(dir, 0o700)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EROFS):
		return &PinDirError{dir, "make the directory", "mount -o remount,rw " + bpfFS, err}
	case errors.Is(err, unix.EPERM) && strings.Contains(dir, "."):
		return &PinDirError{dir, "make the directory", "name one without dots: the BPF file system keeps them for itself", err}
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return &PinDirError{dir, "make the directory", "run as root, or have root make it for this user", err}
	}
	return &PinDirError{Dir: dir, Msg: "make the directory", Err: err}
}

// mountBPF mounts the file system of BPF where it is missing.
func mountBPF(dir string) error {
	if !strings.HasPrefix(dir+"/", bpfFS+"/") {
		return nil
	}
	mounted, err := bpffs.IsMountedAt(bpfFS)
	if err == nil && !mounted {
		err = bpffs.MountAt(bpfFS)
	}
	if err != nil {
		return &PinDirError{dir, "mount the BPF file system", "mount it as root: mount -t bpf bpf " + bpfFS, err}
	}
	return nil
}
