package loader

import (
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/btfprog"
	"github.com/ringside-tools/ringside/internal/preflight"
)

// takeTraced takes from spec the programs that attach to functions by their type
// information.
func takeTraced(spec *ebpf.CollectionSpec) map[string]*ebpf.ProgramSpec {
	traced := make(map[string]*ebpf.ProgramSpec)
	for name, p := range spec.Programs {
		if p.Type == ebpf.Tracing {
			traced[name] = p
			delete(spec.Programs, name)
		}
	}
	return traced
}

// loadTraced loads programs into the collection, past the library's search for
// their functions (package btfprog says why).
func loadTraced(k *preflight.Kernel, coll *ebpf.Collection, specs map[string]*ebpf.ProgramSpec) error {
	types := k.Relocations()
	if types == nil {
		var err error
		if types, err = k.Types(); err != nil {
			return err
		}
	}
	for name, spec := range specs {
		id, err := k.Function(spec.AttachTo)
		if err != nil {
			return fmt.Errorf("program %s: %w", name, err)
		}
		p, err := btfprog.Load(spec, btfprog.Target{Function: id, Types: types, Maps: coll.Maps})
		if err != nil {
			return fmt.Errorf("program %s: %w", name, err)
		}
		coll.Programs[name] = p
	}
	return nil
}
