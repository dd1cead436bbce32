package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// question is struct question of canary.h.
type question struct {
	TID, TGID, Refuse, Dev  uint32
	InitialMntns, Subvolume uint32
	Ino                     uint64
	Answers                 uint64
	Started                 uint64
}

// who asks the kernel for the thread that asks.
const who = ^uint32(0)

// host answers what policies name on this machine, by asking the kernel: what stat
// tells is not what the kernel knows a file by on overlayfs and btrfs.
type host struct {
	object *bpfObject
	link   link.Link
	// root is that of the initial mount namespace, as we see it; where we do not, it is
	// our own, and hidden says how to.
	root   string
	hidden error
	system policy.System
	// mayLack lets cgroups and containers be gone: they were there.
	mayLack bool
	cgroups map[string]uint64 // their ids, or 0, by directory as we see it, since set began
	// containers are the directories of containers by the beginning of their ids.
	containers map[string][]string

	tid, tgid, initialMntns uint32
	started                 uint64
	known                   map[string][]file // by path, the last one last
	asked                   map[string]bool   // paths, since begin
	own                     file
	ownKnown                bool
}

// lsmList is where the kernel lists its security modules.
const lsmList = "/sys/kernel/security/lsm"

// errNotBooted says that programs of security hooks do not run here.
func errNotBooted(detail string) error {
	return &preflight.MissingFeature{
		Feature: "security hooks for BPF programs: " + detail,
		Fix:     "boot with bpf in the list of security modules: lsm=" + wantedLSMs() + " on the kernel's command line (in /etc/default/grub, then update-grub)",
	}
}

// wantedLSMs is the list of modules that the kernel runs now, with bpf.
func wantedLSMs() string {
	list := currentLSMs()
	if list == "" {
		list = "landlock,lockdown,yama,apparmor"
	}
	list = strings.TrimPrefix(list, "capability,") // always first, and never named
	return list + ",bpf"
}

func currentLSMs() string {
	b, err := os.ReadFile(lsmList)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// openHost attaches the program that answers, and sees that it runs and that its
// verdict holds. It stays attached: it looks at one number for everybody else.
func openHost(o *bpfObject) (*host, error) {
	p, err := o.load("inode_getattr")
	if err != nil {
		return nil, err
	}
	l, err := link.AttachLSM(link.LSMOptions{Program: p})
	if err != nil {
		return nil, fmt.Errorf("attach to the hook inode_getattr: %w", err)
	}
	h := &host{object: o, link: l, known: make(map[string][]file), asked: make(map[string]bool), containers: make(map[string][]string)}
	err = h.begin()
	if err == nil {
		err = errors.Join(h.findOwn(), h.end())
	}
	if err != nil {
		return nil, errors.Join(err, h.close())
	}
	return h, nil
}

func (h *host) close() error { return h.link.Close() }

// begin has the kernel answer this thread, which the goroutine stays on until end.
func (h *host) begin() error {
	runtime.LockOSThread()
	if err := h.test(); err != nil {
		return errors.Join(err, h.end())
	}
	return nil
}

func (h *host) end() error {
	runtime.UnlockOSThread()
	return h.ask(question{})
}

func (h *host) ask(q question) error {
	if err := h.object.maps.Maps["question"].Put(uint32(0), q); err != nil {
		return fmt.Errorf("ask the kernel for a file: %w", err)
	}
	return nil
}

func (h *host) answer() (q question, err error) {
	if err := h.object.maps.Maps["question"].Lookup(uint32(0), &q); err != nil {
		return q, fmt.Errorf("read the kernel's answer: %w", err)
	}
	return q, nil
}

// test finds out who we are to the kernel, with a file that nobody else has.
func (h *host) test() error {
	fd, err := unix.MemfdCreate("guard", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("make a file to test with: %w", err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	// The kernel's number of a device is not that of stat.
	dev := unix.Major(st.Dev)<<20 | unix.Minor(st.Dev)
	if err := h.ask(question{TID: who, Dev: dev, Ino: st.Ino}); err != nil {
		return err
	}
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	q, err := h.answer()
	switch {
	case err != nil:
		return err
	case q.Answers == 0:
		detail := "a program was attached, and did not run"
		if b, err := os.ReadFile("/proc/sys/kernel/ftrace_enabled"); err == nil && strings.TrimSpace(string(b)) == "0" {
			return &preflight.MissingFeature{
				Feature: "security hooks for BPF programs: kernel.ftrace_enabled is 0, which takes them off",
				Fix:     "sysctl kernel.ftrace_enabled=1",
			}
		}
		if list := currentLSMs(); list != "" {
			detail = "bpf is not in " + lsmList + " (" + list + ")"
		}
		return errNotBooted(detail)
	}
	h.tid, h.tgid, h.initialMntns, h.started = q.TID, q.TGID, q.InitialMntns, q.Started
	if err := h.ask(question{TID: h.tid, Refuse: 1}); err != nil {
		return err
	}
	if err := unix.Fstat(fd, &st); !errors.Is(err, unix.EPERM) {
		return errNotBooted("a program refused, and the kernel did not")
	}
	return h.ask(question{})
}

// findOwn finds what stays the same: the root directory, and our own program.
func (h *host) findOwn() error {
	err := h.findRoot()
	if err == nil {
		h.own, h.ownKnown, err = h.identify("/proc/self/exe", "/proc/self/exe")
	}
	return err
}

// file implements resolver.
func (h *host) file(path string) (file, string, bool, error) {
	if h.hidden != nil {
		return file{}, path, false, h.hidden
	}
	real, err := h.system.Follow(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		return file{}, real, false, nil
	case err != nil:
		return file{}, real, false, fmt.Errorf("follow %s: %w", path, err)
	}
	f, found, err := h.identify(path, filepath.Join(h.root, real))
	if found {
		h.remember(path, f)
	}
	return f, real, found, err
}

// maxKnown is how many files are remembered by a path; logs that are rotated are many.
const maxKnown = 64

func (h *host) remember(path string, f file) {
	all := slices.DeleteFunc(h.known[path], func(o file) bool { return o == f })
	all = append(all, f)
	h.known[path] = all[max(0, len(all)-maxKnown):]
}

// before implements resolver.
func (h *host) before(path string) []file {
	h.asked[path] = true
	return h.known[path]
}

// forget drops what is known by paths that nobody asks for any more.
func (h *host) forget() {
	for path := range h.known {
		if !h.asked[path] {
			delete(h.known, path)
		}
	}
	clear(h.asked)
}

func (h *host) identify(name, path string) (f file, found bool, err error) {
	if err := h.ask(question{TID: h.tid}); err != nil {
		return file{}, false, err
	}
	var st unix.Stat_t
	err = unix.Stat(path, &st)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		return file{}, false, nil // it went in between
	case err != nil:
		return file{}, false, fmt.Errorf("look at %s: %w", name, err)
	}
	q, err := h.answer()
	if err != nil {
		return file{}, false, err
	}
	if q.Answers == 0 {
		return file{}, false, fmt.Errorf("look at %s: the kernel did not ask its security modules", name)
	}
	return file{q.Dev, q.Ino, q.Subvolume}, true, nil
}

func (h *host) self() (file, bool) { return h.own, h.ownKnown }
