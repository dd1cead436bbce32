// Package events brings records from the kernel to a handler: it reads the
// ring or the per-CPU perf buffers, tells the handler when they are drained,
// accounts for every record, and turns the kernel's clock into wall time.
package events

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/perf"
	"github.com/cilium/ebpf/ringbuf"
)

// FlushInterval is the longest time that a record waits in our buffers.
const FlushInterval = 100 * time.Millisecond

// Handler receives records. Its slices are valid until it returns.
type Handler interface {
	// Record handles one record of the kernel.
	Record(raw []byte) error
	// Idle is called when the buffers are drained, and at the latest every
	// [FlushInterval] whether or not records came.
	Idle() error
}

// ErrStop is returned by a handler that has seen enough.
var ErrStop = errors.New("stop")

// reader is what ring and perf readers have in common.
type reader interface {
	read() (raw []byte, drained bool, err error)
	SetDeadline(time.Time)
	Flush() error
	Close() error
}

// Source is an open stream of records.
type Source struct {
	reader
	rest time.Duration // once drained
}

// Open opens the events map, a ring buffer or a perf event array. perCPU is
// the size in bytes of each perf buffer and does not matter for a ring.
func Open(m *ebpf.Map, perCPU int) (*Source, error) {
	if m.Type() == ebpf.RingBuf {
		rd, err := ringbuf.NewReader(m)
		if err != nil {
			return nil, fmt.Errorf("open ring buffer: %w", err)
		}
		return &Source{&ringReader{Reader: rd}, restTime}, nil
	}
	rd, err := perf.NewReader(m, perCPU)
	if err != nil {
		return nil, fmt.Errorf("open perf buffers: %w", err)
	}
	// Drained is one CPU's buffer here; the others may be about to overflow.
	return &Source{&perfReader{Reader: rd}, 0}, nil
}

// Run hands records to h until ctx is done or h returns [ErrStop]. It then
// calls detach, which must stop the programs, and hands over what they had
// sent before. Nothing that was sent is left unread, except after an error.
func (s *Source) Run(ctx context.Context, h Handler, detach func() error) error {
	wake := context.AfterFunc(ctx, func() { s.Flush() })
	defer wake()

	err := s.pump(h, func() bool { return ctx.Err() != nil })
	if err != nil && !errors.Is(err, ErrStop) {
		return err
	}
	stopped := errors.Is(err, ErrStop)
	if err := detach(); err != nil {
		return fmt.Errorf("detach programs: %w", err)
	}
	if !stopped {
		s.Flush()
		if err := s.drain(h); err != nil && !errors.Is(err, ErrStop) {
			return err
		}
	}
	return h.Idle()
}

// pump runs until done says so, and calls Idle in time.
func (s *Source) pump(h Handler, done func() bool) error {
	next := time.Now().Add(FlushInterval)
	s.SetDeadline(next)
	for records := 0; ; records++ {
		raw, drained, err := s.read()
		idle := drained
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, ringbuf.ErrFlushed):
			idle = true
		case err != nil:
			return fmt.Errorf("read records: %w", err)
		case raw != nil:
			if err := h.Record(raw); err != nil {
				return err
			}
		}
		// Asking for the time costs as much as decoding; under a flood every
		// 256th record is often enough.
		if idle || records&0xff == 0 {
			if now := time.Now(); idle || now.After(next) {
				if err := h.Idle(); err != nil {
					return err
				}
				next = now.Add(FlushInterval)
				s.SetDeadline(next)
			}
			if done() {
				return nil
			}
			if drained {
				rest(s.rest)
			}
		}
	}
}

// drain hands over what is in the buffers now.
func (s *Source) drain(h Handler) error {
	s.SetDeadline(time.Now())
	for {
		raw, _, err := s.read()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case errors.Is(err, ringbuf.ErrFlushed):
			continue
		case err != nil:
			return fmt.Errorf("read last records: %w", err)
		}
		if raw == nil {
			continue
		}
		if err := h.Record(raw); err != nil {
			return err
		}
	}
}

type ringReader struct {
	*ringbuf.Reader
	rec ringbuf.Record
}

func (r *ringReader) read() ([]byte, bool, error) {
	if err := r.ReadInto(&r.rec); err != nil {
		return nil, false, err
	}
	return r.rec.RawSample, r.rec.Remaining == 0, nil
}

type perfReader struct {
	*perf.Reader
	rec perf.Record
}

// read ignores the kernel's own count of lost samples: the program that could
// not send has counted them already.
func (r *perfReader) read() ([]byte, bool, error) {
	if err := r.ReadInto(&r.rec); err != nil {
		return nil, false, err
	}
	if r.rec.LostSamples > 0 {
		return nil, false, nil
	}
	return r.rec.RawSample, r.rec.Remaining == 0, nil
}
