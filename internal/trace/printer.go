package trace

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/output"
)

// printer takes records, prints events and keeps the account.
type printer[E any] struct {
	*session[E]
	w        output.Writer[E]
	counters func() (events.Counters, error) // of the kernel
	event    E
	existing uint64 // events that the kernel has not counted
	read     uint64 // events that Expand was given
	printed  uint64
	dropped  uint64    // by Keep
	left     uint64    // in the map of pending events, at the end
	told     uint64    // losses already told
	nextLook time.Time // at the kernel's counters
	nextPoll time.Time // whether the reader is still there
}

// lossInterval is how often the kernel's counters are read while running.
const lossInterval = time.Second

func (p *printer[E]) Record(raw []byte) error {
	switch err := p.tool.Decode(p.host, raw, &p.event); {
	case errors.Is(err, ErrNoEvent):
		return nil
	case err != nil:
		return err
	}
	return p.show(&p.event)
}

// begin prints what was there before tracing began.
func (p *printer[E]) begin(existing []*E) error {
	for _, e := range existing {
		if err := p.show(e); err != nil {
			return err
		}
	}
	return nil
}

// show prints an event, or drops it.
func (p *printer[E]) show(e *E) error {
	if p.tool.Keep != nil && !p.tool.Keep(e) {
		p.dropped++
		return nil
	}
	if p.tool.Expand != nil {
		p.read++
		return p.tool.Expand(e, p.print)
	}
	return p.print(e)
}

func (p *printer[E]) print(e *E) error {
	if err := p.w.Event(e); err != nil {
		return err
	}
	p.printed++
	if p.counted() {
		return events.ErrStop
	}
	return nil
}

func (p *printer[E]) Idle() error {
	p.host.Clock.Follow()
	if p.tool.Rest != nil {
		if err := p.tool.Rest(false, p.print); err != nil {
			return err
		}
	}
	if now := time.Now(); now.After(p.nextLook) {
		p.nextLook = now.Add(lossInterval)
		if err := p.tellLoss(); err != nil {
			return err
		}
	}
	if err := p.w.Flush(); err != nil {
		return err
	}
	if now := time.Now(); now.After(p.nextPoll) {
		p.nextPoll = now.Add(events.FlushInterval)
		if output.ReaderGone(p.env.Stdout) {
			return syscall.EPIPE
		}
	}
	return nil
}

// account is the kernel's account and what was filtered here.
func (p *printer[E]) account() (events.Counters, error) {
	c, err := p.counters()
	c.Seen += p.existing
	filtered, _ := p.late()
	c.Filtered += p.dropped + filtered
	c.Seen += p.left
	c.Lost += p.left
	return c, err
}

// late is what the tool says of what it was given.
func (p *printer[E]) late() (filtered, unread uint64) {
	if p.tool.Late == nil {
		return 0, 0
	}
	return p.tool.Late()
}

// countPending counts the events whose end was never seen.
func (p *printer[E]) countPending() error {
	if p.tool.Pending == "" || p.loaded.Collection == nil {
		return nil
	}
	m := p.loaded.Maps[p.tool.Pending]
	key, value := make([]byte, m.KeySize()), make([]byte, m.ValueSize())
	it := m.Iterate()
	for it.Next(&key, &value) {
		p.left++
	}
	if err := it.Err(); err != nil {
		return fmt.Errorf("count what has not ended: %w", err)
	}
	return nil
}

// tellLoss says what was lost since it last said so: a line of type lost in
// JSON, and a line on stderr.
func (p *printer[E]) tellLoss() error {
	c, err := p.account()
	if err != nil || c.Lost <= p.told {
		return err
	}
	lost := c.Lost - p.told
	p.told = c.Lost
	if p.env.Format != "json" {
		fmt.Fprintf(p.env.Stderr, "%s: lost %d events (%d so far): --buffer takes a larger size than %d\n",
			p.env.Name, lost, c.Lost, p.env.Buffer)
	}
	return p.w.Lost(output.Loss{Time: time.Now().UnixNano(), Counts: []output.Count{
		{Name: "lost", N: lost}, {Name: "lost_total", N: c.Lost},
	}})
}

