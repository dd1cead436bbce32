package preflight

import (
	"fmt"

	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// MemlockNeed is what kernels before 5.11 ask for in addition: they charge
// maps to the limit on locked memory, which is 64 KiB for most users.
var MemlockNeed = Need{Cap: SysResource, Why: "lock memory for maps, before 5.11"}

// memlockAccount is the struct in which kernels from 5.3 to 5.10 kept what a
// map was charged.
const memlockAccount = "bpf_map_memory"

// ChargesMemlock reports whether the kernel charges maps to RLIMIT_MEMLOCK
// (before 5.11) and whether size bytes are more than the limit allows.
func (k *Kernel) ChargesMemlock(size uint64) bool {
	spec, err := k.fitted()
	if err != nil {
		return false
	}
	var account *btf.Struct
	if spec.TypeByName(memlockAccount, &account) != nil {
		return false
	}
	var lim unix.Rlimit
	return unix.Getrlimit(unix.RLIMIT_MEMLOCK, &lim) != nil || lim.Cur < size
}

// RaiseMemlock lifts the limit on locked memory where the kernel needs that. The
// limit as it was is for programs that we start: they inherit ours.
func RaiseMemlock() (before unix.Rlimit, err error) {
	if err := unix.Getrlimit(unix.RLIMIT_MEMLOCK, &before); err != nil {
		return before, fmt.Errorf("read the limit on locked memory: %w", err)
	}
	if err := rlimit.RemoveMemlock(); err != nil {
		return before, fmt.Errorf("raise the limit on locked memory: %w", err)
	}
	return before, nil
}
