package main

import (
	"slices"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/preflight"
)

// hooks are the ladder for a configuration. The tracepoint comes last: of all
// that a check is, it does not know whether it is audited, and most are not.
func hooks(cfg *config) []loader.Hook {
	traced := loader.Rung{
		Name: "raw_tp",
		Attach: []loader.Attachment{
			{Program: "check_traced", Backed: true, Sieved: true},
			{Program: "check_traced_backup", Backup: true},
			{Program: "check_traced_backup2", Backup: true},
		},
		Blind: []string{"whether a check is audited and asked by setuid() or its like: inferred from the function that asks"},
		Costs: "a walk up the kernel stack, a microsecond or two, for every check",
		Set:   setCallers(!cfg.all),
	}
	if !cfg.all {
		traced.Needs = []preflight.Need{{Cap: preflight.Syslog, Why: "find the functions whose checks are not audited"}}
	}
	return []loader.Hook{{
		Name: "capability checks",
		Rungs: []loader.Rung{
			{
				Name: "fexit",
				Attach: []loader.Attachment{
					{Program: "check_returned", Backed: true, Sieved: true},
					{Program: "check_returned_backup", Backup: true},
					{Program: "check_returned_backup2", Backup: true},
				},
				Set: setOpts,
			},
			{
				Name: "kprobe",
				// The return first: a check that was entered is to be left.
				Attach: []loader.Attachment{{Program: "check_left"}, {Program: "check_entered"}},
				Blind:  []string{"the innermost frame of the kernel stack; on older kernels more of it"},
				Set: func(k *preflight.Kernel, spec *ebpf.CollectionSpec) error {
					spec.Maps["entered"].MaxEntries = maxEntered
					return setOpts(k, spec)
				},
			},
			traced,
		},
	}}
}

// maxEntered is how many tasks can be inside cap_capable() at one time.
const maxEntered = 16384

// setOpts finds out what the last argument of cap_capable() means: a set of bits,
// or "audit" before 5.1. The change was backported, so that the version of the
// kernel does not tell; the argument's name does.
func setOpts(k *preflight.Kernel, spec *ebpf.CollectionSpec) error {
	names := k.Parameters("cap_capable")
	return loader.SetConstant(spec, "opts_are_bits", !slices.Contains(names, "audit"))
}
