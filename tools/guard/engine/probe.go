package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// Probe says which hooks the running kernel has, without a privilege and without
// loading anything. btf is a file with its type information, where it has none itself.
//
// With the answer comes an error that wraps a [preflight.MissingFeature] where the
// kernel has hooks and, by its list of security modules, would not run our programs
// on them. Where that list cannot be read, only [New] tells.
func Probe(btf string) (policy.Kernel, error) {
	spec, err := loadBpf()
	if err != nil {
		return policy.Kernel{}, fmt.Errorf("read BPF object: %w", err)
	}
	kernel, err := preflight.Inspect(btf)
	if err != nil {
		return policy.Kernel{}, err
	}
	var functions []string
	for _, p := range spec.Programs {
		if p.Type == ebpf.LSM {
			functions = append(functions, hookFunction(p.AttachTo))
		}
	}
	if err := kernel.Fit(spec.Types, nil, functions); err != nil {
		return policy.Kernel{}, err
	}
	if err := kernel.Ready(); err != nil {
		return policy.Kernel{}, err
	}
	has := policy.Kernel{Name: preflight.Release(), HasHook: func(name string) bool {
		return slices.Contains(hooks[1:], Hook(name)) && kernel.HasFunction(hookFunction(name))
	}}
	if list := currentLSMs(); list != "" && !slices.Contains(strings.Split(list, ","), "bpf") {
		return has, errNotBooted("bpf is not in " + lsmList + " (" + list + ")")
	}
	return has, nil
}
