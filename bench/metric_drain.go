package main

import (
	"fmt"
	"time"
)

// drainMetric measures how fast events become lines when there is no lack of
// them.
func (b *bench) drainMetric(subjects []subject, l load, fits peerFits, targets ...target) metric {
	return metric{
		name:  "drain",
		load:  events(b.drain),
		title: "Lines per second",
		text: `How fast a full buffer becomes lines in a file. The reader is stopped
(SIGSTOP), events are made that fit, and the reader goes on: the lines over the
time until the last of them is in the file, and over the CPU time (all threads,
user and kernel) that it took. Ours with --buffer 64M, all at once; a peer with
the buffers that it has, as often as it takes to come to the same number (at most 40
times).`,
		figures: []figure{
			{"lines/s", count}, {"lines per CPU second", count}, {"CPU per line", scaled(1e3, 1, "µs")}, {"lines", count},
		},
		subjects: subjects,
		targets:  targets,
		measure: func(b *bench, s subject) ([]float64, error) {
			t, err := b.startReady(s, tuning{buffer: "64M"}, l)
			if err != nil {
				return nil, err
			}
			defer t.end()
			if err := t.out.read(); err != nil {
				return nil, err
			}
			before := t.out.lines
			var wall, cpu time.Duration
			batch := fits.of(s, b.drain)
			for round := 0; round*batch < b.drain && round < 40; round++ {
				w, c, err := b.drainOnce(t, l, batch)
				if err != nil {
					return nil, err
				}
				wall, cpu = wall+w, cpu+c
			}
			if err := t.out.read(); err != nil {
				return nil, err
			}
			lines := float64(t.out.lines - before)
			if _, err := t.finish(); err != nil {
				return nil, err
			}
			return []float64{lines / wall.Seconds(), lines / cpu.Seconds(), float64(cpu.Nanoseconds()) / lines, lines}, nil
		},
	}
}

// peerFits is how many events the buffers of each peer surely hold, all of one CPU. Those of
// ours hold all of them.
type peerFits map[string]int

func (f peerFits) of(s subject, most int) int {
	if n, ok := f[s.tool]; ok {
		return min(n, most)
	}
	return most
}

// smallFits: less than 200 bytes an event, and perf buffers of 256 KiB per CPU, of bcc
// of 32 KiB.
var smallFits = peerFits{"libbpf-tools": 1000, "bcc": 150, "bpftrace": 1000}

// drainOnce fills the buffers and has them emptied.
func (b *bench) drainOnce(t *started, l load, events int) (wall, cpu time.Duration, err error) {
	if err := t.freeze(); err != nil {
		return 0, 0, err
	}
	// Both CPUs fill their buffers; two workers keep them even.
	if err := b.drive(l, pace{workers: 2, each: events / 2}); err != nil {
		return 0, 0, err
	}
	cpu1, err := t.cpuTime()
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	if err := t.thaw(); err != nil {
		return 0, 0, fmt.Errorf("go on: %w", err)
	}
	last := t.out.quiet(150 * time.Millisecond)
	cpu2, err := t.cpuTime()
	return last.Sub(began), cpu2 - cpu1, err
}
