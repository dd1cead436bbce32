//go:build kernel

package engine

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// fence is a manager with policies in force.
type fence struct {
	*Manager
	t *testing.T
}

// start enforces policies, written in YAML without their head.
func start(t *testing.T, yaml ...string) *fence {
	t.Helper()
	before := kerneltest.Loaded(t)
	m, err := New(Options{})
	qt.Assert(t, qt.IsNil(err))
	f := &fence{m, t}
	t.Cleanup(func() {
		qt.Check(t, qt.IsNil(m.Close()))
		*m = Manager{}
		runtime.GC() // what the library has mapped of constants goes with the collector
		kerneltest.NothingLeft(t, before)
	})
	f.set(yaml...)
	return f
}

func parse(t *testing.T, yaml ...string) (all []*policy.Policy) {
	t.Helper()
	for _, y := range yaml {
		p, err := policy.Parse("test.yaml", []byte(y))
		qt.Assert(t, qt.IsNil(err))
		all = append(all, p...)
	}
	return all
}

func (f *fence) set(yaml ...string) {
	f.t.Helper()
	policies := parse(f.t, yaml...)
	qt.Assert(f.t, qt.IsNil(f.AttachFor(policies...)))
	qt.Assert(f.t, qt.IsNil(f.Set(policies...)))
}

// enforce is a policy of these lines that is enforced, audit one that is only told.
func enforce(lines string) string {
	return "version: 1\nname: test\nmode: enforce\n" + strings.TrimPrefix(lines, "\n")
}

func audit(lines string) string {
	return strings.Replace(enforce(lines), "mode: enforce", "mode: audit", 1)
}

// do runs operations of the workload and returns what it printed.
func do(t *testing.T, args ...string) string {
	t.Helper()
	return doAs(t, "guard-workload", args...)
}

func doAs(t *testing.T, program string, args ...string) string {
	t.Helper()
	stdout, stderr, code := kerneltest.Output(t, exec.Command(program, args...))
	qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s %q: %s", program, args, stderr))
	return strings.TrimSuffix(stdout, "\n")
}

// alert waits for one alert.
func (f *fence) alert() Alert {
	f.t.Helper()
	select {
	case a := <-f.Alerts():
		return a
	case <-time.After(10 * time.Second):
		f.t.Fatal("no alert")
	}
	panic("unreachable")
}

// silent checks that no alert comes.
func (f *fence) silent() {
	f.t.Helper()
	select {
	case a := <-f.Alerts():
		f.t.Fatalf("an alert that should not be: %+v", a)
	case <-time.After(50 * time.Millisecond):
	}
}
