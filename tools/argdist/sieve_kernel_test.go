//go:build kernel

package main

import (
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

const sieved = 503

// sifted counts by process what a specifier says.
func sifted(t *testing.T, spec string) kerneltest.Filtered {
	return kerneltest.Filtered{
		Tool: "argdist", Workload: workload, Flags: []string{"--json", "-i", "60", "-C", spec}, Count: sieved,
		Args: func(string) []string { return []string{"sizes", itoa(sieved)} },
		Seen: func(r *kerneltest.Run, pid int) int { return counts(t, r, spec)["$PID="+itoa(pid)] },
	}
}

// eachSieved runs a test on all kinds of hooks that see all processes; at the return
// of a function the entry is sieved as well.
func eachSieved(t *testing.T, test func(t *testing.T, f kerneltest.Filtered, rung string)) {
	t.Run("tracepoint", func(t *testing.T) {
		test(t, sifted(t, "t:syscalls:sys_enter_write()::$PID"), "tracepoint")
	})
	eachRung(t, func(t *testing.T, rung string) {
		test(t, sifted(t, "r::ksys_write(fd, buf, size_t count)::$PID:$latency>=0 && $entry(count)>0"), rung)
	})
}

// Of several processes only the one that passes all filters is counted, and that to
// the unit.
//
//vmrun:kernels 6.1
func TestSieve(t *testing.T) {
	eachSieved(t, func(t *testing.T, f kerneltest.Filtered, rung string) { f.TestProcess(t, rung) })
}

//vmrun:kernels 6.1
func TestSieveContainer(t *testing.T) {
	eachSieved(t, func(t *testing.T, f kerneltest.Filtered, rung string) { f.TestContainer(t, rung) })
}

// Each filter by itself holds back what does not pass it, and nothing else: the same
// events are counted without it.
//
//vmrun:kernels 6.1
func TestSieveAlone(t *testing.T) {
	spec := "t:syscalls:sys_enter_write()::$PID:args->count==1000"
	for _, test := range []struct {
		flags []string
		want  int
	}{
		{nil, 3335},
		{[]string{"--uid", "0"}, 3335}, {[]string{"--uid", "4294967294"}, 0}, {[]string{"-u", "root"}, 3335},
		{[]string{"--comm", "argdist-workloa"}, 3335}, {[]string{"--comm", "argdist-worklo"}, 0}, {[]string{"--comm", "a"}, 0},
		{[]string{"--mntns", "/proc/self/ns/mnt"}, 3335}, {[]string{"--mntns", "1"}, 0},
	} {
		w := kerneltest.Wait(t, workload, nil, "write", itoa(writes))
		r := kerneltest.Start(t, "argdist", append([]string{"--json", "-i", "60", "-C", spec}, test.flags...)...)
		w.Go(t)
		w.End(t)
		qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
		got := counts(t, r, spec)["$PID="+itoa(w.PID())]
		qt.Check(t, qt.IsTrue(got <= test.want && got >= test.want-r.Skipped()), qt.Commentf("%q: %d, want %d", test.flags, got, test.want))
		if a := r.Account(); test.want == 0 {
			qt.Check(t, qt.IsTrue(a.Filtered >= uint64(writes-r.Skipped())), qt.Commentf("%q: %+v", test.flags, a))
		}
		validate(t, r)
	}
}
