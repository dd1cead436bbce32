// Package probe puts programs into the kernel: it makes their maps, attaches them
// to functions, tracepoints and static probes, and reads what they have gathered.
package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/features"

	"github.com/ringside-tools/ringside/tools/argdist/gen"
)

// Maps are those of one table.
type Maps struct {
	Counters, Tables *ebpf.Map
	Others           map[string]*ebpf.Map // of [gen], those that the program needs
	Shared           map[string]*ebpf.Map // those that are not only of this table, and that Close leaves

	// Two tables take turns: programs write to one while the other is read. The second is
	// made beside what else there is to do at the start, since to make one, memory for each
	// key on each CPU, can be most of that.
	turns   [2]*ebpf.Map
	second  chan error
	now     int
	counted uint64 // of what was taken out of both
}

// Sizes of maps that nobody asks to change, in entries.
const (
	maxEntries = 16384 // calls that have not returned
	maxStacks  = 16384
)

// NewMaps makes the maps of a table with room for that many keys. One of them may still be
// in the making, until Settle.
func NewMaps(t *gen.Table, keys uint32, others map[string]*ebpf.MapSpec) (*Maps, error) {
	m := &Maps{Others: make(map[string]*ebpf.Map)}
	if err := m.make(t, keys, others); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

func (m *Maps) make(t *gen.Table, keys uint32, others map[string]*ebpf.MapSpec) error {
	table := &ebpf.MapSpec{Name: "argdist_table", Type: ebpf.PerCPUHash, KeySize: uint32(t.KeySize()), ValueSize: uint32(t.ValueSize()), MaxEntries: keys}
	var err error
	if m.turns[0], err = ebpf.NewMap(table); err != nil {
		return fmt.Errorf("make map of the table: %w", err)
	}
	m.second = make(chan error, 1)
	go func() {
		var err error
		m.turns[1], err = ebpf.NewMap(table)
		m.second <- err
	}()
	// The library makes one more like this to show the kernel, for which one key will do
	// since 5.10, as has the flag; before, it must have as many.
	like := table.Copy()
	if features.HaveMapFlag(features.BPF_F_INNER_MAP) == nil {
		like.MaxEntries = 1
	}
	// Nothing is in it yet: see [gen.TablesMap].
	m.Tables, err = ebpf.NewMap(&ebpf.MapSpec{Name: "argdist_tables", Type: ebpf.ArrayOfMaps, KeySize: 4, ValueSize: 4, MaxEntries: 1, InnerMap: like})
	if err != nil {
		return fmt.Errorf("make map of tables: %w", err)
	}
	m.Counters, err = ebpf.NewMap(&ebpf.MapSpec{Name: "argdist_counts", Type: ebpf.PerCPUArray, KeySize: 4, ValueSize: gen.CountersSize, MaxEntries: 1})
	if err != nil {
		return fmt.Errorf("make map of counters: %w", err)
	}
	for name, spec := range others {
		if m.Others[name], err = ebpf.NewMap(spec); err != nil {
			return fmt.Errorf("make map of %s: %w", name, err)
		}
	}
	return nil
}

// Settle waits for what is still being made. Until then privileges are needed, and
// nothing can be read.
func (m *Maps) Settle() error {
	if m.second == nil {
		return nil
	}
	err := <-m.second
	m.second = nil
	if err != nil {
		return fmt.Errorf("make second map of the table: %w", err)
	}
	return nil
}

// Entries is the map by which the entry of a function tells its return something.
func Entries(saved []int) *ebpf.MapSpec {
	return &ebpf.MapSpec{
		Name: "argdist_entries", Type: ebpf.LRUHash, // calls that never return must go some time
		KeySize: gen.EntryKeySize, ValueSize: uint32(gen.EntryValueSize(saved)), MaxEntries: maxEntries,
	}
}

// ByName are the maps as programs call them.
func (m *Maps) ByName() map[string]*ebpf.Map {
	all := map[string]*ebpf.Map{gen.CountersMap: m.Counters, gen.TablesMap: m.Tables, gen.FirstMap: m.turns[0]}
	maps.Copy(all, m.Others)
	maps.Copy(all, m.Shared)
	return all
}

// Close frees the maps.
func (m *Maps) Close() {
	_ = m.Settle() // what could not be made need not be freed
	for _, one := range append([]*ebpf.Map{m.Counters, m.Tables}, m.turns[:]...) {
		one.Close()
	}
	for _, one := range m.Others {
		one.Close()
	}
}

// Entry is what was gathered of a key.
type Entry struct {
	Key []byte
	// Count, or of statistics the number; Sum, Min and Max are those of statistics.
	Count, Sum, Min, Max uint64
}

// Rotate gives the programs an empty table and returns what is in the other, which
// nothing is added to any more: the kernel waits for programs that still have the
// old one in hand. signed says how minimum and maximum compare.
func (m *Maps) Rotate(signed bool) ([]Entry, error) {
	if err := m.Settle(); err != nil {
		return nil, err
	}
	old := m.turns[m.now]
	m.now = 1 - m.now
	if err := m.Tables.Put(uint32(0), m.turns[m.now]); err != nil {
		return nil, fmt.Errorf("exchange tables: %w", err)
	}
	var out []Entry
	var key []byte
	var values [][]byte
	for it := old.Iterate(); ; {
		if !it.Next(&key, &values) {
			if err := it.Err(); err != nil {
				return nil, fmt.Errorf("read table: %w", err)
			}
			break
		}
		e := Entry{Key: append([]byte(nil), key...)}
		for _, v := range values {
			e.add(v, signed)
		}
		out = append(out, e)
		m.counted += e.Count
	}
	for _, e := range out {
		if err := old.Delete(e.Key); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return nil, fmt.Errorf("clear table: %w", err)
		}
	}
	return out, nil
}

// add adds what one processor has gathered.
func (e *Entry) add(v []byte, signed bool) {
	word := func(i int) uint64 { return binary.NativeEndian.Uint64(v[8*i:]) }
	n := word(0)
	if len(v) < 32 || n == 0 {
		e.Count += n
		return
	}
	low, high := word(2), word(3)
	if e.Count == 0 || less(low, e.Min, signed) {
		e.Min = low
	}
	if e.Count == 0 || less(e.Max, high, signed) {
		e.Max = high
	}
	e.Count += n
	e.Sum += word(1)
}

func less(a, b uint64, signed bool) bool {
	if signed {
		return int64(a) < int64(b)
	}
	return a < b
}

// ReadCounters adds up the counters of all processors, and what was counted in the
// tables until the last Rotate.
func (m *Maps) ReadCounters() (gen.Counters, error) {
	var all []gen.Counters
	var sum gen.Counters
	if err := m.Counters.Lookup(uint32(0), &all); err != nil {
		return sum, fmt.Errorf("read counters: %w", err)
	}
	for _, c := range all {
		sum.Add(c)
	}
	sum.Conclude(m.counted)
	return sum, nil
}

// Merge adds what was gathered of the same key at another time.
func (e *Entry) Merge(o *Entry, signed bool) {
	if o.Count == 0 {
		return
	}
	if e.Count == 0 || less(o.Min, e.Min, signed) {
		e.Min = o.Min
	}
	if e.Count == 0 || less(e.Max, o.Max, signed) {
		e.Max = o.Max
	}
	e.Count += o.Count
	e.Sum += o.Sum
}
