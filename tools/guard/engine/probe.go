package engine

import (
	"slices"
	"strings"

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
	r, err := takeReading(btf)
	if err != nil {
		return policy.Kernel{}, err
	}
	r.giveBack()
	kernel := r.kernel
	has := policy.Kernel{Name: preflight.Release(), HasHook: func(name string) bool {
		return slices.Contains(hooks[1:], Hook(name)) && kernel.HasFunction(hookFunction(name))
	}}
	if list := currentLSMs(); list != "" && !slices.Contains(strings.Split(list, ","), "bpf") {
		return has, errNotBooted("bpf is not in " + lsmList + " (" + list + ")")
	}
	return has, nil
}
