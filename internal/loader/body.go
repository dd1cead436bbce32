package loader

import (
	"fmt"

	"github.com/cilium/ebpf"
)

// body is a program that others end with by a tail call (BODY in internal/bpf/event.h).
type body struct {
	program string
	in      string // map that it sits in
	key     any
}

// takeBodies adds to programs the bodies that they refer to, of all that the object
// has; a body of a body is not looked for. The maps of all bodies are emptied: the
// library would fill them when it makes them, before any program is loaded.
func takeBodies(spec *ebpf.CollectionSpec, programs map[string]*ebpf.ProgramSpec) []body {
	referred := make(map[string]bool)
	for _, p := range programs {
		for i := range p.Instructions {
			if ins := &p.Instructions[i]; ins.IsLoadFromMap() {
				referred[ins.Reference()] = true
			}
		}
	}
	var out []body
	for name, m := range spec.Maps {
		if m.Type != ebpf.ProgramArray {
			continue
		}
		if referred[name] {
			for _, entry := range m.Contents {
				b := body{program: entry.Value.(string), in: name, key: entry.Key}
				TaskStack(spec.Programs[b.program])
				programs[b.program] = spec.Programs[b.program]
				out = append(out, b)
			}
		}
		m.Contents = nil
	}
	return out
}

// placeBodies puts the loaded bodies where the programs that end with them look.
func placeBodies(coll *ebpf.Collection, bodies []body) error {
	for _, b := range bodies {
		if err := coll.Maps[b.in].Put(b.key, coll.Programs[b.program]); err != nil {
			return fmt.Errorf("put body %s in map %s: %w", b.program, b.in, err)
		}
	}
	return nil
}
