package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/tools/argdist/gen"
)

// reason is one of the ways to lose an event.
type reason struct {
	name, what string
	get        func(*gen.Counters) uint64
}

var reasons = []reason{
	{"lost_fault", "whose memory could not be read", func(c *gen.Counters) uint64 { return c.Fault }},
	{"lost_division", "that divided by zero", func(c *gen.Counters) uint64 { return c.Divide }},
	{"lost_entry", "whose entry was not seen", func(c *gen.Counters) uint64 { return c.NoEntry }},
	{"lost_full", "for whose key there was no room (--keys takes more)", func(c *gen.Counters) uint64 { return c.Full }},
	{"lost_stack", "whose stack could not be taken", func(c *gen.Counters) uint64 { return c.NoStack }},
}

// account is what became of all events, and of what may have been some.
type account struct {
	gen.Counters
	skipped uint64 // runs of our programs, by the kernel
	missed  uint64 // calls and returns that did not come to them
}

// counters adds up those of all tables.
func (s *session) counters() (sum gen.Counters, err error) {
	for _, t := range s.sources {
		c, err := t.counters()
		if err != nil {
			return sum, err
		}
		sum.Add(c)
	}
	return sum, nil
}

// lossSince is what was lost since before, in numbers and in words; no words if it is
// nothing.
func (a *account) lossSince(before *account) (counts []output.Count, words string) {
	var parts []string
	var lost uint64
	for _, r := range reasons {
		n := r.get(&a.Counters) - r.get(&before.Counters)
		counts = append(counts, output.Count{Name: r.name, N: n})
		if lost += n; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, r.what))
		}
	}
	counts = append([]output.Count{{Name: "lost", N: lost}}, counts...)
	counts = append(counts, output.Count{Name: "skipped", N: a.skipped - before.skipped}, output.Count{Name: "missed", N: a.missed - before.missed})
	if lost > 0 {
		words = fmt.Sprintf("lost %d events: %s", lost, strings.Join(parts, ", "))
	}
	return counts, words
}

// complete reports whether nothing is known to be missing.
func (a *account) complete() bool { return a.Lost() == 0 && a.skipped == 0 && a.missed == 0 }

// String is the line that everything ends with.
func (a *account) String() string {
	line := fmt.Sprintf("%d seen = %d counted + %d filtered + %d lost", a.Seen, a.Counted, a.Filtered, a.Lost())
	if rest := a.Seen - a.Counted - a.Filtered - a.Lost(); rest != 0 {
		line += fmt.Sprintf(" + %d under way", int64(rest))
	}
	if a.NoRoom > 0 {
		line += fmt.Sprintf("; %d calls could not be remembered until they return", a.NoRoom)
	}
	if a.skipped > 0 {
		line += fmt.Sprintf("; %d runs of our programs were skipped by the kernel, perhaps with an event", a.skipped)
	}
	if a.missed > 0 {
		line += fmt.Sprintf("; %d calls or returns were missed by the kernel's probes, perhaps with an event", a.missed)
	}
	return line
}

// tellLoss tells what was lost since the last time: in the output where the format
// has lines for it, and on stderr. What may have been an event is told at the end.
func (s *session) tellLoss(now time.Time) error {
	c, err := s.counters()
	if err != nil {
		return err
	}
	is := account{Counters: c}
	counts, words := is.lossSince(&s.told)
	s.told = is
	if words == "" {
		return nil
	}
	fmt.Fprintf(s.env.Stderr, "%s: %s\n", s.env.Name, words)
	return s.printer.Lost(output.Loss{Time: now.UnixNano(), Counts: counts})
}

// finish tells the sums, and what the command ends with.
func (s *session) finish(err error) error {
	c, cErr := s.counters()
	if cErr != nil {
		return cErr
	}
	a := account{Counters: c}
	for _, t := range s.sources {
		skipped, missed := t.missing()
		a.skipped += skipped
		a.missed += missed
	}
	if !s.env.Quiet || !a.complete() {
		fmt.Fprintf(s.env.Stderr, "%s: %s\n", s.env.Name, &a)
	}
	if err == nil && a.skipped+a.missed > 0 {
		counts, _ := a.lossSince(&s.told)
		err = s.printer.Lost(output.Loss{Time: time.Now().UnixNano(), Counts: counts})
	}
	lost := a.Lost()
	if s.family != nil {
		n, fErr := s.family.missed()
		if fErr != nil {
			return fErr
		}
		if lost += n; n > 0 {
			fmt.Fprintf(s.env.Stderr, "%s: --follow: %d children were not followed, for there were %d processes already\n", s.env.Name, n, maxFamily)
		}
	}
	if err == nil && s.env.FailOnLoss && lost > 0 {
		err = errLoss
	}
	return err
}

// banner says that tracing has begun, and with -v where it stands.
func (s *session) banner() {
	if s.cfg.verbose {
		for _, t := range s.sources {
			h := t.hook()
			for _, line := range h.lines() {
				fmt.Fprintf(s.env.Stderr, "%s\n", output.AppendEscaped(nil, []byte(line)))
			}
			for _, program := range t.listings() {
				fmt.Fprintf(s.env.Stderr, "%s\n", program)
			}
		}
	}
	if !s.env.Quiet {
		fmt.Fprintf(s.env.Stderr, "%s: tracing, Ctrl-C to end\n", s.env.Name)
	}
}
