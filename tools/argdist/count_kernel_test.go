//go:build kernel

package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// writes is a prime number of writes: 3336 of 10 and of 100 bytes, 3335 of 1000.
const writes = 10007

var bySize = map[string]int{"count=10": 3336, "count=100": 3336, "count=1000": 3335}

// near allows for what the kernel itself says that it skipped: from 7.0 on it can
// preempt a program.
func near(t *testing.T, r *kerneltest.Run, got, want map[string]int) {
	t.Helper()
	if kernelName() != "newest" {
		qt.Check(t, qt.DeepEquals(got, want))
		return
	}
	missing := sum(want) - sum(got)
	qt.Check(t, qt.IsTrue(missing >= 0 && missing <= r.Skipped()), qt.Commentf("got %v, want %v, %d skipped", got, want, r.Skipped()))
}

// Every write is counted, by its size.
func TestCount(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		r, _ := traced(t, []string{"--rung", rung, "-p", "{PID}", "-C", "p::vfs_write(file, buf, size_t count):size_t:count:count!=1"}, "write", itoa(writes))
		near(t, r, counts(t, r, ""), bySize)
		qt.Check(t, qt.Equals(r.Account().Lost, 0))
		validate(t, r)
	})
}

// A filter that nothing passes counts nothing, and says how much it held back.
//
//vmrun:kernels 6.1
func TestFilter(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		r, _ := traced(t, []string{"--rung", rung, "-p", "{PID}", "-C", "p::vfs_write(file, buf, size_t count):size_t:count:count==11"}, "write", "101")
		qt.Check(t, qt.Equals(len(r.Lines()), 0))
		qt.Check(t, qt.IsTrue(r.Account().Filtered >= 101-uint64(r.Skipped())))
	})
}

// What a call is at its return belongs to what it was at its entry.
func TestReturn(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		r, _ := traced(t, []string{"--rung", rung, "-p", "{PID}",
			"-C", "r::vfs_write(struct file *file, char *buf, size_t count):size_t,long:$entry(count),$retval:$entry(count)!=1",
			"-H", "r::vfs_write(struct file *file, char *buf, size_t count):u64:$latency:count==1000",
			"--stats", "r::vfs_write():u64,long:$PID,$retval:$retval!=1"}, "write", itoa(writes))
		near(t, r, counts(t, r, "r::vfs_write(struct file *file, char *buf, size_t count):size_t,long:$entry(count),$retval:$entry(count)!=1"),
			map[string]int{"$retval=10 count=10": 3336, "$retval=100 count=100": 3336, "$retval=1000 count=1000": 3335})
		for _, line := range r.Lines() {
			switch line["type"] {
			case "hist":
				if kernelName() != "newest" {
					qt.Check(t, qt.Equals(line["count"].(json.Number).String(), "3335"))
				}
			case "stats":
				if kernelName() != "newest" {
					qt.Check(t, qt.Equals(fmt.Sprint(line["count"], line["total"], line["min"], line["max"]), fmt.Sprint(json.Number("10007"), json.Number(itoa(3336*110+3335*1000)), json.Number("10"), json.Number("1000"))))
				}
			}
		}
		qt.Check(t, qt.Equals(r.Account().Lost, 0))
		validate(t, r)
	})
}

// Nothing between two intervals is lost, and nothing is counted twice.
//
//vmrun:kernels 6.1
func TestIntervals(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		const each = 3 * writes // enough of them to take a few intervals
		w := kerneltest.Wait(t, workload, nil, "threads", "3", itoa(each))
		spec := "p::vfs_write(file, buf, size_t count):size_t:count:count==7"
		r := kerneltest.Start(t, "argdist", "--json", "--rung", rung, "-i", "0.02", "-p", itoa(w.PID()), "-C", spec)
		w.Go(t)
		w.End(t)
		qt.Assert(t, qt.Equals(r.Stop(), 0))
		near(t, r, counts(t, r, spec), map[string]int{"count=7": 3 * each})
		intervals := make(map[string]bool)
		for _, line := range r.Lines() {
			intervals[fmt.Sprint(line["interval"])] = true
		}
		qt.Check(t, qt.IsTrue(len(intervals) > 2), qt.Commentf("%d intervals", len(intervals)))
		qt.Check(t, qt.Equals(uint64(sum(counts(t, r, spec))), r.Account().Printed))
	})
}

// A table that is full says how many events it had no room for.
//
//vmrun:kernels 6.1
func TestFull(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		r, _ := traced(t, []string{"--rung", rung, "--keys", "16", "-p", "{PID}", "-C", "p::vfs_write(file, buf, size_t count):size_t:count"}, "sizes", "1009")
		got := counts(t, r, "")
		a := r.Account()
		qt.Check(t, qt.Equals(len(got), 16))
		qt.Check(t, qt.Equals(a.Printed, uint64(sum(got))))
		qt.Check(t, qt.IsTrue(a.Lost >= 1009-16-uint64(r.Skipped())), qt.Commentf("%+v", a))
		qt.Check(t, qt.StringContains(r.Stderr(), "no room (--keys takes more)"))
		validate(t, r)
	})
}

