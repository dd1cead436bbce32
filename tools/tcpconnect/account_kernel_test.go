//go:build kernel

package main

import (
	"encoding/json"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// storm connects count times in workers to a listener, or to where it fails
// with errno, and returns the workload's process id.
func storm(t *testing.T, to, count, workers string, errno syscall.Errno) int {
	t.Helper()
	return run(t, workload, "many", to, count, workers, itoa(int(errno))).pid
}

// stormy is a storm, and what becomes of its attempts.
type stormy struct {
	pid, n int
	result string
}

// Every attempt is there once, on every way out and on every rung: as JSON by
// either buffer when its outcome is known, and in the classic table at its
// beginning. All three look at the same storms. In the kernel that may skip
// programs a copy of them sees what the first did not.
func TestExactCount(t *testing.T) {
	for _, rung := range rungs() {
		t.Run(rung, func(t *testing.T) {
			ring := start(t, rung, "--transport", "ring", "--buffer", "8M")
			perf := start(t, rung, "--transport", "perf", "--buffer", "8M")
			table := kerneltest.Start(t, "tcpconnect", "--rung", rung)
			storms := []stormy{
				{storm(t, "127.0.0.1:0", "1009", "8", 0), 1009, "established"},
				{storm(t, "127.0.0.1:1", "307", "4", syscall.ECONNREFUSED), 307, "refused"},
				{storm(t, "255.255.255.255:1", "211", "4", syscall.ENETUNREACH), 211, "unreachable"},
			}
			t.Run("ring", func(t *testing.T) { exactEvents(t, ring, storms) })
			t.Run("perf", func(t *testing.T) { exactEvents(t, perf, storms) })
			t.Run("table", func(t *testing.T) { exactRows(t, table, storms) })
		})
	}
}

// missing ends the command and returns how many of its events may be missing:
// none, but where the kernel can preempt programs and skip others, from 7.0 on.
// What all copies of one were skipped for is lost, and told. With perf buffers it
// also gives up where three of its callers were preempted on a CPU. What is told
// is a bound; it is much less that is missing.
func missing(t *testing.T, r *kerneltest.Run) int {
	t.Helper()
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	told, few := 0, 0
	if kerneltest.Kernel() == "newest" {
		told, few = int(r.Account().Lost)+r.Skipped(), 50
		t.Logf("%s", r.Stderr())
	}
	qt.Check(t, qt.IsTrue(int(r.Account().Lost) <= few), qt.Commentf("%s", r.Stderr()))
	return min(told, few)
}

func exactEvents(t *testing.T, r *kerneltest.Run, storms []stormy) {
	few := missing(t, r)
	for _, s := range storms {
		events := of(r, s.pid)
		qt.Check(t, qt.IsTrue(len(events) <= s.n && len(events) >= s.n-few), qt.Commentf("%d %s", len(events), s.result))
		for _, e := range events {
			qt.Assert(t, qt.Equals(e["result"], any(s.result)))
		}
	}
	validate(t, r)
}

func exactRows(t *testing.T, r *kerneltest.Run, storms []stormy) {
	few := missing(t, r)
	for _, s := range storms {
		rows := 0
		for line := range strings.Lines(r.Stdout()) {
			if strings.HasPrefix(line, itoa(s.pid)+" ") {
				rows++
			}
		}
		qt.Check(t, qt.IsTrue(rows <= s.n && rows >= s.n-few), qt.Commentf("%d %s: %s", rows, s.result, r.Stderr()))
	}
}

// With a reader that stands still the buffer overflows: everything that was
// not printed is counted as lost, to the unit.
//
//vmrun:kernels 5.10 newest
func TestLoss(t *testing.T) {
	runs := make(map[string]*kerneltest.Run)
	for _, transport := range []string{"ring", "perf"} {
		r := start(t, "", "--transport", transport, "--buffer", "64K", "--fail-on-loss", "--comm", workload[:15])
		qt.Assert(t, qt.IsNil(r.Cmd.Process.Signal(syscall.SIGSTOP)))
		runs[transport] = r
	}
	storm(t, "127.0.0.1:0", "2003", "4", 0)
	for transport, r := range runs {
		t.Run(transport, func(t *testing.T) {
			qt.Assert(t, qt.IsNil(r.Cmd.Process.Signal(syscall.SIGCONT)))
			qt.Check(t, qt.Equals(r.Stop(), 1), qt.Commentf("--fail-on-loss"))
			a := r.Account()
			qt.Check(t, qt.IsTrue(a.Lost > 50), qt.Commentf("lost %d", a.Lost))
			exactly(t, a, 2003)
			validate(t, r)
			var told uint64
			for _, e := range r.Lines() {
				if e["type"] == "lost" {
					told += uint64(number(e["lost"]))
				}
			}
			qt.Check(t, qt.Equals(told, a.Lost))
			qt.Check(t, qt.Equals(uint64(len(r.Events(func(kerneltest.Event) bool { return true }))), a.Printed))
		})
	}
}

// How it ends does not depend on the rung, and raw_tp starts first.
//
//vmrun:kernels 5.10 newest
func TestEndings(t *testing.T) {
	t.Run("interrupt", func(t *testing.T) {
		before := kerneltest.Loaded(t)
		r := kerneltest.Start(t, "tcpconnect", "--result")
		programs, _, links := kerneltest.Loaded(t).Without(before)
		qt.Check(t, qt.IsTrue(programs >= 3 && links >= 3), qt.Commentf("%d programs, %d links", programs, links))
		qt.Check(t, qt.Equals(r.Stop(), 0))
		kerneltest.NothingLeft(t, before)
	})
	t.Run("terminate", func(t *testing.T) {
		r := kerneltest.Start(t, "tcpconnect", "--rung", "raw_tp")
		qt.Assert(t, qt.IsNil(r.Cmd.Process.Signal(syscall.SIGTERM)))
		qt.Check(t, qt.Equals(r.Wait(), 0))
	})
	t.Run("duration", func(t *testing.T) {
		r := kerneltest.Start(t, "tcpconnect", "--rung", "raw_tp", "--duration", "300ms")
		qt.Check(t, qt.Equals(r.Wait(), 0))
	})
	t.Run("count", func(t *testing.T) {
		r := kerneltest.Start(t, "tcpconnect", "--rung", "raw_tp", "--count", "3", "--json")
		storm(t, "127.0.0.1:1", "7", "1", syscall.ECONNREFUSED)
		qt.Check(t, qt.Equals(r.Wait(), 0))
		qt.Check(t, qt.HasLen(r.Lines(), 3))
	})
	t.Run("closed pipe", func(t *testing.T) {
		before := kerneltest.Loaded(t)
		read, write, err := os.Pipe()
		qt.Assert(t, qt.IsNil(err))
		cmd := kerneltest.Command(t, "tcpconnect", "--rung", "raw_tp")
		cmd.Stdout = write
		r := kerneltest.StartCmd(t, cmd)
		write.Close()
		run(t, workload, "block", "127.0.0.1:1")
		var b [16]byte
		_, err = read.Read(b[:])
		qt.Assert(t, qt.IsNil(err))
		read.Close() // and no further attempt is needed for it to notice
		qt.Check(t, qt.Equals(r.Wait(), 0))
		kerneltest.NothingLeft(t, before)
	})
	t.Run("full disk", func(t *testing.T) {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		qt.Assert(t, qt.IsNil(err))
		defer full.Close()
		cmd := kerneltest.Command(t, "tcpconnect", "--rung", "raw_tp", "--json") // no head line to fail on
		cmd.Stdout = full
		r := kerneltest.StartCmd(t, cmd)
		run(t, workload, "block", "127.0.0.1:1")
		qt.Check(t, qt.Equals(r.Wait(), 1))
		qt.Check(t, qt.StringContains(r.Stderr(), "no space left on device"))
	})
}

func TestCheck(t *testing.T) {
	before := kerneltest.Loaded(t)
	stdout, stderr, code := kerneltest.Output(t, kerneltest.Command(t, "tcpconnect", "--check", "--json"))
	qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	kerneltest.NothingLeft(t, before)
	var report struct {
		OK    bool `json:"ok"`
		Hooks []struct {
			Name  string   `json:"name"`
			Rung  *string  `json:"rung"`
			Blind []string `json:"cannot_see"`
			Costs *string  `json:"costs"`
		} `json:"hooks"`
	}
	qt.Assert(t, qt.IsNil(json.Unmarshal([]byte(stdout), &report)))
	qt.Check(t, qt.IsTrue(report.OK))
	qt.Assert(t, qt.HasLen(report.Hooks, 2))
	qt.Check(t, qt.Equals(*report.Hooks[0].Rung, "raw_tp"))
	rung := *report.Hooks[1].Rung
	t.Logf("attempts that fail at once: %s", rung)
	qt.Check(t, qt.Equals(len(report.Hooks[1].Blind) > 0, rung == "raw_tp"))
	qt.Check(t, qt.Equals(report.Hooks[1].Costs != nil, rung == "raw_tp"))
	// What this kernel is known to have must not be given up silently.
	if want := wantRung[kerneltest.Kernel()]; want != "" {
		qt.Check(t, qt.Equals(rung, want))
	}
}

// wantRung is the rung for attempts that fail at once that a kernel of the
// matrix must get.
var wantRung = map[string]string{"5.10": "fexit", "6.1": "fexit", "6.12": "fexit", "newest": "fexit", "arm64-6.12": "fexit"}
