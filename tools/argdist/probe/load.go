package probe

import (
	"fmt"

	"github.com/cilium/ebpf"
)

// Load loads a program that refers to maps by name, and leaves spec as it is.
func Load(spec *ebpf.ProgramSpec, maps map[string]*ebpf.Map) (*ebpf.Program, error) {
	s := spec.Copy()
	for i := range s.Instructions {
		ins := &s.Instructions[i]
		if !ins.IsLoadFromMap() || ins.Reference() == "" {
			continue
		}
		m, ok := maps[ins.Reference()]
		if !ok {
			return nil, fmt.Errorf("no map %s", ins.Reference())
		}
		if err := ins.AssociateMap(m); err != nil {
			return nil, fmt.Errorf("map %s: %w", ins.Reference(), err)
		}
	}
	p, err := ebpf.NewProgram(s)
	if err != nil {
		return nil, fmt.Errorf("load program: %w", err)
	}
	return p, nil
}
