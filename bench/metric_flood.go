package main

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// floodMetric has many workers make events as fast as they can.
func floodMetric(subjects []subject, l load, perWorker int, targets ...target) metric {
	return metric{
		name:  "flood",
		plain: true,
		long:  true,
		title: "Many workers at once",
		text: fmt.Sprintf("%d processes make %s events each", floodWorkers, count(float64(perWorker))) + `, as fast as the machine can, at
default buffers, stdout to a file. Printed are the lines of those events; told
is the loss that the tool itself reports. For ours it is also checked, in each run, that
*seen = printed + filtered + lost* of its summary adds up to the unit, and that it
printed as many lines as it says.`,
		figures: []figure{
			{"printed", count}, {"missing", count}, {"loss told", count}, {"events/s", count},
		},
		subjects: subjects,
		targets:  targets,
		measure: func(b *bench, s subject) ([]float64, error) {
			t, err := b.startReady(s, tuning{}, l)
			if err != nil {
				return nil, err
			}
			defer t.end()
			began := time.Now()
			if err := b.drive(l, pace{workers: floodWorkers, each: b.perWorker}); err != nil {
				return nil, err
			}
			took := time.Since(began)
			t.out.quiet(500 * time.Millisecond)
			stderr, err := t.finish()
			if err != nil {
				return nil, err
			}
			told, err := t.lossTold(s, stderr)
			if err != nil {
				return nil, err
			}
			made := floodWorkers * b.perWorker
			return []float64{
				float64(t.out.marks), float64(made - t.out.marks), float64(told), float64(made) / took.Seconds(),
			}, nil
		},
	}
}

// lossTold reads a tool's own account, and checks ours.
func (st *started) lossTold(s subject, stderr string) (uint64, error) {
	if !s.ours() {
		// bpftrace tells it on stdout, among the events.
		out, err := st.out.text()
		return sumLost(stderr) + sumLost(out), err
	}
	a, err := parseSummary(stderr)
	if err != nil {
		return 0, err
	}
	if rest := int64(a.seen - a.printed - a.filtered - a.lost); rest != 0 {
		return 0, fmt.Errorf("its summary does not add up: %d seen, %d unexplained", a.seen, rest)
	}
	const header = 1
	if lines := uint64(st.out.lines - header); lines != a.printed {
		return 0, fmt.Errorf("it says %d printed, but printed %d lines", a.printed, lines)
	}
	return a.lost, nil
}

// account is the last line of ours on stderr.
type account struct{ seen, printed, filtered, lost uint64 }

var summaryLine = regexp.MustCompile(`(?m)^\S+: (\d+) seen = (\d+) printed \+ (\d+) filtered \+ (\d+) lost\b`)

func parseSummary(stderr string) (account, error) {
	m := summaryLine.FindStringSubmatch(stderr)
	if m == nil {
		return account{}, fmt.Errorf("no summary on stderr: %q", stderr)
	}
	var n [4]uint64
	for i := range n {
		var err error
		if n[i], err = strconv.ParseUint(m[i+1], 10, 64); err != nil {
			return account{}, fmt.Errorf("parse summary: %w", err)
		}
	}
	return account{n[0], n[1], n[2], n[3]}, nil
}

// lostLine is "Lost 12 events on CPU #0!" of libbpf-tools and "Lost 12 events"
// of bpftrace.
var lostLine = regexp.MustCompile(`(?mi)^lost (\d+) events`)

func sumLost(text string) (sum uint64) {
	for _, m := range lostLine.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.ParseUint(m[1], 10, 64)
		sum += n
	}
	return sum
}
