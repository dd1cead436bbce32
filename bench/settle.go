package main

import (
	"fmt"
	"os"
	"time"
)

const (
	settleWindow = 200 * time.Millisecond
	settleLimit  = 5 * time.Second // for one sample
	settleTotal  = 3 * time.Minute // for all
	settleBusy   = 0.08            // of all CPUs
)

// settle waits until the machine is idle, because others may use it too, and
// counts the sample as a busy one if that does not happen.
func (b *bench) settle() {
	if b.quick || b.guest { // where nothing else runs
		return
	}
	began := time.Now()
	defer func() { b.waited += time.Since(began) }()
	for b.ctx.Err() == nil {
		if busyShare(settleWindow) < settleBusy {
			return
		}
		if waited := time.Since(began); waited > settleLimit || b.waited+waited > settleTotal {
			b.busy++
			fmt.Fprintln(os.Stderr, "bench: the machine stays busy; measuring anyway")
			return
		}
	}
}

// busyShare is the share of CPU time that was not idle.
func busyShare(window time.Duration) float64 {
	busy1, all1 := cpuTicks()
	time.Sleep(window)
	busy2, all2 := cpuTicks()
	if all2 == all1 {
		return 0
	}
	return float64(busy2-busy1) / float64(all2-all1)
}

// cpuTicks reads the first line of /proc/stat (proc_stat(5)).
func cpuTicks() (busy, all uint64) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	var user, nice, system, idle, iowait, irq, softirq uint64
	fmt.Sscanf(string(data), "cpu %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &iowait, &irq, &softirq)
	busy = user + nice + system + irq + softirq
	return busy, busy + idle + iowait
}
