package main

import (
	"fmt"
	"strings"
	"time"
)

// workloadMetric measures what a tool costs those who do something real. l is
// what tells when the tool is tracing.
func (b *bench) workloadMetric(subjects []subject, l load, workloads ...workload) metric {
	var figures []figure
	var sizes []string
	for _, w := range workloads {
		figures = append(figures, figure{w.name, number(3, "")})
		sizes = append(sizes, fmt.Sprintf("%s %d×", w.name, b.timesOf(w)))
	}
	figures = append(figures, figure{"loss told", count})
	return metric{
		name:   "workload",
		title:  "Cost to real work",
		native: true, // emulated, each of them would take minutes
		plain:  true,
		load:   strings.Join(sizes, ", "),
		text: fmt.Sprintf(`What people do on a machine where the tool happens to run, which has nothing to filter by, and in a project of
%d headers and %d small files in C that is generated for it and kept in git: make compiles all of it; find
lists the headers, and xargs has a command look at four of them at a time; tar and grep -r read them all. The figures are
slowdowns, of all CPU time of the work with the tool running, that of the tool itself included, over the mean of two
runs without, one before and one after. Who loses events is spared the work for them: the last column is how many each
tool itself told as lost. (Differences of a few percent are noise, as a slowdown below 1 shows.)`,
			workFolders*workHeaders, workSources),
		figures:  figures,
		subjects: subjects,
		prepare:  func(b *bench) error { return b.prepareWork(workloads) },
		measure: func(b *bench, s subject) ([]float64, error) {
			return b.slowdowns(s, l, workloads)
		},
	}
}

// slowdowns does all workloads three times in the same order, so that a run with
// the tool is in the middle of those without. Behind them is what the tool lost.
func (b *bench) slowdowns(s subject, l load, workloads []workload) ([]float64, error) {
	n := len(workloads)
	before, with, after := make([]time.Duration, n), make([]time.Duration, n), make([]time.Duration, n)
	untraced := func(took []time.Duration) (err error) {
		for i, w := range workloads {
			if took[i], err = b.doWork(w); err != nil {
				return err
			}
		}
		return nil
	}
	if err := untraced(before); err != nil {
		return nil, err
	}
	t, err := b.startReady(s, tuning{}, l)
	if err != nil {
		return nil, err
	}
	defer t.end()
	for i, w := range workloads {
		own, err := t.spends(func() (err error) { with[i], err = b.doWork(w); return err })
		if err != nil {
			return nil, err
		}
		with[i] += own
	}
	stderr, err := t.finish()
	if err != nil {
		return nil, err
	}
	lost, err := t.lossTold(s, stderr)
	if err != nil {
		return nil, err
	}
	if err := untraced(after); err != nil {
		return nil, err
	}
	slowdowns := make([]float64, n, n+1)
	for i := range workloads {
		slowdowns[i] = float64(with[i]) / (float64(before[i]+after[i]) / 2)
	}
	return append(slowdowns, float64(lost)), nil
}
