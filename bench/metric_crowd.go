package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"time"
)

// crowdMetric starts a tool where many processes have the library.
func (b *bench) crowdMetric(subjects []subject, processes int) metric {
	return metric{
		name:  "crowd",
		title: "Start where many processes have the library",
		load:  fmt.Sprintf("%d processes", processes),
		text: `From the start of the process until it says that it traces: with many processes that have the library open (openssl,
which waits for input), and without them.`,
		figures:  []figure{{"with them", millis}, {"without", millis}},
		subjects: subjects,
		native:   true,
		measure: func(b *bench, s subject) ([]float64, error) {
			without, err := b.timeTracing(s)
			if err != nil {
				return nil, err
			}
			for range processes {
				end, err := b.waitWithLibrary()
				if err != nil {
					return nil, err
				}
				defer end()
			}
			with, err := b.timeTracing(s)
			return []float64{float64(with), float64(without)}, err
		},
	}
}

// waitWithLibrary starts a process that has the library open and does nothing.
func (b *bench) waitWithLibrary() (end func(), err error) {
	cmd := exec.CommandContext(b.ctx, "openssl", "sha256")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start one of the crowd: %w", err)
	}
	end = func() { in.Close(); _ = cmd.Wait() }
	for began := time.Now(); time.Since(began) < b.ready; time.Sleep(time.Millisecond) {
		maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", cmd.Process.Pid))
		if err != nil {
			end()
			return nil, fmt.Errorf("look at one of the crowd: %w", err)
		}
		if bytes.Contains(maps, []byte("/libssl.so")) {
			return end, nil
		}
	}
	end()
	return nil, fmt.Errorf("start one of the crowd: it has no libssl after %v", b.ready)
}

// timeTracing is how long it takes until a tool says that it traces.
func (b *bench) timeTracing(s subject) (time.Duration, error) {
	began := time.Now()
	t, err := b.startTracing(s)
	if err != nil {
		return 0, err
	}
	took := time.Since(began)
	defer t.end()
	_, err = t.finish()
	return took, err
}
