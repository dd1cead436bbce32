package main

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// bpfTimeMetric measures the time that the programs take of those who do what
// is traced.
func (b *bench) bpfTimeMetric(subjects []subject, l load, text string, targets ...target) metric {
	hasFloor := slices.ContainsFunc(subjects, subject.isFloor)
	if hasFloor {
		text += " " + floorText
	}
	record := 0 // bytes of those of the first row, which comes before the floor
	return metric{
		checked: true,
		name:    "bpf-time",
		load:    events(l.times(b.bpf, 10)),
		title:   "BPF time per event",
		text: `All BPF programs of the tool together, by the kernel's own clock
(BPF_ENABLE_STATS, as with the sysctl kernel.bpf_stats_enabled), over the number of events; and how often they ran for each. Reading that clock takes longer than a
short program, and is in the time; the net time is without it, as measured with an
empty program. ` + text,
		figures: []figure{
			{"per event", number(0, "ns")}, {"net", number(0, "ns")}, {"runs per event", number(2, "")}, {"per run", number(0, "ns")},
		},
		subjects: subjects,
		targets:  targets,
		measure: func(b *bench, s subject) ([]float64, error) {
			empty, err := clockCost()
			if err != nil {
				return nil, err
			}
			t, objects, err := b.startLoaded(s, tuning{record: record}, l)
			if err != nil {
				return nil, err
			}
			defer t.end()
			// Some warm caches first: programs that have just been loaded are slow.
			if err := b.drive(l, pace{each: l.times(b.bpf, 10) / 4}); err != nil {
				return nil, err
			}
			t.out.quiet(100 * time.Millisecond)
			size, err := t.recordSize(objects)
			if err != nil {
				return nil, err
			}
			stats, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME)
			if err != nil {
				return nil, fmt.Errorf("enable BPF statistics: %w", err)
			}
			err = b.drive(l, pace{each: l.times(b.bpf, 10)})
			stats.Close()
			if err != nil {
				return nil, err
			}
			runs, ns, err := objects.runs()
			if err != nil {
				return nil, err
			}
			// An interrupt while it prints is lost on bcc, which then goes on.
			t.out.quiet(500 * time.Millisecond)
			if hasFloor && s.label() == subjects[0].label() {
				if record, err = size(); err != nil {
					return nil, err
				}
				fmt.Fprintf(os.Stderr, "bench: a record has %d bytes\n", record)
			}
			_, err = t.finish()
			n := float64(l.times(b.bpf, 10))
			if s.runs > 0 {
				n = float64(runs) / float64(s.runs) // other processes' events too
			}
			return []float64{ns / n, (ns - float64(runs)*empty) / n, float64(runs) / n, ns / float64(runs)}, err
		},
	}
}
