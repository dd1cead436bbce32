package events

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cilium/ebpf/ringbuf"
	"github.com/go-quicktest/qt"
)

// step is what one read returns. before runs first, and may do what others do
// to the reader or its user meanwhile.
type step struct {
	raw     string // "" for none
	drained bool
	err     error
	before  func()
}

// fakeReader returns its steps, and then runs into its deadline for ever.
type fakeReader struct {
	steps     []step
	deadlines []time.Time
	flushes   atomic.Int32 // the end of a context flushes from a goroutine of its own
	reads     int
	// last, if not nil, takes the place of running into the deadline.
	last func() ([]byte, bool, error)
}

func (r *fakeReader) read() ([]byte, bool, error) {
	r.reads++
	if len(r.steps) == 0 {
		if r.last != nil {
			return r.last()
		}
		return nil, false, os.ErrDeadlineExceeded
	}
	s := r.steps[0]
	r.steps = r.steps[1:]
	if s.before != nil {
		s.before()
	}
	if s.raw == "" {
		return nil, s.drained, s.err
	}
	return []byte(s.raw), s.drained, s.err
}

func (r *fakeReader) SetDeadline(t time.Time) { r.deadlines = append(r.deadlines, t) }
func (r *fakeReader) Flush() error            { r.flushes.Add(1); return nil }
func (r *fakeReader) Close() error            { return nil }

// journal writes down what happens, in order: records as they are, "idle", and
// "detach".
type journal struct {
	lines  []string
	record func(raw string) error
	idle   func() error
}

func (j *journal) Record(raw []byte) error {
	j.lines = append(j.lines, string(raw))
	if j.record != nil {
		return j.record(string(raw))
	}
	return nil
}

func (j *journal) Idle() error {
	j.lines = append(j.lines, "idle")
	if j.idle != nil {
		return j.idle()
	}
	return nil
}

func (j *journal) detach() error {
	j.lines = append(j.lines, "detach")
	return nil
}

func (j *journal) String() string { return strings.Join(j.lines, " ") }