// What cannot be computed is counted and never made up.
//
//vmrun:kernels 5.10 newest
func TestFaults(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		r, _ := traced(t, []string{"--rung", rung, "-p", "{PID}",
			"-C", "p::vfs_write(file, buf, size_t count):u64:count/(count-10):count>1",
			"-C", "p::vfs_write(file, buf, size_t count):int:*(int *)count:count==100",
		}, "write", itoa(writes))
		got := counts(t, r, "p::vfs_write(file, buf, size_t count):u64:count/(count-10):count>1")
		if kernelName() != "newest" {
			qt.Check(t, qt.DeepEquals(got, map[string]int{"count/(count-10)=1": 6671}))
			qt.Check(t, qt.Equals(r.Account().Lost, 2*3336))
		}
		qt.Check(t, qt.Equals(len(counts(t, r, "p::vfs_write(file, buf, size_t count):int:*(int *)count:count==100")), 0))
		qt.Check(t, qt.StringContains(r.Stderr(), "whose memory could not be read"))
		qt.Check(t, qt.StringContains(r.Stderr(), "that divided by zero"))
		validate(t, r)
	})
}

// Members of structs are found through pointers, and strings.
func TestMembers(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		spec := "p::vfs_write():char*,char*,u64:$COMM,file->f_path.dentry->d_iname,count:STRCMP(\"null\", file->f_path.dentry->d_iname)"
		r, _ := traced(t, []string{"--rung", rung, "-p", "{PID}", "-C", spec}, "write", "31")
		near(t, r, counts(t, r, spec), map[string]int{
			"$COMM=argdist-workloa count=10 file->f_path.dentry->d_iname=null":   11,
			"$COMM=argdist-workloa count=100 file->f_path.dentry->d_iname=null":  10,
			"$COMM=argdist-workloa count=1000 file->f_path.dentry->d_iname=null": 10,
		})
	})
}

// A tracepoint counts as a function does, on every kernel.
func TestTracepoint(t *testing.T) {
	r, _ := traced(t, []string{"-p", "{PID}", "-C", "t:syscalls:sys_enter_write():size_t:args->count:args->count>1",
		"-C", "t:syscalls:sys_exit_write():long:args->ret:args->ret>1"}, "write", itoa(writes))
	near(t, r, counts(t, r, "t:syscalls:sys_enter_write():size_t:args->count:args->count>1"), map[string]int{"args->count=10": 3336, "args->count=100": 3336, "args->count=1000": 3335})
	near(t, r, counts(t, r, "t:syscalls:sys_exit_write():long:args->ret:args->ret>1"), map[string]int{"args->ret=10": 3336, "args->ret=100": 3336, "args->ret=1000": 3335})
	validate(t, r)
}

// A function of a program is counted by its registers, and its symbol is found.
func TestUserFunction(t *testing.T) {
	path := lookup(t, workload)
	reg := map[bool]string{true: "ctx->ax", false: "ctx->regs[0]"}[strings.HasPrefix(kernelName(), "arm64") == false]
	spec := "p:" + path + ":main.called():int:" + reg + "%5"
	r, _ := traced(t, []string{"-p", "{PID}", "-C", spec}, "call", "1009")
	k := reg + "%5="
	near(t, r, counts(t, r, spec), map[string]int{k + "0": 201, k + "1": 202, k + "2": 202, k + "3": 202, k + "4": 202})
}

//vmrun:kernels 5.10 newest
func TestEndings(t *testing.T) {
	before := kerneltest.Loaded(t)
	r := kerneltest.Start(t, "argdist", "-C", "t:syscalls:sys_enter_write()", "-H", "t:syscalls:sys_exit_write():long:args->ret")
	programs, maps, _ := kerneltest.Loaded(t).Without(before)
	qt.Check(t, qt.Equals(programs, 2))
	qt.Check(t, qt.IsTrue(maps >= 8), qt.Commentf("%d maps", maps))
	qt.Check(t, qt.Equals(r.Stop(), 0))
	kerneltest.NothingLeft(t, before)
	for _, flags := range [][]string{{"-n", "2", "-i", "0.1"}, {"-d", "0.3"}} {
		r := kerneltest.Start(t, "argdist", append(flags, "-C", "t:syscalls:sys_enter_write()")...)
		qt.Check(t, qt.Equals(r.Wait(), 0))
		if flags[0] == "-n" {
			qt.Check(t, qt.Equals(strings.Count(r.Stdout(), "COUNT      EVENT"), 2))
		}
		kerneltest.NothingLeft(t, before)
	}
}