// finish closes the account. err is why reading ended.
func (p *printer[E]) finish(err error) error {
	closed := errors.Is(err, syscall.EPIPE)
	if err != nil && !closed {
		_ = p.w.Flush() // what was decoded before; after a write error it does nothing
		return errors.Join(err, p.loaded.Detach())
	}
	if err := p.countPending(); err != nil {
		return err
	}
	if !closed {
		if err := p.unfinished(); err != nil {
			return err
		}
		if err := p.rest(); err != nil {
			return err
		}
		if err := p.tellLoss(); err != nil {
			return err
		}
		if err := p.w.Flush(); err != nil {
			return err
		}
		if p.tool.Totals != nil {
			var err error
			if p.printed, err = p.printTotals(); err != nil {
				return err
			}
		}
	}
	c, err := p.account()
	if err != nil {
		return err
	}
	remark := ""
	if p.tool.Remark != nil {
		if remark, err = p.tool.Remark(p.loaded.Maps); err != nil {
			return err
		}
	}
	p.summary(c, remark)
	if p.env.FailOnLoss && c.Lost > 0 {
		return errLoss
	}
	if p.tool.Ended != nil {
		return p.tool.Ended()
	}
	return nil
}

// unfinished prints what was begun and not sent, unless --count has been
// reached.
func (p *printer[E]) unfinished() error {
	if p.tool.Unfinished == nil || p.counted() {
		return nil
	}
	if err := p.tool.Unfinished(p.loaded.Maps, p.Record); err != nil && !errors.Is(err, events.ErrStop) {
		return fmt.Errorf("print what is unfinished: %w", err)
	}
	return nil
}

// rest prints what was held back, unless --count has been reached.
func (p *printer[E]) rest() error {
	if p.tool.Rest == nil || p.counted() {
		return nil
	}
	if err := p.tool.Rest(true, p.print); err != nil && !errors.Is(err, events.ErrStop) {
		return fmt.Errorf("print what is left: %w", err)
	}
	return nil
}

// counted reports whether as many events as --count says are printed.
func (p *printer[E]) counted() bool { return p.env.Count > 0 && p.printed >= uint64(p.env.Count) }

// summary tells the account on stderr. With --count, or a reader that left,
// what had been sent and was not printed is told as such.
func (p *printer[E]) summary(c events.Counters, remark string) {
	if p.env.Quiet && c.Lost == 0 && remark == "" {
		return
	}
	how := "printed"
	if p.tool.Totals != nil {
		how = "counted"
	}
	done := p.printed
	if p.tool.Expand != nil {
		filtered, unread := p.late()
		how, done = "read", p.read-filtered-unread
	}
	fmt.Fprintf(p.env.Stderr, "%s: %d seen = %d %s + %d filtered + %d lost",
		p.env.Name, c.Seen, done, how, c.Filtered, c.Lost)
	if told := done + c.Filtered + c.Lost; c.Seen > told {
		fmt.Fprintf(p.env.Stderr, " + %d unread", c.Seen-told)
	}
	if c.Truncated > 0 {
		fmt.Fprintf(p.env.Stderr, "; %d truncated", c.Truncated)
	}
	if c.Unreadable > 0 {
		fmt.Fprintf(p.env.Stderr, "; %d with unreadable memory", c.Unreadable)
	}
	if c.Skipped > 0 {
		fmt.Fprintf(p.env.Stderr, "; %d runs of our programs were skipped by the kernel, perhaps with an event", c.Skipped)
	}
	if p.tool.Expand != nil {
		fmt.Fprintf(p.env.Stderr, "; %d printed", p.printed)
	}
	if remark != "" {
		fmt.Fprintf(p.env.Stderr, "; %s", remark)
	}
	fmt.Fprintln(p.env.Stderr)
}
