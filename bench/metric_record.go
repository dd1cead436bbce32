package main

import (
	"fmt"
	"time"
)

// recordMetric measures how much of the buffer an event takes, from outside.
func recordMetric(subjects []subject, l load, targets ...target) metric {
	return metric{
		checked: true,
		name:    "record",
		steady:  true,
		title:   "Bytes per event in the buffer",
		text: `The reader is stopped (SIGSTOP) with its buffers empty, then more events are
made than fit, all on one CPU, and the reader goes on: the size of the buffer
over the number of events that it then prints. This counts all that an event
costs, the kernel's heads of records and alignment included. Our buffer is set
to 64 KiB for this; a peer's is the perf buffer of one CPU as it is mapped, or its ring.`,
		figures:  []figure{{"per event", number(0, "B")}, {"buffer", scaled(1024, 0, "KiB")}, {"events that fit", count}},
		subjects: subjects,
		targets:  targets,
		measure: func(b *bench, s subject) ([]float64, error) {
			const ring = 64 << 10
			many := l.times(b.record, 4)
			if s.ours() { // whose buffer is a quarter of most others
				many /= 4
			}
			t, err := b.startReady(s, tuning{buffer: "64K"}, l)
			if err != nil {
				return nil, err
			}
			defer t.end()
			size := ring
			if !s.ours() {
				if size, err = peerBuffer(t.Process.Pid); err != nil {
					return nil, err
				}
			}
			if err := t.freeze(); err != nil {
				return nil, err
			}
			if err := b.drive(l, pace{each: many, oneCPU: true}); err != nil {
				return nil, err
			}
			if err := t.thaw(); err != nil {
				return nil, err
			}
			t.out.quiet(500 * time.Millisecond)
			if _, err := t.finish(); err != nil {
				return nil, err
			}
			if t.out.marks == 0 || t.out.marks == many {
				return nil, fmt.Errorf("the buffer held %d of %d events: it must overflow", t.out.marks, many)
			}
			return []float64{float64(size) / float64(t.out.marks), float64(size), float64(t.out.marks)}, nil
		},
	}
}

// peerBuffer is the size of what one CPU's records go through.
func peerBuffer(pid int) (int, error) {
	buffers, err := perfBuffers(pid)
	if err != nil {
		return 0, err
	}
	if len(buffers) > 0 {
		return buffers[0], nil
	}
	objects, err := objectsOf(pid)
	if err != nil {
		return 0, err
	}
	return objects.ring()
}
