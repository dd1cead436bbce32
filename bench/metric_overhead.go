package main

import "time"

// overheadMetric measures how much a workload is slowed down by being traced.
func (b *bench) overheadMetric(subjects []subject, l load, targets ...target) metric {
	many := l.times(b.overhead, 500)
	perEvent := 0 // decimals
	if l.cheap > 0 {
		perEvent = 2
	}
	return metric{
		name:  "overhead",
		title: "Cost to a workload",
		load:  events(many),
		text: `One worker makes events one after the other, as find -exec runs commands, with the tool
running, and without it right before and after. All CPU time counts: of the
worker, of the commands that it runs (the BPF programs run in them), and of the tool itself.
The slowdown is that with the tool over the mean of the two without. (CPU time and not
the time of day, because a machine's other work lengthens only that. Differences
of a few percent are noise, as a slowdown below 1 shows.)`,
		figures: []figure{
			{"slowdown", number(3, "")}, {"CPU per event, untraced", scaled(1e3, perEvent, "µs")},
			{"traced", scaled(1e3, perEvent, "µs")}, {"of which in the tool", scaled(1e3, 1, "µs")},
		},
		subjects: subjects,
		targets:  targets,
		measure: func(b *bench, s subject) ([]float64, error) {
			work := func() (time.Duration, error) { return b.driveTimed(l, pace{each: many}) }
			before, err := work()
			if err != nil {
				return nil, err
			}
			t, err := b.startReady(s, tuning{}, l)
			if err != nil {
				return nil, err
			}
			defer t.end()
			var with time.Duration
			spent, err := t.spends(func() (err error) { with, err = work(); return err })
			if err != nil {
				return nil, err
			}
			if _, err := t.finish(); err != nil {
				return nil, err
			}
			after, err := work()
			n := float64(many)
			without := float64(before+after) / 2 / n
			own := float64(spent) / n
			traced := float64(with)/n + own
			return []float64{traced / without, without, traced, own}, err
		},
	}
}

// spends is the CPU time that a tool takes itself while work is done, and to print what came of it.
func (st *started) spends(work func() error) (time.Duration, error) {
	before, err := st.cpuTime()
	if err != nil {
		return 0, err
	}
	if err := work(); err != nil {
		return 0, err
	}
	st.out.quiet(150 * time.Millisecond)
	after, err := st.cpuTime()
	return after - before, err
}
