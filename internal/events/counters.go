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
}

// ReadCounters sums the counters of all CPUs.
func ReadCounters(m *ebpf.Map) (Counters, error) {
	var perCPU []Counters
	if err := m.Lookup(uint32(0), &perCPU); err != nil {
		return Counters{}, fmt.Errorf("read counters: %w", err)
	}
	var sum Counters
	for _, c := range perCPU {
		sum.Seen += c.Seen
		sum.Filtered += c.Filtered
		sum.Lost += c.Lost
		sum.Truncated += c.Truncated
		sum.Unreadable += c.Unreadable
	}
	return sum, nil
}
