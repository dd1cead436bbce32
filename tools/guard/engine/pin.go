package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/iovisor/gobpf/pkg/bpffs"

	"github.com/ringside-tools/ringside/internal/events"
)

// DefaultPinDir is where policies are pinned that stay when their manager ends.
const DefaultPinDir = "/sys/fs/bpf/guard"

// bpfFS is where the file system of BPF is mounted.
const bpfFS = "/sys/fs/bpf"

// prefixes of the names below an instance's directory.
const (
	pinnedLink = "link_"
	pinnedMap  = "map_"
)

// pinnedMaps are what PinnedStatus reads.
var pinnedMaps = []string{"counters", "doubts", "note"}

// noteSize is the size in bytes of the map that says in words what is in force.
const noteSize = 8192

// Status is what is in force.
type Status struct {
	Revision uint32         `json:"revision"`
	Since    time.Time      `json:"since"` // when these policies were put in force
	Policies []PolicyStatus `json:"policies"`
	Hooks    []Hook         `json:"hooks"`
	Alerts   uint64         `json:"alerts"` // since the programs were loaded
	Lost     uint64         `json:"lost"`   // of them, because nobody read them
	// Unresolved are decisions about paths that could not be found out, NoMemory those
	// that there was no memory for: the policies say what becomes of both.
	Unresolved uint64 `json:"unresolved"`
	NoMemory   uint64 `json:"no_memory"`
}

// doubts is struct doubts of subject.h.
type doubts struct{ NoMemory, Unresolved uint64 }

// account adds to the status what the kernel counts.
func (s *Status) account(counters, doubted *ebpf.Map) error {
	c, err := events.ReadCounters(counters)
	if err != nil {
		return err
	}
	var each []doubts // by CPU
	if err := doubted.Lookup(uint32(0), &each); err != nil {
		return fmt.Errorf("read counters: %w", err)
	}
	s.Alerts, s.Lost = c.Seen, c.Lost
	for _, d := range each {
		s.NoMemory += d.NoMemory
		s.Unresolved += d.Unresolved
	}
	return nil
}

// PolicyStatus is a policy in force.
type PolicyStatus struct {
	Name  string `json:"name"`
	Mode  string `json:"mode"`
	Rules int    `json:"rules"`
}

// Pin makes the programs and policies of the manager stay when it ends, in a directory
// of the BPF file system, which is mounted if it is not. What another manager has
// pinned there goes when all of ours is in its place: in between, both deny. Without a
// manager, files are not followed to other names.
func (m *Manager) Pin(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := mountBPF(dir); err != nil {
		return err
	}
	old, err := instances(dir)
	if err != nil {
		return err
	}
	name := strconv.Itoa(os.Getpid()) + "-" + strconv.FormatInt(time.Now().UnixNano(), 36)
	m.pinned = filepath.Join(dir, name)
	if err := m.pinAll(); err != nil {
		err = errors.Join(err, removePins(m.pinned))
		m.pinned = ""
		return err
	}
	for _, o := range old {
		if err := removePins(o); err != nil {
			return err
		}
	}
	return nil
}

