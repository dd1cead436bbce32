package kerneltest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

// Watch is a command with JSON output that watches all parts of a test, each of
// which looks for its own processes. In an emulated machine a start takes
// seconds, most of it in the verifier. The command must use the ring buffer,
// which keeps the order of events.
type Watch struct {
	Run *Run
	// MayLose says that events of other processes may be lost, as a kernel forgets
	// returns of kprobes: Stop then does not mind.
	MayLose bool
	mark    func(testing.TB) int

	read   int // bytes of stdout
	events []Event
	told   map[int]int // how many events of a process Of has returned
}

// NewWatch watches with a command that traces. mark does something that the
// command must show, and returns the id of the process that did.
func NewWatch(r *Run, mark func(testing.TB) int) *Watch {
	return &Watch{Run: r, mark: mark, told: make(map[int]int)}
}

// Settle waits until everything that has happened is printed: that is so when
// something later is.
func (w *Watch) Settle(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(Patience); time.Now().Before(deadline); {
		pid := w.mark(t)
		// From 7.0 on the kernel can skip programs, and the mark with them.
		for again := time.Now().Add(5 * time.Second); time.Now().Before(again); time.Sleep(5 * time.Millisecond) {
			if w.parse(t); len(w.find(Of(pid))) > 0 {
				return
			}
		}
	}
	t.Fatalf("%s does not show a mark\n%s", w.Run.Cmd, w.Run.Stderr())
}

// Events returns what was printed of type event and matches, up to the last
// Settle.
func (w *Watch) Events(match func(Event) bool) []Event { return w.find(match) }

// Of returns the events of a process, which must have ended before the last
// Settle: Stop checks that no more came.
func (w *Watch) Of(pid int) []Event {
	events := w.find(Of(pid))
	w.told[pid] = len(events)
	return events
}

// Stop ends the command. It checks that nothing of what Of returned came
// late, that nothing was lost, and the lines against the schema.
func (w *Watch) Stop(t testing.TB, schema []byte) Account {
	t.Helper()
	qt.Check(t, qt.Equals(w.Run.Stop(), 0), qt.Commentf("%s", w.Run.Stderr()))
	w.parse(t)
	for pid, n := range w.told {
		qt.Check(t, qt.Equals(len(w.find(Of(pid))), n), qt.Commentf("process %d after it was asked for", pid))
	}
	a := w.Run.Account()
	if !w.MayLose {
		qt.Check(t, qt.Equals(a.Lost, 0))
	}
	w.Run.Validate(schema)
	return a
}

func (w *Watch) find(match func(Event) bool) (found []Event) {
	for _, e := range w.events {
		if e["type"] == "event" && match(e) {
			found = append(found, e)
		}
	}
	return found
}

// parse reads the lines that are new.
func (w *Watch) parse(t testing.TB) {
	t.Helper()
	text := w.Run.Stdout()[w.read:]
	text = text[:strings.LastIndexByte(text, '\n')+1]
	w.read += len(text)
	for line := range strings.Lines(text) {
		w.events = append(w.events, parseEvent(t, line))
	}
}

func parseEvent(t testing.TB, line string) Event {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	var e Event
	qt.Assert(t, qt.IsNil(d.Decode(&e)), qt.Commentf("%s", line))
	return e
}

// Watches are the same command on several rungs at the same time, by rung: what
// the test does is done once for all of them.
type Watches map[string]*Watch

// Each has a look from every rung, after everything that has happened is printed.
func (ws Watches) Each(t *testing.T, look func(t *testing.T, rung string, w *Watch)) {
	t.Helper()
	for rung, w := range ws {
		w.Settle(t)
		t.Run(rung, func(t *testing.T) { look(t, rung, w) })
	}
}

// Stop ends all of them.
func (ws Watches) Stop(t testing.TB, schema []byte) (accounts []Account) {
	t.Helper()
	for _, w := range ws {
		accounts = append(accounts, w.Stop(t, schema))
	}
	return accounts
}
