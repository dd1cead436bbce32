package engine

import (
	"sync"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/preflight"
)

// reading is what was read of the BPF object, and of the kernel what the object needs.
type reading struct {
	btf    string // file with the kernel's types, "" for the kernel's own
	spec   *ebpf.CollectionSpec
	kernel *preflight.Kernel
}

// Reading takes a third of the time until policies are in force, so that what [Probe] read is kept for [New].
// Whoever has policies read again later does not need it.
var unused struct {
	sync.Mutex
	reading *reading
	opened  bool // New has been there
}

// takeReading returns what Probe read, or reads it.
func takeReading(btf string) (*reading, error) {
	unused.Lock()
	r := unused.reading
	unused.reading = nil
	unused.Unlock()
	if r != nil && r.btf == btf {
		return r, nil
	}
	kernel, err := preflight.Inspect(btf)
	if err != nil {
		return nil, err
	}
	spec, err := loader.Read(kernel, _BpfBytes, nil)
	if err != nil {
		return nil, err
	}
	if err := kernel.Ready(); err != nil {
		return nil, err
	}
	return &reading{btf, spec, kernel}, nil
}

// giveBack keeps what was only looked at.
func (r *reading) giveBack() {
	unused.Lock()
	defer unused.Unlock()
	if !unused.opened {
		unused.reading = r
	}
}

// use says that what was read is changed from here on, and that nobody needs another.
func (r *reading) use() (*ebpf.CollectionSpec, *preflight.Kernel) {
	unused.Lock()
	defer unused.Unlock()
	unused.opened = true
	return r.spec, r.kernel
}
