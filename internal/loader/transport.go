package loader

import (
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/preflight"
)

// Transport is how records leave the kernel.
type Transport int

// The transports.
const (
	RingBuffer Transport = iota // one ring for all CPUs, in order (5.8)
	PerfBuffer                  // one buffer per CPU
)

func (t Transport) String() string {
	if t == PerfBuffer {
		return "perf buffer"
	}
	return "ring buffer"
}

// EventsMap is the map that every command's object sends its records through
// (internal/bpf/event.h).
const EventsMap = "events"

// handledMap has the marks of programs that have backups (internal/bpf/event.h).
const handledMap = "handled"

// PickTransport returns the transport of that name, "ring" or "perf", or for
// "auto" the best of this kernel.
func PickTransport(k *preflight.Kernel, name string) Transport {
	if name == "perf" || name == "auto" && !k.HasRingBuffer() {
		return PerfBuffer
	}
	return RingBuffer
}

func setTransport(spec *ebpf.CollectionSpec, opts Options) error {
	m, ok := spec.Maps[EventsMap]
	if !ok {
		return fmt.Errorf("no map %s in the BPF object", EventsMap)
	}
	if opts.Transport == RingBuffer {
		m.MaxEntries = opts.Buffer
		return SetConstant(spec, "use_ringbuf", true)
	}
	m.Type = ebpf.PerfEventArray
	m.KeySize, m.ValueSize = 4, 4
	m.MaxEntries = 0 // one per possible CPU
	m.Key, m.Value = nil, nil
	return SetConstant(spec, "use_ringbuf", false)
}
