package main

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// floodMetric has many workers make events as fast as they can.
func (b *bench) floodMetric(subjects []subject, l load, targets ...target) metric {
	each := b.floodEach(l)
	m := lossMetric(subjects, l, pace{workers: floodWorkers, each: each}, targets)
	m.name = "flood"
	m.title = "Many workers at once"
	m.load = fmt.Sprintf("%d processes, %s each", floodWorkers, events(each))
	m.text = "Many processes make events, as fast as the machine can, at\n" + lossText
	return m
}

// floodEach is how many events each worker makes: more of what is cheap, but no
// more than it makes in the time of 2000 execs. That fills the buffers
// many times over, and lines of JSON do not fill the disk.
func (b *bench) floodEach(l load) int {
	const longest = 2000
	return min(l.times(b.perWorker, 10), max(b.perWorker, longest*l.cheap))
}

// rateMetric has workers make events at a rate, as long as seconds says.
func (b *bench) rateMetric(subjects []subject, l load, perSecond, seconds int, targets ...target) metric {
	rate, seconds := max(perSecond/b.slower, 1), max(seconds/b.shorter, 1)
	m := lossMetric(subjects, l, pace{workers: rateWorkers, each: max(rate*seconds/rateWorkers, 1), rate: rate}, targets)
	m.name = "rate"
	m.title = "Events at a rate"
	m.load = fmt.Sprintf("%s per second for %d s", events(rate), seconds)
	m.text = fmt.Sprintf("%d processes make events at a fixed rate (what comes late is made up for), at\n", rateWorkers) + lossText
	return m
}

const lossText = `default buffers, stdout to a file. Printed are the lines of those events; told
is the loss that the tool itself reports. For ours it is also checked, in each run, that
*seen = printed + filtered + lost* of its summary adds up to the unit, and that it
printed as many lines as it says.`

// lossMetric counts every event of a load.
func lossMetric(subjects []subject, l load, p pace, targets []target) metric {
	return metric{
		plain: true,
		long:  true,
		figures: []figure{
			{"printed", count}, {"missing", count}, {"loss told", count}, {"events/s", count},
		},
		subjects: subjects,
		targets:  targets,
		measure: func(b *bench, s subject) ([]float64, error) {
			o, err := b.count(s, l, p)
			return []float64{float64(o.printed), float64(o.made - o.printed), float64(o.told), o.rate}, err
		},
	}
}

// outcome is what became of the events of a load.
type outcome struct {
	made, printed int
	told          uint64  // as lost, by the tool
	rate          float64 // events/s
}

// count starts a tool, makes events and counts those that it printed to its end.
func (b *bench) count(s subject, l load, p pace) (outcome, error) {
	t, err := b.startReady(s, tuning{}, l)
	if err != nil {
		return outcome{}, err
	}
	defer t.end()
	began := time.Now()
	if err := b.drive(l, p); err != nil {
		return outcome{}, err
	}
	took := time.Since(began)
	t.out.quiet(500 * time.Millisecond)
	stderr, err := t.finish()
	if err != nil {
		return outcome{}, err
	}
	told, err := t.lossTold(s, stderr)
	made := p.workers * p.each
	return outcome{made, t.out.marks, told, float64(made) / took.Seconds()}, err
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
	if err := a.adds(); err != nil {
		return 0, err
	}
	if lines := uint64(st.out.lines - s.header() - st.out.told); lines != a.printed {
		return 0, fmt.Errorf("it says %d printed, but printed %d lines", a.printed, lines)
	}
	return a.lost, nil
}

// account is the last line of ours on stderr. Printed is what was read where several events make one line.
type account struct{ seen, printed, filtered, lost uint64 }

// adds is an error unless all that was seen is explained.
func (a account) adds() error {
	if rest := int64(a.seen - a.printed - a.filtered - a.lost); rest != 0 {
		return fmt.Errorf("its summary does not add up: %d seen, %d unexplained", a.seen, rest)
	}
	return nil
}

var summaryLine = regexp.MustCompile(`(?m)^\S+: (\d+) seen = (\d+) (?:printed|read) \+ (\d+) filtered \+ (\d+) lost\b`)

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

// lostLine is "Lost 12 events on CPU #0!" of libbpf-tools, "Lost 12 events" of
// bpftrace and "Possibly lost 12 samples" of bcc.
var lostLine = regexp.MustCompile(`(?mi)^(?:possibly )?lost (\d+) (?:events|samples)`)

func sumLost(text string) (sum uint64) {
	for _, m := range lostLine.FindAllStringSubmatch(text, -1) {
		n, _ := strconv.ParseUint(m[1], 10, 64)
		sum += n
	}
	return sum
}
