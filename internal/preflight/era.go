package preflight

// Era is a span of kernel versions in which the same capabilities are asked
// for. It serves documents only: a running command looks at what the kernel
// has, not at its version.
type Era int

// The eras, oldest first.
const (
	EraOld Era = iota // before 5.8: CAP_SYS_ADMIN for all of BPF
	Era58             // 5.8 to 5.10: maps are charged to RLIMIT_MEMLOCK
	Era511            // 5.11 and later
)

// NeedsAt returns needs as they stand in an era, for a user with the usual
// limit on locked memory.
func NeedsAt(needs []Need, era Era) []Need {
	last := BPF
	if era == EraOld {
		last = Perfmon - 1
	}
	if era < Era511 {
		needs = append(needs[:len(needs):len(needs)], MemlockNeed)
	}
	return onThisKernel(needs, last)
}
