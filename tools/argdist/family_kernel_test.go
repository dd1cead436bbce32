//go:build kernel

package main

import (
	"os"
	"os/exec"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/filter"
	"github.com/ringside-tools/ringside/internal/kerneltest"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/process"
	"github.com/ringside-tools/ringside/tools/argdist/probe"
)

// byProcess are specifiers that count what a workload's process does, for each kind of
// hook: the function of a program is in every process, however it is attached.
func byProcess(t *testing.T, test func(t *testing.T, spec string, flags []string)) {
	t.Run("tracepoint", func(t *testing.T) { test(t, "t:syscalls:sys_enter_write()::$PID:args->count>0", nil) })
	t.Run("uprobe", func(t *testing.T) { test(t, "p:"+lookup(t, workload)+":main.sized()::$PID", nil) })
	eachRung(t, func(t *testing.T, rung string) {
		test(t, "p::ksys_write(fd, buf, size_t count)::$PID", []string{"--rung", rung})
	})
}

// TestFollow counts what the children of a process do, each to the unit, and nothing of
// its siblings.
//
//vmrun:kernels 6.1
func TestFollow(t *testing.T) {
	const children = 3
	byProcess(t, func(t *testing.T, spec string, flags []string) {
		parent := kerneltest.Wait(t, workload, nil, "family", itoa(children), itoa(sieved))
		sibling := kerneltest.Wait(t, workload, nil, "sizes", itoa(sieved))
		r := kerneltest.Start(t, "argdist", append([]string{"--json", "-i", "60", "-C", spec, "--follow", "-p", itoa(parent.PID())}, flags...)...)
		sibling.Go(t)
		parent.Go(t)
		sibling.End(t)
		parent.End(t)
		qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
		all := counts(t, r, spec)
		qt.Check(t, qt.Equals(all["$PID="+itoa(sibling.PID())], 0))
		whole := 0
		for _, n := range all {
			// What the runtimes write to wake each other up comes on top.
			if n >= sieved-r.Skipped() && n <= sieved+20 {
				whole++
			}
		}
		qt.Check(t, qt.Equals(whole, children), qt.Commentf("%v", all))
		qt.Check(t, qt.Equals(r.Account().Lost, 0))
		validate(t, r)
	})
}

// TestFollowPresent counts a child that there is already, and one that comes.
//
//vmrun:kernels 6.1
func TestFollowPresent(t *testing.T) {
	byProcess(t, func(t *testing.T, spec string, flags []string) {
		for _, follow := range []bool{true, false} {
			args := append([]string{"--json", "-i", "60", "-C", spec, "-p", itoa(os.Getpid())}, flags...)
			if follow {
				args = append(args, "--follow")
			}
			present := kerneltest.Wait(t, workload, nil, "sizes", itoa(sieved))
			r := kerneltest.Start(t, "argdist", args...)
			later := kerneltest.Wait(t, workload, nil, "sizes", itoa(sieved))
			for _, w := range []*kerneltest.Waiter{present, later} {
				w.Go(t)
				w.End(t)
			}
			qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
			all := counts(t, r, spec)
			for _, w := range []*kerneltest.Waiter{present, later} {
				n := all["$PID="+itoa(w.PID())]
				if follow {
					qt.Check(t, qt.IsTrue(n >= sieved-r.Skipped() && n <= sieved+20), qt.Commentf("%d", n))
				} else {
					qt.Check(t, qt.Equals(n, 0))
				}
			}
		}
	})
}

// TestFollowFull tells of children for whom there was no room, and ends what ends.
//
//vmrun:kernels 6.1
func TestFollowFull(t *testing.T) {
	_, err := preflight.RaiseMemlock()
	qt.Assert(t, qt.IsNil(err))
	users, err := process.ReadUsers()
	qt.Assert(t, qt.IsNil(err))
	f, err := filter.Resolve(filter.Flags{PIDs: []uint32{uint32(os.Getpid())}, Follow: true}, users)
	qt.Assert(t, qt.IsNil(err))
	defer f.Close()
	host := probe.NewHost()
	defer host.Close()
	offsets, err := host.TaskOffsets()
	qt.Assert(t, qt.IsNil(err))
	defer func(before uint32) { maxFamily = before }(maxFamily)
	maxFamily = 2
	fam, err := followFamily(f, offsets)
	qt.Assert(t, qt.IsNil(err))
	defer fam.close()

	one := func() { qt.Assert(t, qt.IsNil(exec.Command("true").Run())) }
	for range 5 { // one after the other: each makes room for the next
		one()
	}
	n, err := fam.missed()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(n, 0))

	w := kerneltest.Wait(t, workload, nil, "write", "1")
	one()
	w.Go(t)
	w.End(t)
	n, err = fam.missed()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(n, 1))
}
