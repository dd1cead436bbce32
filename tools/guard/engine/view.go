package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// findRoot finds the root directory of the initial mount namespace, which is that of
// policies. In a container that does not see it, policies can do without paths.
func (h *host) findRoot() error {
	var own, first unix.Stat_t
	if err := unix.Stat("/proc/self/ns/mnt", &own); err != nil {
		return fmt.Errorf("find our mount namespace: %w", err)
	}
	h.root = "/"
	if uint32(own.Ino) != h.initialMntns {
		err := unix.Stat("/proc/1/ns/mnt", &first)
		if err != nil || uint32(first.Ino) != h.initialMntns {
			h.hidden = errors.New("paths, users and groups of policies are those of the host, which this container does not see: give it the host's processes (--pid=host) and CAP_SYS_PTRACE")
		} else {
			h.root = "/proc/1/root"
		}
	}
	h.system = policy.Root(h.root)
	return nil
}

// user and group find ids by names.
func (h *host) user(name string) (uint32, error) {
	if h.hidden != nil {
		return 0, h.hidden
	}
	return h.system.User(name)
}

func (h *host) group(name string) (uint32, error) {
	if h.hidden != nil {
		return 0, h.hidden
	}
	return h.system.Group(name)
}

// initialPidns is the inode of the initial pid namespace, on all kernels
// (PROC_PID_INIT_INO).
const initialPidns = 0xeffffffc

// allTasks says that we see the tasks that run already, whose executables count. The
// kernel lists those of our pid namespace.
func (h *host) allTasks() error {
	var st unix.Stat_t
	if err := unix.Stat("/proc/self/ns/pid", &st); err != nil {
		return fmt.Errorf("find our pid namespace: %w", err)
	}
	if st.Ino != initialPidns {
		return errors.New("subjects by exe are also processes that run already, which this container does not see: give it the host's processes (--pid=host)")
	}
	return nil
}

func (h *host) cgroup(dir string) (cgroup, error) {
	if err := h.allCgroups(); err != nil {
		return cgroup{}, err
	}
	path, err := h.system.Cgroup(dir)
	var st unix.Stat_t
	if err == nil {
		err = unix.Stat(path, &st)
	}
	if path != "" {
		h.cgroups[path] = 0
	}
	switch {
	case err == nil:
		h.cgroups[path] = st.Ino
		return cgroup{dir, st.Ino}, nil
	case h.mayLack && errors.Is(err, fs.ErrNotExist):
		return cgroup{dir, 0}, nil
	}
	return cgroup{}, fmt.Errorf("no cgroup %s: %w", dir, err)
}

// cgroupsChanged says whether any is another one by now, or has come or gone.
func (h *host) cgroupsChanged() bool {
	for path, id := range h.cgroups {
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err == nil && st.Ino != id || err != nil && id != 0 {
			return true
		}
	}
	return false
}

// allCgroups says that we see the hierarchy from its root on: a cgroup namespace has a
// part of it, where other cgroups have the same names. Only the root has no events.
func (h *host) allCgroups() error {
	events, err := h.system.Cgroup("/cgroup.events")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("find cgroups: %w", err)
	}
	return fmt.Errorf("cgroups and containers of policies are those of the host, and %s are those of this container: give it the host's (--cgroupns=host, or --pid=host)", filepath.Dir(events))
}

// container finds the cgroups of containers. A container that ends and starts again has
// the cgroup of the same name.
func (h *host) container(prefix string) (all []cgroup, err error) {
	if err := h.allCgroups(); err != nil {
		return nil, err
	}
	dirs, err := h.system.Container(prefix)
	if errors.Is(err, fs.ErrNotExist) && h.mayLack {
		dirs, err = h.containers[prefix], nil
	}
	for _, dir := range dirs {
		if cg, err := h.cgroup(dir); err == nil { // it may have gone since
			all = append(all, cg)
		}
	}
	if err == nil {
		h.containers[prefix] = dirs
	}
	return all, err
}
