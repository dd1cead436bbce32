package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/events"
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
	// Skipped are decisions that the kernel did not ask for, because another task was in
	// the middle of one on that CPU, as some kernels from 5.12 to 6.1 do if they can be
	// preempted. They are allowed.
	Skipped uint64 `json:"-"`

	// Of what is pinned.
	Manager *ManagerStatus `json:"-"` // nil where nobody reads alerts
	Older   int            `json:"-"` // instances in force besides, of managers that were killed as they took over
}

// ManagerStatus is a manager that lives.
type ManagerStatus struct {
	PID int // 0 where it is not seen from here
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
	Mode  string `json:"mode"` // "" where Name is the number of policies, because their names are too long
	Rules int    `json:"rules"`
}

// PinnedStatus tells what is pinned below dir; nil if there is nothing.
func PinnedStatus(dir string) (*Status, error) {
	all, err := instances(dir)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	s := new(Status)
	if s.Manager, err = managerOf(dir); err != nil {
		return nil, err
	}
	s.Older = len(all) - 1
	for _, i := range slices.Backward(all) {
		if err = s.readPins(i); !errors.Is(err, fs.ErrNotExist) {
			break // or it is being pinned, or removed, just now
		}
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// managerOf tells whether somebody is in charge of what is pinned.
func managerOf(dir string) (*ManagerStatus, error) {
	c, err := lockDir(dir, unix.LOCK_SH)
	if err != nil {
		return nil, err
	}
	if c != nil { // nobody else has it
		return nil, c.fd.Close()
	}
	pid, err := lockedBy(dir)
	if err != nil {
		return nil, err
	}
	return &ManagerStatus{pid}, nil
}

// readPins reads what an instance tells.
func (s *Status) readPins(instance string) error {
	maps := make(map[string]*ebpf.Map)
	for _, name := range pinnedMaps {
		m, err := ebpf.LoadPinnedMap(filepath.Join(instance, pinnedMap+name), &ebpf.LoadPinOptions{ReadOnly: true})
		if err != nil {
			return fmt.Errorf("open pinned map %s: %w", name, err)
		}
		defer m.Close()
		maps[name] = m
	}
	var text [noteSize]byte
	if err := maps["note"].Lookup(uint32(0), &text); err != nil {
		return fmt.Errorf("read pinned status: %w", err)
	}
	if err := json.Unmarshal(events.CString(text[:]), s); err != nil {
		return fmt.Errorf("read pinned status: %w", err)
	}
	if err := s.account(maps["counters"], maps["doubts"]); err != nil {
		return err
	}
	for _, id := range pinnedPrograms(instance) {
		if p, err := ebpf.NewProgramFromID(id); err == nil {
			s.Skipped += skippedBy(p)
			p.Close()
		}
	}
	s.Hooks = nil
	entries, err := os.ReadDir(instance)
	if err != nil {
		return fmt.Errorf("list pins: %w", err)
	}
	for _, e := range entries {
		if h, ok := hookOf(e.Name()); ok {
			s.Hooks = append(s.Hooks, h)
		}
	}
	return nil
}

// skippedBy is how often the kernel skipped a program.
func skippedBy(p *ebpf.Program) uint64 {
	stats, err := p.Stats()
	if err != nil {
		return 0 // before 5.12, which skips nothing
	}
	return stats.RecursionMisses
}

// Skipped is how many decisions the kernel did not ask for, see [Status].
func (m *Manager) Skipped() (n uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.skipped()
}

func (m *Manager) skipped() (n uint64) {
	for _, p := range m.object.programs {
		n += skippedBy(p)
	}
	return n
}

// Status tells what is in force.
func (m *Manager) Status() (Status, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.status
	for p := range m.attached {
		if isHook(p) {
			s.Hooks = append(s.Hooks, Hook(p))
		}
	}
	s.Skipped = m.skipped()
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
		all := PolicyStatus{Name: fmt.Sprintf("%d policies", len(m.policies))}
		for _, p := range m.status.Policies {
			all.Rules += p.Rules
		}
		short.Policies = []PolicyStatus{all}
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
