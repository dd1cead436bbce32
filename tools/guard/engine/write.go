package engine

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
)

// write puts tables into a slot that no program uses. It does so with all at once:
// for each the kernel waits until no program uses what was there, and the time that it
// waits is then the same for all.
func (o *bpfObject) write(slot uint32, t *tables) error {
	fills := map[string]func(*ebpf.Map) error{
		"paths": fillMap(t.paths), "inodes": fillMap(t.inodes),
		"entries": fillArray(t.entries), "effects": fillArray(t.effects), "sets": fillArray(t.sets),
		"addresses": fillMap(t.addresses), "networks": fillMap(t.networks), "ports": fillArray(t.ports),
		"flows": fillMap(t.flows), "users": fillMap(t.users), "cgroups": fillMap(t.cgroups), "words": fillMap(t.words),
	}
	done := make(chan error)
	waits := 0
	for name, fill := range fills {
		at, size := table{name, slot}, t.size(name)
		if size == 0 && o.empty[at] {
			continue
		}
		o.empty[at] = size == 0
		waits++
		go func() { done <- o.writeTable(at, size, fill) }()
	}
	var errs []error
	for range waits {
		errs = append(errs, <-done)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := o.maps.Maps["specials"].Put(slot, &t.special); err != nil {
		return fmt.Errorf("write rules about operations: %w", err)
	}
	if err := o.maps.Maps["generations"].Put(slot, &t.generation); err != nil {
		return fmt.Errorf("write policy: %w", err)
	}
	return nil
}

func (t *tables) size(name string) int {
	return map[string]int{
		"paths": len(t.paths), "inodes": len(t.inodes), "entries": len(t.entries), "effects": len(t.effects),
		"sets": len(t.sets), "addresses": len(t.addresses), "networks": len(t.networks), "ports": len(t.ports),
		"flows": len(t.flows), "users": len(t.users), "cgroups": len(t.cgroups), "words": len(t.words),
	}[name]
}

// table is one of the tables in a slot.
type table struct {
	name string
	slot uint32
}

// writeTable makes a table and puts it into its slot.
func (o *bpfObject) writeTable(at table, size int, fill func(*ebpf.Map) error) error {
	spec := o.inner[at.name].Copy()
	spec.Name = at.name
	spec.MaxEntries = uint32(max(1, size))
	m, err := ebpf.NewMap(spec)
	if err != nil {
		return fmt.Errorf("make table %s: %w", at.name, err)
	}
	defer m.Close() // the map of maps keeps it
	if err := fill(m); err != nil {
		return fmt.Errorf("fill table %s: %w", at.name, err)
	}
	if err := m.Freeze(); err != nil { // nobody writes to it any more
		return fmt.Errorf("freeze table %s: %w", at.name, err)
	}
	before := uint32(0)
	if o.claims {
		if before, err = o.tableID(at); err != nil {
			return err
		}
		if err := o.claimMap(m); err != nil {
			return err
		}
	}
	if err := o.maps.Maps[at.name].Put(at.slot, m); err != nil {
		return fmt.Errorf("put table %s in its place: %w", at.name, err)
	}
	if before != 0 {
		return o.disown(before)
	}
	return nil
}

// batch is how many entries go to the kernel at once.
const batch = 4096

func fillArray[V any](values []V) func(*ebpf.Map) error {
	return func(m *ebpf.Map) error {
		keys := make([]uint32, len(values))
		for i := range keys {
			keys[i] = uint32(i)
		}
		return update(m, keys, values)
	}
}

func fillMap[K comparable, V any](entries map[K]V) func(*ebpf.Map) error {
	return func(m *ebpf.Map) error {
		keys, values := make([]K, 0, len(entries)), make([]V, 0, len(entries))
		for k, v := range entries {
			keys, values = append(keys, k), append(values, v)
		}
		return update(m, keys, values)
	}
}

// update writes in batches, or one by one where the map knows none (tries before 5.14).
func update[K, V any](m *ebpf.Map, keys []K, values []V) error {
	for at := 0; at < len(keys); at += batch {
		end := min(at+batch, len(keys))
		_, err := m.BatchUpdate(keys[at:end], values[at:end], nil)
		if errors.Is(err, ebpf.ErrNotSupported) {
			return updateEach(m, keys[at:], values[at:])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func updateEach[K, V any](m *ebpf.Map, keys []K, values []V) error {
	for i := range keys {
		if err := m.Put(&keys[i], &values[i]); err != nil {
			return err
		}
	}
	return nil
}
