package main

import (
	"math"
	"time"
)

// overheadMetric measures how much a workload is slowed down by being traced.
func overheadMetric(subjects []subject, l load, commands int, targets ...target) metric {
	return metric{
		name:  "overhead",
		title: "Cost to a workload",
		text: `One worker runs ` + count(float64(commands)) + ` commands one after the other, as find -exec does, with the tool
running and without it, right before and after. The slowdown is the
time with the tool over the mean of the two without. Everything that tracing
costs is in it: the BPF programs, and the tool's own work on the same CPUs.`,
		figures:  []figure{{"slowdown", number(3, "")}, {"time per event", scaled(1e3, 0, "µs")}},
		subjects: subjects,
		targets:  targets,
		measure: func(b *bench, s subject) ([]float64, error) {
			before, err := b.timeLoad(l)
			if err != nil {
				return nil, err
			}
			t, err := b.startReady(s, tuning{}, l)
			if err != nil {
				return nil, err
			}
			defer t.end()
			with, err := b.timeLoad(l)
			if err != nil {
				return nil, err
			}
			if _, err := t.finish(); err != nil {
				return nil, err
			}
			after, err := b.timeLoad(l)
			without := math.Max(1, float64(before+after)/2)
			return []float64{float64(with) / without, float64(with) / float64(b.overhead)}, err
		},
	}
}

func (b *bench) timeLoad(l load) (time.Duration, error) {
	began := time.Now()
	err := b.drive(l, pace{each: b.overhead})
	return time.Since(began), err
}
