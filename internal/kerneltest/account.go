package kerneltest

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/go-quicktest/qt"
)

// Account is the summary line of a command; what totals stand for is Printed.
type Account struct{ Seen, Printed, Filtered, Lost uint64 }

var summary = regexp.MustCompile(`(\d+) seen = (\d+) (?:printed|counted|read) \+ (\d+) filtered \+ (\d+) lost`)

// Account returns the command's summary and checks that it adds up.
func (r *Run) Account() Account {
	r.t.Helper()
	m := summary.FindStringSubmatch(r.Stderr())
	qt.Assert(r.t, qt.HasLen(m, 5), qt.Commentf("no summary in %q", r.Stderr()))
	var n [4]uint64
	for i := range n {
		n[i], _ = strconv.ParseUint(m[i+1], 10, 64)
	}
	a := Account{n[0], n[1], n[2], n[3]}
	qt.Assert(r.t, qt.Equals(a.Seen, a.Printed+a.Filtered+a.Lost), qt.Commentf("%s", m[0]))
	return a
}

var skippedRuns = regexp.MustCompile(`; (\d+) runs of our programs were skipped`)

// Skipped returns what the summary says of runs that the kernel skipped, each of
// which may have been an event: from 7.0 on it can preempt a program, and it
// skips those that come to the same program meanwhile.
func (r *Run) Skipped() int {
	if m := skippedRuns.FindStringSubmatch(r.Stderr()); m != nil {
		n, _ := strconv.Atoi(m[1])
		return n
	}
	return 0
}

// Objects are the ids of everything BPF that is in the kernel.
type Objects struct {
	Programs map[ebpf.ProgramID]bool
	Maps     map[ebpf.MapID]bool
	Links    map[link.ID]bool
}

// Loaded lists what is in the kernel.
func Loaded(t testing.TB) Objects {
	t.Helper()
	return loaded()
}

func loaded() Objects {
	o := Objects{make(map[ebpf.ProgramID]bool), make(map[ebpf.MapID]bool), make(map[link.ID]bool)}
	for id, err := ebpf.ProgramGetNextID(0); err == nil; id, err = ebpf.ProgramGetNextID(id) {
		o.Programs[id] = true
	}
	for id, err := ebpf.MapGetNextID(0); err == nil; id, err = ebpf.MapGetNextID(id) {
		o.Maps[id] = true
	}
	it := new(link.Iterator)
	defer it.Close()
	for it.Next() {
		o.Links[it.ID] = true
	}
	return o
}

// Without returns how many objects are there that before did not have.
func (o Objects) Without(before Objects) (programs, maps, links int) {
	for id := range o.Programs {
		if !before.Programs[id] {
			programs++
		}
	}
	for id := range o.Maps {
		if !before.Maps[id] {
			maps++
		}
	}
	for id := range o.Links {
		if !before.Links[id] {
			links++
		}
	}
	return programs, maps, links
}

// FindMap opens the map of that name that was loaded after before.
func FindMap(t testing.TB, name string, before Objects) *ebpf.Map {
	t.Helper()
	for id := range Loaded(t).Maps {
		if before.Maps[id] {
			continue
		}
		m, err := ebpf.NewMapFromID(id)
		if err != nil {
			continue
		}
		if info, err := m.Info(); err == nil && info.Name == name {
			t.Cleanup(func() { m.Close() })
			return m
		}
		m.Close()
	}
	t.Fatalf("no map %s is loaded", name)
	return nil
}
