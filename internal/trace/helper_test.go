package trace

import (
	"bytes"
	"errors"
	"testing"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/output"
)

// note is the event of the tool under test: its record is its text. A record
// that begins with ! does not decode, one that begins with - is not kept.
type note struct {
	Head
	text string
}

var errDecode = errors.New("decode: bad record")

func newTool() *Tool[note] {
	return &Tool[note]{
		Decode: func(_ *Host, raw []byte, n *note) error {
			if raw[0] == '!' {
				return errDecode
			}
			n.text = string(raw)
			return nil
		},
		Keep:    func(n *note) bool { return n.text[0] != '-' },
		Fields:  HeadFields("notes", func(n *note) *Head { return &n.Head }),
		Columns: []output.Column[note]{{Head: "TEXT", Text: func(c *output.Cell, n *note) { c.Text(n.text) }}},
	}
}

// fakeWriter writes down what it is asked to write. What was not flushed is
// not in out.
type fakeWriter struct {
	out     []string
	pending []string
	losses  []output.Loss
	err     error
	flushes int
}

func (w *fakeWriter) Header() error { return w.err }
func (w *fakeWriter) Event(n *note) error {
	if w.err == nil {
		w.pending = append(w.pending, n.text)
	}
	return w.err
}
func (w *fakeWriter) Lost(l output.Loss) error { w.losses = append(w.losses, l); return w.err }
func (w *fakeWriter) Flush() error {
	w.flushes++
	if w.err == nil {
		w.out, w.pending = append(w.out, w.pending...), nil
	}
	return w.err
}

// bench is a printer with everything around it faked.
type bench struct {
	*printer[note]
	writer   *fakeWriter
	kernel   events.Counters // what the kernel's counters say
	counting error
	stderr   bytes.Buffer
}

func newBench(t *testing.T, common command.Common) *bench {
	t.Helper()
	clock, err := events.NewClock(true)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{writer: new(fakeWriter)}
	env := &command.Env{Name: "notes", Stdout: new(bytes.Buffer), Stderr: &b.stderr, Common: common}
	b.printer = &printer[note]{
		session:  &session[note]{tool: newTool(), env: env, host: &Host{Clock: clock}, loaded: new(loader.Loaded)},
		w:        b.writer,
		counters: func() (events.Counters, error) { return b.kernel, b.counting },
	}
	return b
}