// TestRun follows a stream from beginning to end. Every case ends by cancel.
func TestRun(t *testing.T) {
	for _, test := range []struct {
		what  string
		steps func(cancel func()) []step
		want  string
	}{
		{"nothing", func(cancel func()) []step {
			return []step{{err: ringbuf.ErrFlushed, before: cancel}}
		}, "idle detach idle"},
		{"idle when drained, and only then", func(cancel func()) []step {
			return []step{{raw: "a"}, {raw: "b"}, {raw: "c", drained: true}, {raw: "d", drained: true}, {err: ringbuf.ErrFlushed, before: cancel}}
		}, "a b c idle d idle idle detach idle"},
		{"idle at the deadline", func(cancel func()) []step {
			return []step{{err: os.ErrDeadlineExceeded}, {raw: "a", drained: true}, {err: os.ErrDeadlineExceeded, before: cancel}}
		}, "idle a idle idle detach idle"},
		{"a lost sample of a perf buffer is no record", func(cancel func()) []step {
			return []step{{raw: "a"}, {}, {raw: "b", drained: true}, {err: ringbuf.ErrFlushed, before: cancel}}
		}, "a b idle idle detach idle"},
		{"cancelled with records pending", func(cancel func()) []step {
			return []step{{raw: "a", drained: true, before: cancel}, {raw: "b"}, {raw: "c", drained: true}}
		}, "a idle detach b c idle"},
		{"the flush is seen while draining", func(cancel func()) []step {
			return []step{{err: os.ErrDeadlineExceeded, before: cancel}, {raw: "a"}, {err: ringbuf.ErrFlushed}, {raw: "b"}, {}, {raw: "c"}}
		}, "idle detach a b c idle"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		r := &fakeReader{steps: test.steps(cancel)}
		j := new(journal)
		err := (&Source{reader: r}).Run(ctx, j, j.detach)
		qt.Check(t, qt.IsNil(err), qt.Commentf("%s", test.what))
		qt.Check(t, qt.Equals(j.String(), test.want), qt.Commentf("%s", test.what))
		qt.Check(t, qt.HasLen(r.steps, 0), qt.Commentf("%s: left unread", test.what))
		cancel()
	}
}

// TestRunStops has handlers that have seen enough: what comes after is not
// read, neither before nor after detaching.
func TestRunStops(t *testing.T) {
	j := &journal{record: func(raw string) error {
		if raw == "b" {
			return ErrStop
		}
		return nil
	}}
	r := &fakeReader{steps: []step{{raw: "a"}, {raw: "b"}, {raw: "c"}}}
	qt.Assert(t, qt.IsNil((&Source{reader: r}).Run(t.Context(), j, j.detach)))
	qt.Check(t, qt.Equals(j.String(), "a b detach idle"))
	qt.Check(t, qt.Equals(r.reads, 2))

	// In the last records, after the end was ordered.
	ctx, cancel := context.WithCancel(t.Context())
	j.lines = nil
	r = &fakeReader{steps: []step{{raw: "a", drained: true, before: cancel}, {raw: "b"}, {raw: "c"}}}
	qt.Assert(t, qt.IsNil((&Source{reader: r}).Run(ctx, j, j.detach)))
	qt.Check(t, qt.Equals(j.String(), "a idle detach b idle"))
	qt.Check(t, qt.Equals(r.reads, 2))
}

var errBroken = errors.New("broken")

func TestRunErrors(t *testing.T) {
	for _, test := range []struct {
		what   string
		steps  func(cancel func()) []step
		record error // for the record "x"
		idle   error
		detach error
		want   string // the error
		lines  string
	}{
		{what: "read", steps: func(func()) []step { return []step{{raw: "a"}, {err: errBroken}} },
			want: "read records: broken", lines: "a"},
		{what: "closed", steps: func(func()) []step { return []step{{err: os.ErrClosed}} },
			want: "read records: file already closed", lines: ""},
		{what: "record", steps: func(func()) []step { return []step{{raw: "a"}, {raw: "x"}, {raw: "b"}} }, record: errBroken,
			want: "broken", lines: "a x"},
		{what: "idle", steps: func(func()) []step { return []step{{raw: "a", drained: true}, {raw: "b"}} }, idle: errBroken,
			want: "broken", lines: "a idle"},
		{what: "detach", steps: func(cancel func()) []step { return []step{{raw: "a", drained: true, before: cancel}} }, detach: errBroken,
			want: "detach programs: broken", lines: "a idle detach"},
		{what: "last read", steps: func(cancel func()) []step {
			return []step{{raw: "a", drained: true, before: cancel}, {raw: "b"}, {err: errBroken}}
		}, want: "read last records: broken", lines: "a idle detach b"},
		{what: "last record", steps: func(cancel func()) []step {
			return []step{{raw: "a", drained: true, before: cancel}, {raw: "x"}, {raw: "b"}}
		}, record: errBroken, want: "broken", lines: "a idle detach x"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		j := &journal{idle: func() error { return test.idle }, record: func(raw string) error {
			if raw == "x" {
				return test.record
			}
			return nil
		}}
		err := (&Source{reader: &fakeReader{steps: test.steps(cancel)}}).Run(ctx, j, func() error {
			j.detach()
			return test.detach
		})
		qt.Check(t, qt.ErrorMatches(err, test.want), qt.Commentf("%s", test.what))
		qt.Check(t, qt.Equals(j.String(), test.lines), qt.Commentf("%s", test.what))
		cancel()
	}
}

// TestRunIdleLast: the error of the last Idle, which writes what is left, is
// the result.
func TestRunIdleLast(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	j := &journal{idle: func() error {
		if n++; n == 2 {
			return errBroken
		}
		return nil
	}}
	r := &fakeReader{steps: []step{{raw: "a", drained: true, before: cancel}}}
	qt.Assert(t, qt.ErrorIs((&Source{reader: r}).Run(ctx, j, j.detach), errBroken))
	qt.Assert(t, qt.Equals(j.String(), "a idle detach idle"))
}

// TestRunWakes checks that a reader which waits is woken by the end of the
// context: nothing else would, where no events come.
func TestRunWakes(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	flushed := make(chan struct{}, 8)
	r := &blockingReader{flushed: flushed}
	time.AfterFunc(time.Millisecond, cancel)
	done := make(chan error, 1)
	go func() { done <- (&Source{reader: r}).Run(ctx, new(journal), func() error { return nil }) }()
	select {
	case err := <-done:
		qt.Assert(t, qt.IsNil(err))
	case <-time.After(10 * time.Second):
		t.Fatal("nobody woke the reader")
	}
}

// blockingReader waits for a flush, and once for nothing more.
type blockingReader struct {
	flushed chan struct{}
	woken   bool
}

func (r *blockingReader) read() ([]byte, bool, error) {
	if r.woken {
		return nil, false, os.ErrDeadlineExceeded
	}
	<-r.flushed
	r.woken = true
	return nil, false, ringbuf.ErrFlushed
}
func (r *blockingReader) SetDeadline(time.Time) {}
func (r *blockingReader) Flush() error          { r.flushed <- struct{}{}; return nil }
func (r *blockingReader) Close() error          { return nil }

// TestFlood checks that a stream which never drains is flushed in time, ends
// when it should, and is not asked for the time at every record.
func TestFlood(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	records, idles, after := 0, 0, 0
	j := &handler{
		record: func() error {
			records++
			if ctx.Err() != nil {
				after++
			}
			return nil
		},
		idle: func() error {
			if idles++; idles == 2 {
				cancel()
			}
			return nil
		},
	}
	detached := false
	r := &fakeReader{}
	r.last = func() ([]byte, bool, error) {
		if detached {
			return nil, false, os.ErrDeadlineExceeded
		}
		time.Sleep(10 * time.Microsecond)
		return []byte("x"), false, nil
	}
	start := time.Now()
	qt.Assert(t, qt.IsNil((&Source{reader: r}).Run(ctx, j, func() error { detached = true; return nil })))
	took := time.Since(start)

	qt.Check(t, qt.Equals(idles, 3)) // two on the way, one at the end
	qt.Check(t, qt.IsTrue(took >= 2*FlushInterval), qt.Commentf("%v", took))
	qt.Check(t, qt.IsTrue(records > 256), qt.Commentf("%d", records))
	qt.Check(t, qt.IsTrue(after <= 256), qt.Commentf("%d records after the end", after))
}

type handler struct{ record, idle func() error }

func (h *handler) Record([]byte) error { return h.record() }
func (h *handler) Idle() error         { return h.idle() }

// TestDeadlines checks how long the reader may wait.
func TestDeadlines(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r := &fakeReader{steps: []step{{raw: "a"}, {raw: "b", drained: true}, {err: os.ErrDeadlineExceeded, before: cancel}}}
	start := time.Now()
	j := new(journal)
	qt.Assert(t, qt.IsNil((&Source{reader: r}).Run(ctx, j, j.detach)))
	end := time.Now()

	qt.Assert(t, qt.HasLen(r.deadlines, 4)) // at the start, after each Idle, and to drain
	for _, d := range r.deadlines[:3] {
		qt.Check(t, qt.IsTrue(!d.Before(start.Add(FlushInterval)) && !d.After(end.Add(FlushInterval))))
	}
	qt.Check(t, qt.IsFalse(r.deadlines[3].After(end)), qt.Commentf("draining waits for what will not come"))
	qt.Check(t, qt.IsTrue(r.flushes.Load() > 0))
}

// TestRest checks that the reader rests when it has drained the buffers, so
// that the kernel need not wake it for every record, and never longer than a
// reader of lines would notice.
func TestRest(t *testing.T) {
	const drained, rests = 11, 5 // a signal of the runtime ends one or another
	ctx, cancel := context.WithCancel(t.Context())
	var first, last time.Time
	r := &fakeReader{steps: []step{{raw: "a", drained: true, before: func() { first = time.Now() }}}}
	for range drained - 1 {
		r.steps = append(r.steps, step{raw: "b", drained: true})
	}
	r.steps = append(r.steps, step{err: ringbuf.ErrFlushed, before: func() { last = time.Now(); cancel() }})
	j := new(journal)
	qt.Assert(t, qt.IsNil((&Source{reader: r, rest: restTime}).Run(ctx, j, j.detach)))
	qt.Check(t, qt.IsTrue(last.Sub(first) >= rests*restTime), qt.Commentf("%s", last.Sub(first)))
	qt.Check(t, qt.IsTrue(restTime <= FlushInterval/10))
}
