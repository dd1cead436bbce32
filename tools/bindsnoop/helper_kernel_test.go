//go:build kernel

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
	"github.com/ringside-tools/ringside/internal/output"
)

const (
	workload   = "bindsnoop-workload"
	workload32 = "bindsnoop-workload32" // a 32-bit program
)

// kernel is the name of the kernel in the matrix, "" on another machine.
var kernel = os.Getenv("RINGSIDE_KERNEL")

// TestMain sets up the loopback interface, which a fresh machine has down.
func TestMain(m *testing.M) {
	if err := loopbackUp(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, ifr); err != nil {
		return err
	}
	ifr.SetUint16(ifr.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr)
}

// eachRung runs a test on every rung that this kernel has.
func eachRung(t *testing.T, test func(t *testing.T, rung string)) {
	for _, rung := range kerneltest.Rungs("fexit", "raw_tp") {
		t.Run(rung, func(t *testing.T) {
			if rung == "fexit" && !fexitWorks() {
				t.Skip("this kernel does not have this rung")
			}
			test(t, rung)
		})
	}
}

// fexitWorks says that this kernel has the rung. Those of the matrix must have it;
// elsewhere it is found out once, which takes as long as a start.
var fexitWorks = sync.OnceValue(func() bool {
	if kerneltest.Kernel() != "" {
		return true
	}
	return exec.Command("bindsnoop", "--rung", "fexit", "--check").Run() == nil
})

// rungs are those that this kernel has.
func rungs() []string {
	if fexitWorks() {
		return kerneltest.Rungs("fexit", "raw_tp")
	}
	return []string{"raw_tp"}
}

// watchAll starts bindsnoop -E -l on every rung.
func watchAll(t *testing.T) kerneltest.Watches {
	t.Helper()
	ws := make(kerneltest.Watches)
	for _, rung := range rungs() {
		r := kerneltest.Start(t, "bindsnoop", "--json", "-E", "-l", "--rung", rung)
		ws[rung] = kerneltest.NewWatch(r, func(tb testing.TB) int {
			cmd := kerneltest.Command(tb, workload, "bind", "1", "udp4", "127.0.0.1:0")
			qt.Assert(tb, qt.IsNil(cmd.Run()))
			return cmd.Process.Pid
		})
	}
	return ws
}

// does runs a program of the workload, and returns its process and what it printed.
func does(t *testing.T, program string, args ...string) (pid int, printed []string) {
	t.Helper()
	cmd := kerneltest.Command(t, program, args...)
	stdout, stderr, code := kerneltest.Output(t, cmd)
	qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	return cmd.Process.Pid, strings.Fields(stdout)
}

// of matches the events of a process.
func of(pid int) func(kerneltest.Event) bool {
	return func(e kerneltest.Event) bool { return number(e["pid"]) == pid }
}

func validate(t *testing.T, r *kerneltest.Run) {
	t.Helper()
	r.Validate(output.Schema("bindsnoop", schemaVersion, fields))
}

// number is -1 for what is not a number.
func number(v any) int {
	n, ok := v.(json.Number)
	if !ok {
		return -1
	}
	i, err := strconv.Atoi(n.String())
	if err != nil {
		return -1
	}
	return i
}

func itoa(n int) string { return strconv.Itoa(n) }

// brief is what the tests compare of an event: op, result, protocol, address,
// port, marks and options.
func brief(e kerneltest.Event) string {
	var b strings.Builder
	result := "ok"
	if e["error"] != nil {
		result = e["error"].(string)
	}
	fmt.Fprintf(&b, "%s %s %s %v:%v", e["op"], result, e["protocol"], e["addr"], e["port"])
	if e["privileged"] == true {
		b.WriteString(" privileged")
	}
	if e["ephemeral"] == true {
		b.WriteString(" ephemeral")
	}
	if e["ipv6_only"] == true {
		b.WriteString(" v6only")
	}
	for _, o := range e["options"].([]any) {
		fmt.Fprintf(&b, " %s", o)
	}
	if e["bound_if"] != nil {
		fmt.Fprintf(&b, " on %v", e["interface"])
	}
	return b.String()
}

func briefs(events []kerneltest.Event) []string {
	out := []string{}
	for _, e := range events {
		out = append(out, brief(e))
	}
	return out
}

// one asserts that there is exactly one event.
func one(t *testing.T, events []kerneltest.Event) kerneltest.Event {
	t.Helper()
	qt.Assert(t, qt.Equals(len(events), 1), qt.Commentf("%v", briefs(events)))
	return events[0]
}

// lookup returns the full path of a program.
func lookup(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	qt.Assert(t, qt.IsNil(err))
	return path
}
