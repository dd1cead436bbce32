package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// prefixes of the names in an instance's directory.
const (
	pinnedLink = "link_"
	pinnedMap  = "map_"
)

// Pin makes the programs and policies of the manager stay when it ends, in a directory
// of the BPF file system, which is mounted if it is not. What another manager has
// pinned there goes when all of ours is in its place: in between, both deny. One that
// lives is not replaced: that is the error [Taken]. Without a manager, files are not
// followed to other names.
func (m *Manager) Pin(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.claim != nil {
		return fmt.Errorf("pin below %s: pinned below %s already", dir, m.claim.dir)
	}
	c, err := newClaim(dir)
	if err != nil {
		return err
	}
	old, err := instances(dir)
	if err == nil {
		m.pinned = filepath.Join(dir, instanceName())
		if err = m.pinAll(); err == nil {
			err = removeAll(old)
		}
	}
	if err != nil {
		err = errors.Join(err, removePins(m.pinned), c.close())
		m.pinned = ""
		return err
	}
	m.claim = c
	return nil
}

// instanceName is in the order of time, and such that no two are the same.
func instanceName() string {
	return strconv.FormatInt(time.Now().UnixNano(), 36) + "-" + strconv.Itoa(os.Getpid())
}

// pinAll pins what tells of the policies first: whoever finds the others finds it too.
func (m *Manager) pinAll() error {
	if err := os.Mkdir(m.pinned, 0o700); err != nil {
		return fmt.Errorf("make directory for pins: %w", err)
	}
	for _, name := range pinnedMaps {
		if err := m.object.maps.Maps[name].Pin(filepath.Join(m.pinned, pinnedMap+name)); err != nil {
			return fmt.Errorf("pin map %s: %w", name, err)
		}
	}
	for program, a := range m.attached {
		if err := m.pinLink(program, a.link); err != nil {
			return err
		}
	}
	return nil
}

func (m *Manager) pinLink(program string, l link.Link) error {
	if err := l.Pin(filepath.Join(m.pinned, pinnedLink+program)); err != nil {
		return fmt.Errorf("pin the program of %s: %w", program, err)
	}
	return nil
}

// unpinLink takes the pin of one program away, where there is one.
func (m *Manager) unpinLink(program string) error {
	if m.pinned == "" {
		return nil
	}
	if err := os.Remove(filepath.Join(m.pinned, pinnedLink+program)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("unpin the program of %s: %w", program, err)
	}
	return nil
}

// instances are the directories of managers that pinned below dir, the oldest first.
func instances(dir string) (all []string, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list pins: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() {
			all = append(all, filepath.Join(dir, e.Name()))
		}
	}
	return all, nil
}

// removeAll takes instances out of force, and returns when that is so.
func removeAll(all []string) error {
	var programs []ebpf.ProgramID
	for _, i := range all {
		programs = append(programs, pinnedPrograms(i)...)
		if err := removePins(i); err != nil {
			return err
		}
	}
	waitGone(programs)
	return nil
}

// removePins removes an instance; its programs go with the last of their pins, if
// nobody else has them.
func removePins(instance string) error {
	if err := os.RemoveAll(instance); err != nil {
		return fmt.Errorf("remove pins: %w", err)
	}
	return nil
}

// pinnedPrograms are the programs of an instance, as far as they can be found out.
func pinnedPrograms(instance string) (ids []ebpf.ProgramID) {
	names, err := filepath.Glob(filepath.Join(instance, pinnedLink+"*"))
	if err != nil {
		return nil
	}
	for _, name := range names {
		l, err := link.LoadPinnedLink(name, nil)
		if err != nil {
			continue
		}
		if info, err := l.Info(); err == nil {
			ids = append(ids, info.Program)
		}
		l.Close()
	}
	return ids
}

// goneTime is how long the kernel may take to detach programs: it does so a moment
// after the last pin went.
const goneTime = 30 * time.Second

// waitGone waits until programs are unloaded. Who may not ask for them (that takes
// CAP_SYS_ADMIN) does not wait.
func waitGone(ids []ebpf.ProgramID) {
	deadline := time.Now().Add(goneTime)
	for _, id := range ids {
		for time.Now().Before(deadline) {
			p, err := ebpf.NewProgramFromID(id)
			if err != nil {
				break
			}
			p.Close()
			time.Sleep(time.Millisecond)
		}
	}
}

// Unpin takes all that is pinned below dir out of force, and tells what that was; nil
// if there was nothing. While a manager lives it would stay in force all the same: that
// is the error [Taken].
func Unpin(dir string) (*Status, error) {
	if all, err := instances(dir); err != nil || len(all) == 0 {
		return nil, err
	}
	c, err := newClaim(dir)
	if err != nil {
		return nil, err
	}
	was, err := PinnedStatus(dir)
	if err != nil { // it goes all the same
		was = new(Status)
	}
	all, err := instances(dir)
	if err == nil {
		err = removeAll(all)
	}
	return was, errors.Join(err, c.close())
}

// hookOf is the hook whose program has a pin of that name.
func hookOf(pin string) (Hook, bool) {
	h, ok := strings.CutPrefix(pin, pinnedLink)
	return Hook(h), ok && isHook(h)
}
