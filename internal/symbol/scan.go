package symbol

import (
	"os"
	"slices"
	"strconv"
	"time"
)

// scan looks through all processes for files that were not seen yet: the libraries of a process that has ended are most
// often those of others as well.
type scan struct {
	last time.Time
	from uint32          // process to go on with, where time ran out
	seen map[uint64]bool // tags of mappings
}

// Bounds. A machine with thousands of processes is looked through in several goes.
const (
	scanEvery = 3 * time.Second
	scanTime  = 200 * time.Millisecond
	maxSeen   = 1 << 16
)

// scanAll reports whether it looked; it does so at most every three seconds.
func (u *Users) scanAll() bool {
	start := u.now()
	if start.Sub(u.scan.last) < scanEvery && !u.scan.last.IsZero() {
		return false
	}
	defer func() { u.scan.last = u.now() }()
	if u.scan.seen == nil || u.files.evicted || len(u.scan.seen) > maxSeen {
		u.scan.seen, u.files.evicted = make(map[uint64]bool), false
	}
	pids := processes()
	for _, pid := range pids {
		if pid < u.scan.from {
			continue
		}
		if u.now().Sub(start) > scanTime {
			u.scan.from = pid
			return true
		}
		u.scanProcess(pid)
	}
	u.scan.from = 0
	return true
}

func (u *Users) scanProcess(pid uint32) {
	maps, _ := try(&u.files.guard, func() []mapping { return mappingsOf(pid) })
	p := &process{pid: pid}
	for i := range maps {
		m := &maps[i]
		if m.file() && !u.scan.seen[m.tag] {
			u.scan.seen[m.tag] = u.files.get(p.place(m)) != nil
		}
	}
}

// processes returns the ids of all processes, in order.
func processes() []uint32 {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []uint32
	for _, e := range entries {
		if pid, err := strconv.ParseUint(e.Name(), 10, 32); err == nil {
			pids = append(pids, uint32(pid))
		}
	}
	slices.Sort(pids)
	return pids
}
