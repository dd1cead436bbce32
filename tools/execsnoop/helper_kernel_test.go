//go:build kernel

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
	"github.com/ringside-tools/ringside/internal/output"
)

const (
	workload   = "execsnoop-workload"
	workload32 = "execsnoop-workload32" // a 32-bit program
)

// observer is execsnoop -x --json, which watches what several tests do.
type observer struct{ *kerneltest.Watch }

func startObserver(t *testing.T) observer {
	t.Helper()
	return observer{kerneltest.NewWatch(kerneltest.Start(t, "execsnoop", "-x", "--json"), func(tb testing.TB) int {
		cmd := kerneltest.Command(tb, workload, "args", "/dev/null")
		qt.Assert(tb, qt.IsNil(cmd.Run()))
		return cmd.Process.Pid
	})}
}

// observe runs way with FILE and ARG..., and returns the events of that process,
// its own start left out, and what it printed.
func (o observer) observe(t *testing.T, program string, args ...string) ([]kerneltest.Event, string) {
	t.Helper()
	cmd := kerneltest.Command(t, program, args...)
	stdout, _, _ := kerneltest.Output(t, cmd)
	o.Settle(t)
	var events []kerneltest.Event
	for _, e := range o.Of(cmd.Process.Pid) {
		if !started(e, cmd.Args) {
			events = append(events, e)
		}
	}
	return events, strings.TrimSpace(stdout)
}

// started reports whether e is the start of the workload itself.
func started(e kerneltest.Event, args []string) bool {
	argv, _ := e["args"].([]any)
	return number(e["argc"]) == len(args) && number(e["ret"]) == 0 &&
		len(argv) > 1 && argv[0] == args[0] && argv[1] == args[1]
}

// one asserts that there is exactly one event.
func one(t *testing.T, events []kerneltest.Event) kerneltest.Event {
	t.Helper()
	qt.Assert(t, qt.HasLen(events, 1))
	return events[0]
}

func number(v any) int {
	n, err := strconv.Atoi(strings.TrimSpace(toString(v)))
	if err != nil {
		return -1
	}
	return n
}

func toString(v any) string {
	if s, ok := v.(interface{ String() string }); ok {
		return s.String()
	}
	s, _ := v.(string)
	return s
}

func argv(t *testing.T, e kerneltest.Event) []string {
	t.Helper()
	list, ok := e["args"].([]any)
	qt.Assert(t, qt.IsTrue(ok), qt.Commentf("args is %v", e["args"]))
	var out []string
	for _, a := range list {
		out = append(out, a.(string))
	}
	return out
}

// validate checks the lines against the schema.
func validate(t *testing.T, r *kerneltest.Run) {
	t.Helper()
	r.Validate(output.Schema("execsnoop", schemaVersion, fields))
}

// lookup returns the full path of a program, symbolic links resolved.
func lookup(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	qt.Assert(t, qt.IsNil(err))
	path, err = filepath.EvalSymlinks(path)
	qt.Assert(t, qt.IsNil(err))
	return path
}

// write makes an executable file in a directory that is not a test's own, so
// that its path is short and known.
func write(t *testing.T, name, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	qt.Assert(t, qt.IsNil(os.WriteFile(path, []byte(content), mode)))
	qt.Assert(t, qt.IsNil(os.Chmod(path, mode)))
	return path
}
