package engine

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// covers says what an enforced policy lacks: a hook of the kernel, or an attachment.
func (m *Manager) covers(policies []*policy.Policy) error {
	needs := enforced(policy.Needs(policies))
	for _, f := range policy.Covers(needs, m.kernel()) {
		if f.Severity == policy.Fatal {
			return &preflight.MissingFeature{Feature: f.String(), Fix: "take the rule out, or have it audited"}
		}
	}
	var missing []string
	for _, h := range m.kernel().Hooks(needs) {
		if m.attached[h] == nil {
			missing = append(missing, h)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("enforce policies: hooks that they need are not attached: %s", strings.Join(missing, ", "))
	}
	return nil
}

// keptTables is how many old revisions are kept to explain late alerts.
const keptTables = 4

// set compiles policies into a slot that nobody uses, gives running tasks their
// labels, and changes over. Until then nothing is changed for any program.
func (m *Manager) set(policies []*policy.Policy) error {
	all, self := m.inForce(policies)
	if err := m.covers(all); err != nil {
		return err
	}
	if self != nil {
		if _, err := m.attach(switchProgram); err != nil {
			return err
		}
	}
	ephemeral, err := ephemeralPorts()
	if err != nil {
		return err
	}
	if err := policy.ResolveIDs(all, m.host.user, m.host.group); err != nil {
		return err
	}
	if err := m.host.begin(); err != nil {
		return err
	}
	m.host.cgroups = make(map[string]uint64)
	revision := m.generationNumber() + 1
	t, err := compile(all, revision, m.key, m.host, m.bits, ephemeral, self)
	if err := errors.Join(err, m.host.end()); err != nil {
		return err
	}
	if t.generation.Flags&hasExe != 0 {
		if err := m.host.allTasks(); err != nil {
			return err
		}
	}
	slot := (m.control.Slot + 1) % slots
	if err := m.object.write(slot, t); err != nil {
		return err
	}
	m.tables[revision] = t
	delete(m.tables, revision-keptTables)
	if t.generation.Flags&hasExe != 0 || self != nil {
		if err := m.label(slot); err != nil {
			return err
		}
	}
	m.control.Slot, m.control.LabelSlot = slot, slot
	m.control.Armed = 1
	m.control.Epoch++
	if err := m.writeControl(); err != nil {
		return err
	}
	m.policies = policies
	m.bits.sweep()
	m.host.forget()
	err = errors.Join(m.note(revision), m.follower.watch(m.host.root, slices.Sorted(maps.Keys(m.host.cgroups)), all))
	if err == nil && m.host.cgroupsChanged() { // before they were watched
		return m.again()
	}
	return err
}

// again puts the policies in force anew. What was there when they came may come again.
func (m *Manager) again() error {
	m.host.mayLack = true
	err := m.set(m.policies)
	m.host.mayLack = false
	return err
}

func (m *Manager) generationNumber() (last uint32) {
	for r := range m.tables {
		last = max(last, r)
	}
	return last
}

// label has executables named by the new tables from now on, and gives the tasks that
// run already the labels that they would have.
func (m *Manager) label(slot uint32) error {
	if err := m.attachAll(labelHooks); err != nil {
		return err
	}
	fresh := !m.bits.fresh.empty() // or all subjects were there before, and so their labels are
	if fresh {
		if err := m.object.clean(m.bits.fresh); err != nil {
			return err
		}
	}
	m.control.LabelSlot = slot
	if err := m.writeControl(); err != nil || !fresh {
		return err
	}
	if err := m.object.seed(m.bits.fresh); err != nil {
		return err
	}
	m.bits.fresh = set{}
	return nil
}
