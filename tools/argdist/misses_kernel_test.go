//go:build kernel

package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

var missed = regexp.MustCompile(`; (\d+) calls or returns were missed by the kernel's probes`)

func missedBy(t *testing.T, r *kerneltest.Run) int {
	t.Helper()
	m := missed.FindStringSubmatch(r.Stderr())
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	qt.Assert(t, qt.IsNil(err))
	return n
}

// lastLost is the number that the last line of loss has, 0 if there is no such line.
func lastLost(t *testing.T, r *kerneltest.Run, name string) int {
	t.Helper()
	lines := slices.DeleteFunc(r.Lines(), func(e kerneltest.Event) bool { return e["type"] != "lost" })
	if len(lines) == 0 {
		return 0
	}
	n, err := lines[len(lines)-1][name].(json.Number).Int64()
	qt.Assert(t, qt.IsNil(err))
	return int(n)
}

// A kretprobe has room for ten calls at once, or two for each processor; returns
// beyond that are missed, and that is told. With fexit there is no such limit.
func TestMisses(t *testing.T) {
	const threads = 61
	tells := !slices.Contains([]string{"5.10", "6.1"}, kernelName()) // 6.7
	eachRung(t, func(t *testing.T, rung string) {
		r, _ := traced(t, []string{"--rung", rung, "-p", "{PID}", "-C", "r::do_sys_poll()"}, "poll", itoa(threads))
		got := sum(counts(t, r, ""))
		told := missedBy(t, r)
		qt.Check(t, qt.Equals(lastLost(t, r, "missed"), told), qt.Commentf("%s", r.Stdout()))
		validate(t, r)
		switch {
		case rung == "fentry":
			// From 7.0 on a task can be preempted within our program, which the kernel skips for others then.
			skipped := lastLost(t, r, "skipped")
			qt.Check(t, qt.IsTrue(got <= threads && got+skipped >= threads), qt.Commentf("%d counted and %d skipped of %d", got, skipped, threads))
			if kernelName() != "newest" {
				qt.Check(t, qt.Equals(got, threads))
			}
			qt.Check(t, qt.Equals(told, 0))
		case tells:
			qt.Check(t, qt.IsTrue(got < threads), qt.Commentf("%d of %d, and so there is nothing to tell", got, threads))
			// Another process that polls can miss a return as well.
			qt.Check(t, qt.IsTrue(got+told >= threads), qt.Commentf("%d counted and %d missed of %d", got, told, threads))
		default:
			qt.Check(t, qt.IsTrue(got < threads))
			qt.Check(t, qt.Equals(told, 0))
		}
	})
}
