//go:build kernel

package engine

import (
	"os"
	"runtime"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// TestPin: what is pinned stays in force without its manager, the next manager takes
// over without a gap, and unpinned it is gone.
//
//vmrun:kernels 5.10 6.12
func TestPin(t *testing.T) {
	dir := t.TempDir()
	secret := write(t, dir+"/secret", "s")
	pins := "/sys/fs/bpf/guard-test"
	t.Cleanup(func() { Unpin(pins) })
	rules := parse(t, enforce(`
rules:
  - {id: r, subject: all, file: {paths: [`+secret+`], access: read}, action: deny}
`))
	before := unshared(t)
	pinned := func() *Manager {
		m, err := New(Options{})
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.IsNil(m.AttachFor(rules...)))
		qt.Assert(t, qt.IsNil(m.Set(rules...)))
		qt.Assert(t, qt.IsNil(m.Pin(pins)))
		return m
	}
	m := pinned()
	_, err := os.ReadFile(secret)
	qt.Check(t, qt.IsNil(err)) // nothing applies to who made it
	qt.Assert(t, qt.IsNil(m.Close()))
	qt.Check(t, qt.Equals(do(t, "open", secret, "r"), "open: EPERM"))
	_, err = os.ReadFile(secret)
	qt.Check(t, qt.ErrorIs(err, os.ErrPermission)) // who is one of all now

	s, err := PinnedStatus(pins)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(s.Policies, []PolicyStatus{{"test", "enforce", 1}}))
	qt.Check(t, qt.IsTrue(s.Alerts >= 2))
	qt.Check(t, qt.DeepEquals(s.Hooks, []Hook{FileOpen, FileReceive, PathLink}))

	qt.Check(t, qt.IsNil(s.Manager))

	// What one that was killed as it took over has left hides nothing, and goes.
	qt.Check(t, qt.Equals(s.Older, 0))
	qt.Assert(t, qt.IsNil(os.Mkdir(pins+"/"+instanceName(), 0o700)))
	s, err = PinnedStatus(pins)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(s.Older, 1))
	qt.Check(t, qt.HasLen(s.Policies, 1))

	w := hold(t, "loop-open", secret)
	m = pinned()
	got := w.finish()
	qt.Check(t, qt.StringContains(got, "opened=0"))
	all, err := instances(pins)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.HasLen(all, 1))
	qt.Check(t, qt.Equals(do(t, "open", secret, "r"), "open: EPERM"))
	a := <-m.Alerts() // they come again
	qt.Check(t, qt.Equals(a.Rule, "r"))

	// While it lives, nobody takes over or away what is its.
	taken := &Taken{pins, os.Getpid()}
	qt.Check(t, qt.DeepEquals(CheckPins(pins), error(taken)))
	_, err = Unpin(pins)
	qt.Check(t, qt.DeepEquals(err, error(taken)))
	s, err = PinnedStatus(pins)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(s.Manager, &ManagerStatus{os.Getpid()}))
	qt.Assert(t, qt.IsNil(m.Close()))
	qt.Check(t, qt.IsNil(CheckPins(pins)))

	was, err := Unpin(pins)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNotNil(was))
	qt.Check(t, qt.HasLen(was.Policies, 1))
	qt.Check(t, qt.Equals(do(t, "open", secret, "r"), "open: ok")) // at once
	_, err = os.Stat(pins)
	qt.Check(t, qt.ErrorIs(err, os.ErrNotExist))
	was, err = Unpin(pins)
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.IsNil(was))
	s, err = PinnedStatus(pins)
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.IsNil(s))
	*m = Manager{}
	runtime.GC()
	kerneltest.NothingLeft(t, before)
}
