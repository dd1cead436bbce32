package loader

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"github.com/ringside-tools/ringside/internal/btfprog"
	"github.com/ringside-tools/ringside/internal/preflight"
)

// loadPrograms loads the programs into the collection that has their maps, as
// many at once as there are CPUs: two fifths of the time that filesnoop took to start
// were the verifier's, which goes through each program on the CPU that asks, and asks
// nobody to wait since 5.2. The instructions of a program are given up as soon
// as it is loaded.
func loadPrograms(k *preflight.Kernel, coll *ebpf.Collection, specs map[string]*ebpf.ProgramSpec) error {
	types, err := relocationTypes(k)
	if err != nil {
		return err
	}
	names := longestFirst(specs)
	programs := make([]*ebpf.Program, len(names))
	err = InParallel(len(names), func(i int) error {
		p, err := loadProgram(k, specs[names[i]], types, coll.Maps)
		if err != nil {
			return fmt.Errorf("program %s: %w", names[i], err)
		}
		programs[i], specs[names[i]].Instructions = p, nil
		return nil
	})
	for i, p := range programs {
		if p != nil {
			coll.Programs[names[i]] = p
		}
	}
	return err
}

// LoadProgram loads one more program of a loaded object, with the object's maps.
// The spec's instructions are changed.
func (l *Loaded) LoadProgram(k *preflight.Kernel, spec *ebpf.ProgramSpec) (*ebpf.Program, error) {
	types, err := relocationTypes(k)
	if err != nil {
		return nil, err
	}
	p, err := loadProgram(k, spec, types, l.Maps)
	if err != nil {
		return nil, fmt.Errorf("load program %s: %w", spec.Name, err)
	}
	return p, nil
}

// loadProgram loads one program. Those that attach to functions by their type
// information are loaded past the library's search for it (package btfprog says why).
func loadProgram(k *preflight.Kernel, spec *ebpf.ProgramSpec, types *btf.Spec, maps map[string]*ebpf.Map) (*ebpf.Program, error) {
	if spec.Type == ebpf.Tracing {
		function, err := k.Function(spec.AttachTo)
		if err != nil {
			return nil, err
		}
		return btfprog.Load(spec, btfprog.Target{Function: function, Types: types, Maps: maps})
	}
	if err := btfprog.Associate(spec.Instructions, maps); err != nil {
		return nil, err
	}
	return ebpf.NewProgramWithOptions(spec, ebpf.ProgramOptions{KernelTypes: types})
}

// relocationTypes are those that programs are fitted to: what they need of the
// kernel's types, or all of them where that could not be had.
func relocationTypes(k *preflight.Kernel) (*btf.Spec, error) {
	if types := k.Relocations(); types != nil {
		return types, nil
	}
	return k.Types()
}

// longestFirst orders the names of programs so that no long one is left for the end,
// when the other CPUs have nothing to do any more.
func longestFirst(specs map[string]*ebpf.ProgramSpec) []string {
	names := make([]string, 0, len(specs))
	for name := range specs {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(len(specs[b].Instructions)-len(specs[a].Instructions), cmp.Compare(a, b))
	})
	return names
}

// InParallel calls do for 0 to n-1, on all CPUs, and begins nothing after an error. It
// returns the error of the least number.
func InParallel(n int, do func(int) error) error {
	errs := make([]error, n)
	var next, failed atomic.Int64
	var wait sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wait.Go(func() {
			for failed.Load() == 0 {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if errs[i] = do(i); errs[i] != nil {
					failed.Add(1)
				}
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
