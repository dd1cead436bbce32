package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// memoryMetric measures resident memory at its peak.
func (b *bench) memoryMetric(subjects []subject, l load, targets ...target) metric {
	return metric{
		load:     events(b.memory),
		steady:   true,
		checked:  true,
		name:     "memory",
		title:    "Memory of the process",
		text:     "The most that was ever resident (VmHWM of /proc/PID/status), after many events.",
		figures:  []figure{{"peak RSS", megabytes}},
		subjects: subjects,
		targets:  targets,
		measure: func(b *bench, s subject) ([]float64, error) {
			t, err := b.startReady(s, tuning{}, l)
			if err != nil {
				return nil, err
			}
			defer t.end()
			if err := b.drive(l, pace{each: b.memory}); err != nil {
				return nil, err
			}
			t.out.quiet(300 * time.Millisecond)
			text := field(fmt.Sprintf("/proc/%d/status", t.Process.Pid), "VmHWM")
			kib, err := strconv.ParseFloat(strings.TrimSuffix(text, " kB"), 64)
			if err != nil {
				return nil, fmt.Errorf("read peak memory %q: %w", text, err)
			}
			_, err = t.finish()
			return []float64{kib * 1024}, err
		},
	}
}

// kernelMemoryMetric measures what the tool keeps in the kernel.
func kernelMemoryMetric(subjects []subject, l load, targets ...target) metric {
	return metric{
		checked: true,
		name:    "kernel-memory",
		steady:  true,
		title:   "Memory in the kernel",
		text: `The kernel's own account (memlock of /proc/PID/fdinfo) of each BPF map and
program, once each: those that the process holds, and the maps that its programs
use. Perf buffers are not in that account and belong to no map; their size is
that of the process's mappings of them. The total is of all three.`,
		figures: []figure{
			{"total", megabytes}, {"maps", megabytes}, {"programs", scaled(1e3, 0, "kB")}, {"perf buffers", megabytes},
		},
		subjects: subjects,
		targets:  targets,
		measure: func(b *bench, s subject) ([]float64, error) {
			t, objects, err := b.startLoaded(s, tuning{}, l)
			if err != nil {
				return nil, err
			}
			defer t.end()
			maps, progs, err := objects.memory()
			if err != nil {
				return nil, err
			}
			buffers, err := perfBuffers(t.Process.Pid)
			if err != nil {
				return nil, err
			}
			var perf int
			for _, size := range buffers {
				perf += size
			}
			_, err = t.finish()
			return []float64{float64(maps) + float64(progs) + float64(perf), float64(maps), float64(progs), float64(perf)}, err
		},
	}
}
