package main

import (
	"sync"

	"github.com/ringside-tools/ringside/tools/tlscap/library"
)

// probe is a function of a file that we attached to. Its number is in the cookie, and
// comes back in records.
type probe struct {
	library  string // path, as a process knows it
	function library.Function
}

// probes are all of them by number. Attaching goes on while records are decoded.
type probes struct {
	mu  sync.RWMutex
	all []probe
}

// maxProbes is what the cookie has room for: it must be a positive 32-bit number, and its
// highest bit is CALL_SILENT.
const maxProbes = 1 << 22

// add returns the number of a new probe.
func (p *probes) add(x probe) (uint32, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.all) >= maxProbes {
		return 0, false
	}
	p.all = append(p.all, x)
	return uint32(len(p.all) - 1), true
}

// get returns the probe of that number; the zero probe if there is none.
func (p *probes) get(n uint32) probe {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if uint64(n) >= uint64(len(p.all)) {
		return probe{}
	}
	return p.all[n]
}

// cookie is what the programs get to know of a probe.
func cookie(n uint32, kind library.Kind) uint64 { return uint64(n)<<8 | uint64(kind) }
