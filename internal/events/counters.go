package events

import (
	"fmt"

	"github.com/cilium/ebpf"
)

// CountersMap is the map that every command's object counts in
// (internal/bpf/event.h).
const CountersMap = "counters"

// Counters are a command's account of what it saw. Once all records are read,
// Seen = printed + Filtered + Lost.
type Counters struct {
	Seen       uint64 // occurrences that reached a hook
	Filtered   uint64 // dropped by a filter
	Lost       uint64 // dropped because a buffer or a map was full
	Truncated  uint64 // sent, but cut
	Unreadable uint64 // sent, but with memory that could not be read
	Rescued    uint64 // handled by a backup program, since the kernel skipped the first
	Skipped    uint64 // runs of programs without a backup that the kernel skipped
}

// perCPU is struct counters of internal/bpf/event.h.
type perCPU struct{ Seen, Filtered, Lost, Truncated, Unreadable, Rescued uint64 }

// ReadCounters sums the counters of all CPUs. Skipped is not among them.
func ReadCounters(m *ebpf.Map) (Counters, error) {
	var cpus []perCPU
	if err := m.Lookup(uint32(0), &cpus); err != nil {
		return Counters{}, fmt.Errorf("read counters: %w", err)
	}
	var sum Counters
	for _, c := range cpus {
		sum.Seen += c.Seen
		sum.Filtered += c.Filtered
		sum.Lost += c.Lost
		sum.Truncated += c.Truncated
		sum.Unreadable += c.Unreadable
		sum.Rescued += c.Rescued
	}
	return sum, nil
}
