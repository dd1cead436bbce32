// Package kerneltest runs a command of the suite on a real kernel and reads
// what it printed. It is for tests in files named *_kernel_test.go, which run
// in the virtual machines of internal/vm and, as root, on the machine itself.
package kerneltest

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

// Patience is how long a command may take to start or to end: emulated
// machines are slow.
const Patience = 3 * time.Minute

// Event is a line of JSON output.
type Event map[string]any

// Run is a command that is running.
type Run struct {
	Cmd    *exec.Cmd
	t      testing.TB
	stdout lockedBuffer
	stderr lockedBuffer
	done   chan error
	ended  bool
	lines  []Event // once parsed, after the end
	Code   int     // exit code, after Stop or Wait
}

// Start starts a command of the suite and waits until it traces.
func Start(t testing.TB, name string, args ...string) *Run {
	t.Helper()
	return StartCmd(t, Command(t, name, args...))
}

// Command prepares a command of the suite, found in PATH.
func Command(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath(name)
	qt.Assert(t, qt.IsNil(err), qt.Commentf("%s must be in PATH: build it first", name))
	return exec.Command(path, args...)
}

// StartCmd starts a prepared command and waits until it traces.
func StartCmd(t testing.TB, cmd *exec.Cmd) *Run {
	t.Helper()
	r := &Run{Cmd: cmd, t: t, done: make(chan error, 1)}
	if cmd.Stdout == nil {
		cmd.Stdout = &r.stdout
	}
	cmd.Stderr = &r.stderr
	qt.Assert(t, qt.IsNil(cmd.Start()))
	go func() { r.done <- cmd.Wait() }()
	t.Cleanup(func() { cmd.Process.Kill() })
	traces := func() bool { return strings.Contains(r.stderr.String(), "tracing, Ctrl-C to end") }
	for deadline := time.Now().Add(Patience); !traces(); {
		select {
		case err := <-r.done:
			if traces() { // and has ended already
				r.done <- err
				return r
			}
			t.Fatalf("%s ended before it traced: %v\n%s", cmd, err, r.stderr.String())
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not start to trace\n%s", cmd, r.stderr.String())
		}
	}
	return r
}

// Stop ends the command as Ctrl-C does, and returns its exit code.
func (r *Run) Stop() int {
	r.t.Helper()
	qt.Assert(r.t, qt.IsNil(r.Cmd.Process.Signal(os.Interrupt)))
	return r.Wait()
}

// Wait waits until the command ends by itself.
func (r *Run) Wait() int {
	r.t.Helper()
	select {
	case err := <-r.done:
		r.Code, r.ended = exitCode(r.t, err), true
	case <-time.After(Patience):
		r.t.Fatalf("%s does not end\n%s", r.Cmd, r.stderr.String())
	}
	return r.Code
}

// Stdout returns what the command printed so far.
func (r *Run) Stdout() string { return r.stdout.String() }

// Stderr returns what the command told so far.
func (r *Run) Stderr() string { return r.stderr.String() }

// Lines returns the JSON lines, after the command ended.
func (r *Run) Lines() []Event {
	r.t.Helper()
	if r.lines != nil {
		return r.lines
	}
	var events []Event
	for line := range strings.Lines(r.Stdout()) {
		events = append(events, parseEvent(r.t, line))
	}
	if r.ended {
		r.lines = events // a thousand take a second in an emulated machine
	}
	return events
}

// Events returns the lines of type event that match, after the command ended.
func (r *Run) Events(match func(Event) bool) []Event {
	r.t.Helper()
	var events []Event
	for _, e := range r.Lines() {
		if e["type"] == "event" && match(e) {
			events = append(events, e)
		}
	}
	return events
}

// Output runs a command to its end and returns stdout, stderr and exit code.
func Output(t testing.TB, cmd *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout = &out
	}
	cmd.Stderr = &errs
	cmd.WaitDelay = Patience // for a child that still has the output
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	qt.Assert(t, qt.IsNil(cmd.Start()))
	stop := context.AfterFunc(ctx, func() { cmd.Process.Kill() })
	defer stop()
	code = exitCode(t, cmd.Wait())
	return out.String(), errs.String(), code
}

func exitCode(t testing.TB, err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			return 128 + int(ws.Signal())
		}
		return exit.ExitCode()
	}
	t.Fatalf("wait for command: %v", err)
	return -1
}

// lockedBuffer is read while the command writes it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
