package main

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/symbol"
)

// What a caller of cap_capable() implies (audit.h).
const (
	callerAudits  = 1
	callerNoAudit = 2
	callerSetid   = 3
)

// callers are the kernel's functions through which checks are asked for, and how
// they ask (kernel/capability.c, security/commoncap.c, kernel/ksyms_common.c).
// A function that is inlined into its caller is not in a stack; then one further
// up decides, or none does and it is not known.
var callers = []struct {
	name string
	how  uint64
}{
	{"cap_vm_enough_memory", callerNoAudit},
	{"security_vm_enough_memory_mm", callerNoAudit}, // by far the most
	{"ns_capable_noaudit", callerNoAudit},
	{"has_ns_capability_noaudit", callerNoAudit},
	{"has_capability_noaudit", callerNoAudit},
	{"ptracer_capable", callerNoAudit},
	{"kallsyms_show_value", callerNoAudit},
	{"ns_capable_setid", callerSetid},
	{"ns_capable", callerAudits},
	{"capable", callerAudits},
	{"capable_wrt_inode_uidgid", callerAudits},
	{"file_ns_capable", callerAudits},
	{"has_ns_capability", callerAudits},
	{"has_capability", callerAudits},
	{"bpf_token_capable", callerAudits},
	{"cap_mmap_addr", callerAudits},
	{"cap_capset", callerAudits}, // cap_inh_is_capped(), which is inlined
	{"cap_task_prctl", callerAudits},
}

// maxCallers is CALLER_RANGES.
const maxCallers = 32

// setCallers writes where the callers are. Without the kernel's addresses it is
// an error where they are needed, and nothing is known of audit elsewhere.
func setCallers(needed bool) func(*preflight.Kernel, *ebpf.CollectionSpec) error {
	return func(_ *preflight.Kernel, spec *ebpf.CollectionSpec) error {
		k, err := symbol.ReadKernel()
		if err != nil {
			if errors.Is(err, symbol.ErrHidden) && !needed {
				return nil
			}
			return fmt.Errorf("find the functions that ask for capabilities: %w", err)
		}
		ranges := callerRanges(k.Ranges)
		if err := loader.SetConstant(spec, "caller_count", uint32(len(ranges))); err != nil {
			return err
		}
		var table [maxCallers]bpfCaller
		copy(table[:], ranges)
		return loader.SetConstant(spec, "callers", table)
	}
}

// callerRanges lists the functions that this kernel has, the frequent ones first.
func callerRanges(ranges func(string) []symbol.Range) []bpfCaller {
	var out []bpfCaller
	for _, c := range callers {
		for _, r := range ranges(c.name) {
			if len(out) < maxCallers {
				out = append(out, bpfCaller{Start: r.Start, End: r.End, How: c.how})
			}
		}
	}
	return out
}
