package tooltest

import (
	"bytes"
	"context"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/process"
	"github.com/ringside-tools/ringside/internal/trace"
)

// Host is what a run knows of the machine that it runs on.
func Host(t testing.TB) *trace.Host {
	t.Helper()
	clock, err := events.NewClock(true)
	qt.Assert(t, qt.IsNil(err))
	users, err := process.ReadUsers()
	qt.Assert(t, qt.IsNil(err))
	return &trace.Host{Clock: clock, Users: users, Containers: process.NewContainers()}
}

// Stamp is the kernel's time stamp of a moment in nanoseconds since 1970.
func Stamp(h *trace.Host, unixNano int64) uint64 { return uint64(unixNano - h.Clock.Wall(0)) }

// SetName writes a name as the kernel does: it is cut, and has zeros behind it.
func SetName(dst *[16]int8, name string) {
	*dst = [16]int8{}
	for i := range min(len(name), len(dst)) {
		dst[i] = int8(name[i])
	}
}

// Configure parses flags of a command, as a run does. In place of that run is called,
// which may be nil. What the command prints goes into a buffer, see [Show].
func Configure(t testing.TB, c *command.Command, run func(*command.Env) error, args ...string) (env *command.Env) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c.Run = func(_ context.Context, e *command.Env) error {
		env = e
		if run == nil {
			return nil
		}
		return run(e)
	}
	code := c.Execute(t.Context(), args, &stdout, &stderr)
	qt.Assert(t, qt.Equals(code, command.ExitOK), qt.Commentf("%q: %s", args, &stderr))
	return env
}

// Show writes records as a run does: the header, and what is decoded and kept, in the
// format of the flags. It returns all that the command has printed since [Configure].
func Show[E any](t testing.TB, h *trace.Host, env *command.Env, tool *trace.Tool[E], records ...[]byte) string {
	t.Helper()
	w, err := output.New(env.Stdout, env.Format, env.Name, tool.Fields, tool.Columns, tool.Below)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(w.Header()))
	e := new(E) // one for all, as in a run
	for _, r := range records {
		qt.Assert(t, qt.IsNil(tool.Decode(h, r, e)))
		if tool.Keep == nil || tool.Keep(e) {
			qt.Assert(t, qt.IsNil(w.Event(e)))
		}
	}
	qt.Assert(t, qt.IsNil(w.Flush()))
	return env.Stdout.(*bytes.Buffer).String()
}
