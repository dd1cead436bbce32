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
	load     string // of how much, on this machine
	figures  []figure
	subjects []subject
	targets  []target
	plain    bool                                     // no ratios
	long     bool                                     // takes all CPUs for long: at ordinary priority
	steady   bool                                     // hardly differs between runs: one is enough where runs take long
	checked  bool                                     // holds on a busy machine, and so is compared with the committed page
	native   bool                                     // has nothing to do with the kernel, or takes too long where that is emulated
	prepare  func(*bench) error                       // nil, or what is to be done before
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
	native bool // a time or a rate, which an emulated machine cannot keep to
}

// result is a measured metric: samples[subject][figure][run].
type result struct {
	metric
	measured string // when, and which version of ours
	machine  string
	packages []string // of the peers, with versions
	samples  [][][]float64
	failures []string // of each subject: why it has no samples, or ""
}

// measure takes the samples in turns. A peer that fails is told, not tried
// again, and the page says why it has no samples; a failure of ours ends the run, unless
// this kernel lacks what the command needs. The virtual machine's lacks nothing.
func (b *bench) measure(m metric) (result, error) {
	runs := b.runs
	if m.steady && b.guest {
		runs = 1
	}
	r := result{metric: m, measured: b.measured(runs), machine: b.machine()}
	r.samples, r.failures = make([][][]float64, len(m.subjects)), make([]string, len(m.subjects))
	busy := b.busy
	if m.prepare != nil {
		if err := m.prepare(b); err != nil {
			return r, fmt.Errorf("prepare: %w", err)
		}
	}
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
	for run := range runs {
		for i, s := range m.subjects {
			if run > 0 && (r.failures[i] != "" || b.guest && s.slow) {
				continue
			}
			b.settle()
			values, err := m.measure(b, s)
			if b.ctx.Err() != nil {
				return r, context.Cause(b.ctx)
			}
			if err != nil && s.ours() && (b.guest || !lacksFeature(err)) {
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
				r.failures[i] = reasonFor(err)
			}
			fmt.Fprintf(os.Stderr, "bench: %s %d/%d %s: %s\n", m.name, run+1, runs, s.label(), strings.Join(told, ", "))
		}
	}
	if n := b.busy - busy; n > 0 {
		r.measured += fmt.Sprintf("; %d of %d samples while something else kept the machine busy", n, runs*len(m.subjects))
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
