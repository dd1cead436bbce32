//go:build kernel

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/output/schematest"
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
	for _, rung := range []string{"fexit", "raw_tp"} {
		t.Run(rung, func(t *testing.T) {
			if rung == "fexit" && !hasRung(t, rung) {
				if slices.Contains([]string{"5.10", "6.1", "6.12", "newest", "arm64-6.12"}, kernel) {
					t.Fatalf("kernel %s is known to have this rung", kernel)
				}
				t.Skip("this kernel does not have this rung")
			}
			test(t, rung)
		})
	}
}

func hasRung(t *testing.T, rung string) bool {
	t.Helper()
	_, _, code := kerneltest.Output(t, kerneltest.Command(t, "bindsnoop", "--rung", rung, "--check"))
	return code == 0
}

// run runs a program of the workload under bindsnoop with flags, checks the
// account and the schema, and returns the events of the program's process and
// what it printed.
func run(t *testing.T, flags, program string, args ...string) (events []kerneltest.Event, printed []string, a kerneltest.Account) {
	t.Helper()
	r := kerneltest.Start(t, "bindsnoop", append(strings.Fields(flags), "--json")...)
	cmd := kerneltest.Command(t, program, args...)
	stdout, stderr, code := kerneltest.Output(t, cmd)
	qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
	a = r.Account()
	validate(t, r.Stdout())
	return r.Events(of(cmd.Process.Pid)), strings.Fields(stdout), a
}

// of matches the events of a process.
func of(pid int) func(kerneltest.Event) bool {
	return func(e kerneltest.Event) bool { return number(e["pid"]) == pid }
}

func validate(t *testing.T, lines string) {
	t.Helper()
	schema, err := schematest.Compile(output.Schema("bindsnoop", schemaVersion, fields))
	qt.Assert(t, qt.IsNil(err))
	for line := range strings.Lines(lines) {
		qt.Assert(t, qt.IsNil(schema.Validate([]byte(line))), qt.Commentf("%s", line))
	}
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
