//go:build kernel

package main

import (
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
	"github.com/ringside-tools/ringside/internal/output"
)

const (
	workload   = "tcpconnect-workload"
	workload32 = "tcpconnect-workload32" // a 32-bit program
)

// fexitWorks says that this kernel has the rung. Those of the matrix must have it;
// elsewhere it is found out once, which takes as long as a start.
var fexitWorks = sync.OnceValue(func() bool {
	if kerneltest.Kernel() != "" {
		return true
	}
	return exec.Command("tcpconnect", "--check", "--rung", "fexit").Run() == nil
})

// rungs are those that this kernel has for attempts that fail at once. Both
// must see the same.
func rungs() []string {
	if fexitWorks() {
		return kerneltest.Rungs("fexit", "raw_tp")
	}
	return []string{"raw_tp"}
}

// said is a line that the workload printed: its source port, and the errno.
type said struct {
	port  int
	errno string // "" for none
}

// done is a workload that has run.
type done struct {
	pid  int
	said []said
}

// run runs a workload to its end.
func run(t *testing.T, program string, args ...string) done {
	t.Helper()
	cmd := kerneltest.Command(t, program, args...)
	stdout, stderr, code := kerneltest.Output(t, cmd)
	qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s: %s", cmd, stderr))
	d := done{pid: cmd.Process.Pid}
	for line := range strings.Lines(stdout) {
		port, errno, _ := strings.Cut(strings.TrimSpace(line), " ")
		if errno == "-" {
			errno = ""
		}
		n, err := strconv.Atoi(port)
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", line))
		d.said = append(d.said, said{n, errno})
	}
	return d
}

// start starts tcpconnect with JSON output on a rung, "" for the best one.
func start(t *testing.T, rung string, flags ...string) *kerneltest.Run {
	t.Helper()
	if rung != "" {
		flags = append(flags, "--rung", rung)
	}
	return kerneltest.Start(t, "tcpconnect", append([]string{"--json"}, flags...)...)
}

// stop ends tcpconnect and checks what it says: no loss, and the schema.
func stop(t *testing.T, r *kerneltest.Run) kerneltest.Account {
	t.Helper()
	qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
	a := r.Account()
	qt.Check(t, qt.Equals(a.Lost, 0))
	validate(t, r)
	return a
}

func document() []byte { return output.Schema("tcpconnect", schemaVersion, fields) }

// validate checks the lines against the schema.
func validate(t *testing.T, r *kerneltest.Run) {
	t.Helper()
	r.Validate(document())
}

// of returns the events of a process.
func of(r *kerneltest.Run, pid int) []kerneltest.Event {
	return r.Events(kerneltest.Of(pid))
}

func number(v any) int { return int(kerneltest.Number(v)) }

func text(v any) string {
	s, _ := v.(string)
	return s
}

func itoa(n int) string { return strconv.Itoa(n) }

// runs32 reports whether this kernel runs 32-bit programs.
func runs32(t *testing.T) bool {
	t.Helper()
	if _, err := exec.LookPath(workload32); err != nil {
		t.Fatalf("%s must be in PATH", workload32)
	}
	return exec.Command(workload32, "nothing", "127.0.0.1:1").Run() == nil
}

// possible are the ways that this kernel has.
func possible(t *testing.T) []way {
	t.Helper()
	if kerneltest.HasMPTCP(t) {
		return ways
	}
	return slices.DeleteFunc(slices.Clone(ways), func(w way) bool { return w.mptcp })
}

// destination splits ADDR:PORT; ::ffff:a.b.c.d is IPv4 in events.
func destination(t *testing.T, s string) (addr string, port, version int) {
	t.Helper()
	to, err := netip.ParseAddrPort(s)
	qt.Assert(t, qt.IsNil(err))
	a := to.Addr().Unmap()
	version = 6
	if a.Is4() {
		version = 4
	}
	return a.String(), int(to.Port()), version
}
