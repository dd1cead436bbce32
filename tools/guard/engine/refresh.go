package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// settle is how long names that change are left to settle before the policies are
// put in force anew: a package upgrade changes many.
const settle = 200 * time.Millisecond

// follower notices that another file has come to have a name that a policy has: by
// its path it is known at once, and by all its other names after this.
type follower struct {
	fd    *os.File
	mu    sync.Mutex
	dirs  map[int32]string           // by watch
	names map[string]map[string]bool // directory -> names in it
	// urgent are directories of cgroups: one that comes is a service that starts.
	urgent map[string]bool
}

// names that a directory can lose or get.
const nameEvents = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE | unix.IN_ONLYDIR

func newFollower() (*follower, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch the names of policies: %w", err)
	}
	return &follower{fd: os.NewFile(uintptr(fd), "inotify")}, nil
}

// watch has the follower look at the names that the policies have now. root is before
// all of them; cgroups are the directories of cgroups that they name.
func (f *follower) watch(root string, cgroups []string, policies []*policy.Policy) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dirs, f.names, f.urgent = make(map[int32]string), make(map[string]map[string]bool), make(map[string]bool)
	for _, p := range policies {
		for _, s := range p.Subjects {
			f.addAll(root, s.Exe)
		}
		for _, r := range p.Rules {
			if r.File != nil {
				f.addAll(root, r.File.Paths)
			}
			if r.Exec != nil {
				f.addAll(root, r.Exec.Paths)
			}
		}
	}
	for _, path := range cgroups {
		f.add("/", path)
		for ; path != "/"; path = filepath.Dir(path) {
			f.urgent[filepath.Dir(path)] = true
		}
	}
	for dir := range f.names {
		wd, err := unix.InotifyAddWatch(int(f.fd.Fd()), dir, nameEvents)
		switch {
		case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
			continue // it has no files, and gets none before its own name comes
		case err != nil:
			return fmt.Errorf("watch %s: %w (fs.inotify.max_user_watches may be too low)", dir, err)
		}
		f.dirs[int32(wd)] = dir
	}
	return nil
}

func (f *follower) addAll(root string, patterns []policy.Pattern) {
	for _, p := range patterns {
		if p.Kind <= policy.Subtree {
			f.add(root, p.Path)
		}
	}
}

// add notes a path and all directories that lead to it: that one comes or goes is as
// good as if the file did.
func (f *follower) add(root, path string) {
	for ; path != "/"; path = filepath.Dir(path) {
		dir := filepath.Join(root, filepath.Dir(path))
		if f.names[dir] == nil {
			f.names[dir] = make(map[string]bool)
		}
		f.names[dir][filepath.Base(path)] = true
	}
}

// next waits until a name has changed that matters, and says how long it may be left to
// settle; ok is false when the follower is closed.
func (f *follower) next() (wait time.Duration, ok bool) {
	buf := make([]byte, 64<<10)
	for {
		n, err := f.fd.Read(buf)
		if err != nil {
			return 0, false
		}
		switch matters, urgent := f.matters(buf[:n]); {
		case urgent:
			return 0, true
		case matters:
			return settle, true
		}
	}
}

func (f *follower) matters(buf []byte) (matters, urgent bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	const header = int(unsafe.Sizeof(unix.InotifyEvent{})) // wd, mask, cookie, len
	for len(buf) >= header {
		wd, mask := int32(binary.NativeEndian.Uint32(buf)), binary.NativeEndian.Uint32(buf[4:])
		size := min(int(binary.NativeEndian.Uint32(buf[12:])), len(buf)-header)
		name := events.CString(buf[header : header+size])
		if mask&unix.IN_Q_OVERFLOW != 0 || f.names[f.dirs[wd]][string(name)] {
			matters = true
			urgent = urgent || f.urgent[f.dirs[wd]]
		}
		buf = buf[header+size:]
	}
	return matters, urgent
}

// follow puts the policies in force anew whenever a file changes its name, until the
// manager is closed. A failure changes nothing: the old policies stay.
func (m *Manager) follow() {
	defer close(m.followed)
	for {
		wait, ok := m.follower.next()
		if !ok {
			return
		}
		select {
		case <-m.ending:
			return
		case <-time.After(wait):
		}
		m.mu.Lock()
		if err := m.again(); err != nil && m.failed == nil {
			m.failed = fmt.Errorf("follow files that changed their names: %w", err)
		}
		m.mu.Unlock()
	}
}

// Err returns what went wrong in following files to other names, or nil. Policies go on
// being enforced on paths, and on files as they were.
func (m *Manager) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failed
}
