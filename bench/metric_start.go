package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"time"
)

// startMetric measures from the start of the process until the first event is
// on the terminal, or comes out of a pipe.
func (b *bench) startMetric(subjects []subject, l load, targets ...target) metric {
	return metric{
		load:  "an event every " + duration(b.apart) + " and what making it takes",
		name:  "start",
		title: "Start to first event",
		text: `From the start of the process until the first line of an event can be read,
while something makes events all the time. On a terminal, as people use
it; and through a pipe, as scripts do. (A tool that leaves buffering to its C
library writes to a pipe only when 4096 bytes have come together.)`,
		figures:  []figure{{"terminal", millis}, {"pipe", millis}},
		subjects: subjects,
		targets:  targets,
		measure: func(b *bench, s subject) ([]float64, error) {
			screen, tty, err := openPty()
			if err != nil {
				return nil, err
			}
			terminal, err := b.firstEvent(s, l, screen, tty)
			if err != nil {
				return nil, fmt.Errorf("terminal: %w", err)
			}
			if b.guest { // a start can take a minute there
				return []float64{float64(terminal), math.NaN()}, nil
			}
			r, w, err := os.Pipe()
			if err != nil {
				return nil, fmt.Errorf("make a pipe: %w", err)
			}
			pipe, err := b.firstEvent(s, l, r, w)
			if err != nil {
				return nil, fmt.Errorf("pipe: %w", err)
			}
			return []float64{float64(terminal), float64(pipe)}, nil
		},
	}
}

// firstEvent closes both ends.
func (b *bench) firstEvent(s subject, l load, read, write *os.File) (time.Duration, error) {
	defer read.Close()
	ctx, cancel := context.WithCancel(b.ctx)
	wait, err := b.startDriving(ctx, l, pace{pause: b.apart})
	if err != nil {
		cancel()
		write.Close()
		return 0, err
	}
	defer wait()
	defer cancel()
	time.Sleep(50 * time.Millisecond) // the worker is under way

	began := time.Now()
	p, err := b.start(s, tuning{}, write)
	write.Close()
	if err != nil {
		return 0, err
	}
	defer p.kill()
	late := time.AfterFunc(b.ready, func() { p.Process.Kill() })
	defer late.Stop()
	seen, err := readUntil(read, []byte(l.mark))
	if err != nil {
		time.Sleep(10 * time.Millisecond) // it closes its output before it ends
		if p.exited() {
			return 0, p.whyEnded(string(seen))
		}
		text, _ := os.ReadFile(p.stderr.Name())
		return 0, fmt.Errorf("wait for the first event: %w\n%s", err, text)
	}
	took := time.Since(began)
	// Nobody reads any more: only the kill that follows is sure to end it.
	return took, nil
}

// readUntil reads until mark has come, and returns all that it has read.
func readUntil(f *os.File, mark []byte) (seen []byte, err error) {
	buf := make([]byte, 64<<10)
	for {
		n, err := f.Read(buf)
		if err != nil {
			return seen, err
		}
		seen = append(seen, buf[:n]...)
		if bytes.Contains(seen, mark) {
			return seen, nil
		}
	}
}
