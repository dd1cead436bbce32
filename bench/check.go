package main

import (
	"fmt"
	"math"
	"os"
	"strings"
)

// least is how much worse a figure may be, of what it was, if all runs of it were alike.
const least = 0.1

// checker compares what is measured now with what was saved, and keeps the complaints.
type checker struct {
	all     map[string]saved // the samples of the committed page
	metrics map[string]metric
	worse   []string
	checked int
}

func newChecker(all map[string]saved) *checker {
	c := &checker{all: all, metrics: make(map[string]metric)}
	b := &bench{commands: commands(), sizes: fullSizes}
	for _, m := range b.metrics() {
		c.metrics[m.name] = m
	}
	return c
}

// take is given each metric as it was measured.
func (c *checker) take(name string, now saved) error {
	m, ok := c.metrics[metricOf(name)]
	if !ok {
		return fmt.Errorf("%s: no such metric", name)
	}
	old, hadOld := c.all[name].result(m)
	r, ok := now.result(m)
	if !ok || !hadOld {
		fmt.Fprintf(os.Stderr, "bench: %s: nothing to compare with\n", name)
		return nil
	}
	n, worse := r.worseThan(&old)
	c.checked += n
	for _, w := range worse {
		c.worse = append(c.worse, name+": "+w)
	}
	return nil
}

// verdict is an error if anything got worse, or if nothing could be compared.
func (c *checker) verdict() error {
	switch {
	case len(c.worse) > 0:
		return fmt.Errorf("worse than committed:\n%s", strings.Join(c.worse, "\n"))
	case c.checked == 0:
		return fmt.Errorf("nothing was compared: are there samples of this kind of machine in %s?", savedFile)
	}
	fmt.Fprintf(os.Stderr, "bench: %d figures are no worse than committed\n", c.checked)
	return nil
}

// worseThan compares the first figure of ours with what it was: in relation to each peer that was measured both
// times, and by itself where there is none. It tells how many figures it compared.
func (r *result) worseThan(old *result) (compared int, worse []string) {
	for i, s := range r.subjects {
		if !s.ours() {
			continue
		}
		peers := 0
		for _, p := range r.peers() {
			k, _ := r.find(p, s.mode)
			was := ratios(old.samples[i][0], old.samples[k][0])
			// The least of several runs is the one that nothing else disturbed.
			is := summarize(r.samples[i][0]).min / summarize(r.samples[k][0]).min
			if was.n == 0 || math.IsNaN(is) {
				continue
			}
			peers++
			if limit := was.limit(); is > limit {
				worse = append(worse, fmt.Sprintf("%s is %s of %s, and was %s (at most %s)", s.label(), ratioText(is), p, ratioText(was.median), ratioText(limit)))
			}
		}
		was, is := summarize(old.samples[i][0]), summarize(r.samples[i][0])
		if peers == 0 && was.n > 0 && is.n > 0 {
			peers++
			format := r.figures[0].format
			if limit := was.limit(); is.min > limit {
				worse = append(worse, fmt.Sprintf("%s is %s, and was %s (at most %s)", s.label(), format(is.min), format(was.median), format(limit)))
			}
		}
		compared += peers
	}
	return compared, worse
}

// limit is the most that is not worse: as far above the greatest as that is above the least.
func (s stats) limit() float64 { return math.Max(s.max+(s.max-s.min), s.median*(1+least)) }

// metricOf is the name without the key of a guest.
func metricOf(name string) string {
	parts := strings.Split(name, "/")
	return strings.Join(parts[max(0, len(parts)-2):], "/")
}
