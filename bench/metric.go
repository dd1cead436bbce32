package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
)

// metric is one table of the page: some figures of some subjects.
type metric struct {
	name     string // "command/what", for -only
	title    string
	text     string // what is measured, how, and what to know about it
	figures  []figure
	subjects []subject
	targets  []target
	plain    bool                                     // no ratios
	long     bool                                     // takes all CPUs for long: at ordinary priority
	measure  func(*bench, subject) ([]float64, error) // one sample of each figure
}

// figure is a column.
type figure struct {
	name   string
	format func(float64) string
}

// target is a promise about one of our figures: an absolute limit, or one
// relative to a peer.
type target struct {
	text   string
	figure int
	mode   string // ours
	peer   string // "": limit is absolute
	limit  float64
	atMost bool // else at least
}

// result is a measured metric: samples[subject][figure][run].
type result struct {
	metric
	measured string // when, and which version of ours
	machine  string
	samples  [][][]float64
}

// measure takes the samples in turns. A peer that fails is told and left out;
// a failure of ours ends the run.
func (b *bench) measure(m metric) (result, error) {
	r := result{metric: m, measured: b.measured(), machine: machine(), samples: make([][][]float64, len(m.subjects))}
	busy := b.busy
	for i := range r.samples {
		r.samples[i] = make([][]float64, len(m.figures))
	}
	nice := measuringNice
	if m.long {
		nice = 0 // others shall live
	}
	if err := renice(nice); err != nil {
		return r, err
	}
	for run := range b.runs {
		for i, s := range m.subjects {
			b.settle()
			values, err := m.measure(b, s)
			if b.ctx.Err() != nil {
				return r, context.Cause(b.ctx)
			}
			if err != nil && s.ours() {
				return r, fmt.Errorf("%s: %w", s.label(), err)
			}
			if err == nil && len(values) != len(m.figures) {
				return r, errors.New("as many values as figures expected")
			}
			told := make([]string, len(m.figures))
			for j, f := range m.figures {
				v := math.NaN()
				if err == nil {
					v = values[j]
				}
				r.samples[i][j] = append(r.samples[i][j], v)
				told[j] = f.name + " " + f.format(v)
			}
			if err != nil {
				told = []string{err.Error()}
			}
			fmt.Fprintf(os.Stderr, "bench: %s %d/%d %s: %s\n", m.name, run+1, b.runs, s.label(), strings.Join(told, ", "))
		}
	}
	if n := b.busy - busy; n > 0 {
		r.measured += fmt.Sprintf("; %d of %d samples while something else kept the machine busy", n, b.runs*len(m.subjects))
	}
	return r, nil
}

// find is the index of a subject; a peer that lacks the mode is compared as it
// is by default.
func (r *result) find(tool, mode string) (int, bool) {
	fallback := -1
	for i, s := range r.subjects {
		if s.tool == tool && s.mode == mode {
			return i, true
		}
		if s.tool == tool && s.mode == "" {
			fallback = i
		}
	}
	return fallback, fallback >= 0 && tool != ours
}

// check gives the figure that t limits and whether it is kept.
func (r *result) check(t target) (value float64, kept bool) {
	i, ok := r.find(ours, t.mode)
	if !ok {
		return math.NaN(), false
	}
	value = summarize(r.samples[i][t.figure]).median
	if t.peer != "" {
		j, ok := r.find(t.peer, t.mode)
		if !ok {
			return math.NaN(), false
		}
		value = pairRatio(r.samples[i][t.figure], r.samples[j][t.figure])
	}
	if t.atMost {
		return value, value <= t.limit
	}
	return value, value >= t.limit
}
