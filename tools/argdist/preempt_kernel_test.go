//go:build kernel

package main

import (
	"runtime"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// TestOneCPU has many processes share a CPU and call the function that is probed: where the
// kernel can be preempted, one is in the program while another is. None finds the other's
// values, and what was counted is exact.
func TestOneCPU(t *testing.T) {
	const processes, calls = 8, 4001
	spec := "p:" + lookup(t, workload) + ":main.called():char*,char*,int:$COMM,$COMM,$PID:$COMM!=\"x\" && $PID>1"
	r := kerneltest.Start(t, "argdist", "--json", "-i", "60", "-C", spec)

	runtime.LockOSThread() // what it starts inherits its CPU
	var before, one unix.CPUSet
	qt.Assert(t, qt.IsNil(unix.SchedGetaffinity(0, &before)))
	one.Set(0)
	qt.Assert(t, qt.IsNil(unix.SchedSetaffinity(0, &one)))
	var all []*kerneltest.Waiter
	for range processes {
		all = append(all, kerneltest.Wait(t, workload, nil, "call", itoa(calls)))
	}
	qt.Assert(t, qt.IsNil(unix.SchedSetaffinity(0, &before)))
	runtime.UnlockOSThread()
	for _, w := range all {
		w.Go(t)
	}
	want := make(map[string]int)
	for _, w := range all {
		w.End(t)
		want["$COMM=argdist-workloa $COMM#2=argdist-workloa $PID="+itoa(w.PID())] = calls
	}
	qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
	qt.Check(t, qt.DeepEquals(counts(t, r, spec), want), qt.Commentf("%s", r.Stderr()))
}
