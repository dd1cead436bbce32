package loader

// Skipped tells what the kernel skipped because a program was running already
// on that CPU (5.12; 0 before). lost is how many events no program saw, given
// how many the backups say that they rescued; others are skipped runs of
// programs without a backup, perhaps with an event.
//
// An event is lost where the program and all of its backups were skipped for
// it. So there are at most as many as the least skipped of them was, and at most
// as many as the first one was skipped and no backup rescued. The second is
// exact where a command calls handle_once before any filter; the first bounds it
// where cheap filters come before that. Where programs are sieved, the least
// skipped is all that is known, and it is told with the others.
func (l *Loaded) Skipped(rescued uint64) (lost, others uint64) {
	return skipped(l.plan, rescued, func(program string) uint64 {
		stats, err := l.Programs[program].Stats()
		if err != nil {
			return 0
		}
		return stats.RecursionMisses
	})
}

func skipped(plan []step, rescued uint64, misses func(program string) uint64) (lost, others uint64) {
	var backed, bound, least uint64
	sieved := false
	endGroup := func() {
		if sieved {
			others += least
		} else {
			bound += least
		}
	}
	for _, s := range plan {
		n := misses(s.program)
		switch s.role {
		case roleBacked: // begins a group, that its backups follow
			endGroup()
			least, sieved = n, s.sieved
			if !sieved {
				backed += n
			}
		case roleBackup:
			least = min(least, n)
		default:
			others += n
		}
	}
	endGroup()
	if backed > rescued {
		lost = min(backed-rescued, bound)
	}
	return lost, others
}
