package main

import "time"

// sizes are the loads, in events, and what goes with the speed of the machine.
type sizes struct {
	memory    int // before memory is read
	bpf       int // while BPF time is counted
	record    int // sent to a stopped reader of a small buffer
	drain     int // queued, then printed
	overhead  int // of the workload that is slowed down
	perWorker int // of the flood's workers
	slower    int // rates are divided by this
	shorter   int // and how long they last by this

	apart   time.Duration // between events while a tool starts
	unready time.Duration // at most, between looks whether a tool traces
	ready   time.Duration // within which a tool must
}

const (
	floodWorkers = 16
	rateWorkers  = 2
)

// Primes, so that a count that is right by accident is unlikely. Emulated
// machines are some thirty times slower than others, and there the tools that
// compile themselves shall not wait for the load.
var (
	fullSizes = sizes{
		memory: 1009, bpf: 2003, record: 8009, drain: 20011, overhead: 3001, perWorker: 10000, slower: 1, shorter: 1,
		apart: 300 * time.Microsecond, ready: 30 * time.Second,
	}
	quickSizes = sizes{
		memory: 101, bpf: 101, record: 4001, drain: 2003, overhead: 101, perWorker: 53, slower: 1, shorter: 5,
		apart: 300 * time.Microsecond, ready: 30 * time.Second,
	}
	emulatedSizes = sizes{
		memory: 211, bpf: 211, record: 3511, drain: 503, overhead: 101, perWorker: 53, slower: 50, shorter: 2,
		apart: 30 * time.Millisecond, unready: 3 * time.Second, ready: 5 * time.Minute,
	}
	emulatedQuickSizes = sizes{
		memory: 53, bpf: 53, record: 3511, drain: 307, overhead: 53, perWorker: 11, slower: 50, shorter: 5,
		apart: 30 * time.Millisecond, unready: 3 * time.Second, ready: 5 * time.Minute,
	}
)

// sizesFor picks the loads.
func sizesFor(o options) sizes {
	s := fullSizes
	switch {
	case o.guest && o.quick:
		s = emulatedQuickSizes
	case o.guest:
		s = emulatedSizes
	case o.quick:
		s = quickSizes
	}
	if o.flood > 0 {
		s.perWorker = o.flood
	}
	return s
}
