//go:build kernel

package engine

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
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

// shared is the manager of most tests: to load and attach its programs takes an emulated
// machine seconds.
var shared struct {
	*Manager
	before kerneltest.Objects
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.Manager != nil {
		if err := closeShared(); err != nil {
			fmt.Fprintln(os.Stderr, "--- FAIL: close the manager:", err)
			code = 1
		}
	}
	os.Exit(code)
}

func closeShared() error {
	if err := shared.Close(); err != nil {
		return err
	}
	*shared.Manager = Manager{}
	runtime.GC() // what the library has mapped of constants goes with the collector
	return kerneltest.Left(shared.before)
}

// start enforces policies, written in YAML without their head, until the test ends.
func start(t *testing.T, yaml ...string) *fence {
	t.Helper()
	if shared.Manager == nil {
		shared.before = kerneltest.Loaded(t)
		m, err := New(Options{})
		qt.Assert(t, qt.IsNil(err))
		shared.Manager = m
	}
	f := &fence{shared.Manager, t}
	t.Cleanup(func() {
		qt.Check(t, qt.IsNil(shared.Set()))
		for more := true; more; { // alerts that are on their way
			select {
			case <-f.Alerts():
			case <-time.After(30 * time.Millisecond):
				more = false
			}
		}
	})
	f.set(yaml...)
	return f
}

// unshared ends the manager that tests share, whose tables come and go, and returns what is
// loaded then.
func unshared(t *testing.T) kerneltest.Objects {
	t.Helper()
	if shared.Manager != nil {
		qt.Assert(t, qt.IsNil(closeShared()))
		shared.Manager = nil
	}
	return kerneltest.Loaded(t)
}

// startOwn is start with a manager of the test's own, that has seen nothing yet.
func startOwn(t *testing.T, yaml ...string) *fence {
	t.Helper()
	before := unshared(t)
	m, err := New(Options{})
	qt.Assert(t, qt.IsNil(err))
	f := &fence{m, t}
	t.Cleanup(func() {
		qt.Check(t, qt.IsNil(m.Close()))
		*m = Manager{}
		runtime.GC()
		kerneltest.NothingLeft(t, before)
	})
	f.set(yaml...)
	return f
}

func parse(t testing.TB, yaml ...string) (all []*policy.Policy) {
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
	a, ok := f.next()
	if !ok {
		f.t.Fatal("no alert")
	}
	return a
}

// next waits for an alert, if one comes.
func (f *fence) next() (Alert, bool) {
	select {
	case a := <-f.Alerts():
		return a, true
	case <-time.After(5 * time.Second):
		return Alert{}, false
	}
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

func lookWorkload(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("guard-workload")
	qt.Assert(t, qt.IsNil(err))
	return path
}

// holder is a workload that waits.
type holder struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// hold starts a workload and returns when it is ready and waits.
func hold(t *testing.T, args ...string) *holder { return holdAs(t, lookWorkload(t), args...) }

func holdAs(t *testing.T, program string, args ...string) *holder {
	t.Helper()
	cmd := exec.Command(program, args...)
	stdin, err := cmd.StdinPipe()
	qt.Assert(t, qt.IsNil(err))
	stdout, err := cmd.StdoutPipe()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(cmd.Start()))
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	h := &holder{t, cmd, stdin, bufio.NewReader(stdout)}
	for line := ""; line != "ready\n"; { // what it did before is told before
		line, err = h.stdout.ReadString('\n')
		qt.Assert(t, qt.IsNil(err))
	}
	return h
}

func (h *holder) pid() string { return strconv.Itoa(h.cmd.Process.Pid) }

// finish lets it go on, and returns what it printed after that.
func (h *holder) finish() string {
	h.t.Helper()
	h.stdin.Close()
	b, err := io.ReadAll(h.stdout)
	qt.Assert(h.t, qt.IsNil(err))
	qt.Assert(h.t, qt.IsNil(h.cmd.Wait()))
	return strings.TrimSuffix(string(b), "\n")
}