func (m *Manager) pinAll() error {
	if err := os.MkdirAll(m.pinned, 0o700); err != nil {
		return fmt.Errorf("make directory for pins: %w", err)
	}
	for program, a := range m.attached {
		if err := m.pinLink(program, a.link); err != nil {
			return err
		}
	}
	for _, name := range pinnedMaps {
		if err := m.object.maps.Maps[name].Pin(filepath.Join(m.pinned, pinnedMap+name)); err != nil {
			return fmt.Errorf("pin map %s: %w", name, err)
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

// mountBPF mounts the file system of BPF where it is missing.
func mountBPF(dir string) error {
	if !strings.HasPrefix(filepath.Clean(dir)+"/", bpfFS+"/") {
		return nil // somebody else's mount; pinning tells if it is none
	}
	mounted, err := bpffs.IsMountedAt(bpfFS)
	if err != nil {
		return fmt.Errorf("look for the BPF file system: %w", err)
	}
	if mounted {
		return nil
	}
	if err := bpffs.MountAt(bpfFS); err != nil {
		return fmt.Errorf("mount the BPF file system at %s: %w", bpfFS, err)
	}
	return nil
}

// instances are the directories of managers that pinned below dir.
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

// removePins removes an instance; its programs go with the last of their pins, if
// nobody else has them.
func removePins(instance string) error {
	if err := os.RemoveAll(instance); err != nil {
		return fmt.Errorf("remove pins: %w", err)
	}
	return nil
}

// Unpin takes all that is pinned below dir out of force, and says whether there was
// anything.
func Unpin(dir string) (bool, error) {
	all, err := instances(dir)
	if err != nil {
		return false, err
	}
	for _, i := range all {
		if err := removePins(i); err != nil {
			return true, err
		}
	}
	return len(all) > 0, nil
}

// PinnedStatus tells what is pinned below dir; nil if there is nothing.
func PinnedStatus(dir string) (*Status, error) {
	all, err := instances(dir)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	at := all[len(all)-1]
	maps := make(map[string]*ebpf.Map)
	for _, name := range pinnedMaps {
		m, err := ebpf.LoadPinnedMap(filepath.Join(at, pinnedMap+name), &ebpf.LoadPinOptions{ReadOnly: true})
		if err != nil {
			return nil, fmt.Errorf("open pinned map %s: %w", name, err)
		}
		defer m.Close()
		maps[name] = m
	}
	var text [noteSize]byte
	if err := maps["note"].Lookup(uint32(0), &text); err != nil {
		return nil, fmt.Errorf("read pinned status: %w", err)
	}
	s := new(Status)
	if err := json.Unmarshal(events.CString(text[:]), s); err != nil {
		return nil, fmt.Errorf("read pinned status: %w", err)
	}
	if err := s.account(maps["counters"], maps["doubts"]); err != nil {
		return nil, err
	}
	s.Hooks = nil
	entries, err := os.ReadDir(at)
	if err != nil {
		return nil, fmt.Errorf("list pins: %w", err)
	}
	for _, e := range entries {
		if h, ok := strings.CutPrefix(e.Name(), pinnedLink); ok && slices.Contains(hooks[1:], Hook(h)) {
			s.Hooks = append(s.Hooks, Hook(h))
		}
	}
	return s, nil
}

// Status tells what is in force.
func (m *Manager) Status() (Status, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.status
	for p := range m.attached {
		if slices.Contains(hooks[1:], Hook(p)) {
			s.Hooks = append(s.Hooks, Hook(p))
		}
	}
	slices.Sort(s.Hooks)
	return s, s.account(m.object.maps.Maps["counters"], m.object.maps.Maps["doubts"])
}

// note writes down what is in force, for who finds it pinned.
func (m *Manager) note(revision uint32) error {
	m.status = Status{Revision: revision, Since: time.Now().UTC(), Policies: []PolicyStatus{}}
	policies := m.policies
	if m.self != nil {
		policies, _ = m.inForce(policies)
	}
	for _, p := range policies {
		mode := "audit"
		if p.Mode != 0 {
			mode = "enforce"
		}
		m.status.Policies = append(m.status.Policies, PolicyStatus{p.Name, mode, len(p.Rules)})
	}
	text, err := json.Marshal(m.status)
	if err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	if len(text) >= noteSize { // so many policies are told by their number
		short := m.status
		short.Policies = []PolicyStatus{{Name: fmt.Sprintf("%d policies", len(m.policies))}}
		if text, err = json.Marshal(short); err != nil {
			return fmt.Errorf("write status: %w", err)
		}
	}
	var value [noteSize]byte
	copy(value[:], text)
	if err := m.object.maps.Maps["note"].Put(uint32(0), &value); err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	return nil
}
