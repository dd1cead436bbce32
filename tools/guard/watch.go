package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/tools/guard/engine"
)

// watch prints alerts as they come, and keeps the account.
type watch struct {
	enforcer
	env     *command.Env
	w       output.Writer[event]
	changes output.Writer[change] // nil but for JSON
	stay    bool                  // the policies stay in force at the end

	event    event
	printed  uint64
	told     uint64 // losses that are told
	nextLook time.Time
}

// lossInterval is how often the kernel's counters are read.
const lossInterval = time.Second

func newWatch(env *command.Env, e enforcer) (*watch, error) {
	w := &watch{enforcer: e, env: env}
	var err error
	if w.w, err = output.New(env.Stdout, env.Format, env.Name, fields, columns, nil); err != nil {
		return nil, err
	}
	if env.Format == "json" {
		w.changes = output.NewJSON(env.Stdout, env.Name, changeFields)
	}
	if err := w.w.Header(); err != nil {
		return nil, err
	}
	return w, w.w.Flush()
}

// changed prints the line about a change of the policies, where the format has one.
func (w *watch) changed(set *policySet, refused error) error {
	if w.changes == nil {
		return nil
	}
	if err := w.w.Flush(); err != nil {
		return err
	}
	enforced, audited := set.rules()
	err := w.changes.Event(&change{
		time: time.Now().UnixNano(), refused: refused, policies: len(set.policies), rules: enforced + audited, files: set.files,
	})
	if err != nil {
		return err
	}
	return w.changes.Flush()
}

// errCounted ends the watch when as many alerts as --count says are printed.
var errCounted = errors.New("counted")

// follow prints alerts until ctx is done, and calls again for every signal.
func (w *watch) follow(ctx context.Context, signals <-chan os.Signal, again func() error) error {
	err := w.loop(ctx, signals, again)
	switch {
	case errors.Is(err, errCounted):
	case err != nil:
		w.w.Flush() // what came before; after a write error it does nothing
		if errors.Is(err, syscall.EPIPE) {
			return w.finish()
		}
		return err
	default:
		if err := w.drain(); err != nil {
			return err
		}
	}
	if err := w.w.Flush(); err != nil {
		return err
	}
	return w.finish()
}

func (w *watch) loop(ctx context.Context, signals <-chan os.Signal, again func() error) error {
	ticks := time.NewTicker(events.FlushInterval)
	defer ticks.Stop()
	w.nextLook = time.Now().Add(lossInterval)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-signals:
			if err := again(); err != nil {
				return err
			}
		case a, ok := <-w.Alerts():
			if !ok {
				return fmt.Errorf("read alerts: they ended")
			}
			if err := w.show(a); err != nil {
				return err
			}
			if len(w.Alerts()) == 0 {
				if err := w.w.Flush(); err != nil {
					return err
				}
			}
		case now := <-ticks.C:
			if err := w.idle(now); err != nil {
				return err
			}
		}
	}
}

// show prints an alert.
func (w *watch) show(a engine.Alert) error {
	w.event.set(a)
	if err := w.w.Event(&w.event); err != nil {
		return err
	}
	w.printed++
	if w.env.Count > 0 && w.printed >= uint64(w.env.Count) {
		return errCounted
	}
	return nil
}

// idle does what is done from time to time.
func (w *watch) idle(now time.Time) error {
	if now.After(w.nextLook) {
		w.nextLook = now.Add(lossInterval)
		if _, lost, err := w.Counters(); err != nil {
			return err
		} else if err := w.tellLoss(lost); err != nil {
			return err
		}
	}
	if err := w.w.Flush(); err != nil {
		return err
	}
	if output.ReaderGone(w.env.Stdout) {
		return syscall.EPIPE
	}
	return nil
}

// tellLoss says what was lost since it last said so.
func (w *watch) tellLoss(total uint64) error {
	if total <= w.told {
		return nil
	}
	lost := total - w.told
	w.told = total
	if w.env.Format != "json" {
		fmt.Fprintf(w.env.Stderr, "%s: lost %d alerts (%d so far): --buffer takes a larger size than %d; verdicts do not depend on it\n",
			w.env.Name, lost, total, w.env.Buffer)
	}
	return w.w.Lost(output.Loss{Time: time.Now().UnixNano(), Counts: []output.Count{{Name: "lost", N: lost}, {Name: "lost_total", N: total}}})
}

// drainTime is how long alerts may be on their way at the end.
const drainTime = 2 * time.Second

// drain takes the policies out of force and prints what they denied before. If they stay
// it prints what they have denied so far: more may come all the time.
func (w *watch) drain() error {
	sofar, _, err := w.Counters()
	if err != nil {
		return err
	}
	if !w.stay {
		if err := w.Set(); err != nil {
			return err
		}
	}
	deadline := time.After(drainTime)
	for {
		seen, lost, err := w.Counters()
		if err != nil {
			return err
		}
		if w.stay {
			seen = sofar
		}
		if w.printed+lost >= seen {
			return w.tellLoss(lost)
		}
		select {
		case a, ok := <-w.Alerts():
			if !ok {
				return w.tellLoss(lost)
			}
			if err := w.show(a); errors.Is(err, errCounted) {
				return nil
			} else if err != nil {
				return err
			}
		case <-deadline:
			return w.tellLoss(lost)
		}
	}
}

// finish tells the account.
func (w *watch) finish() error {
	seen, lost, err := w.Counters()
	if err != nil {
		return err
	}
	if !w.env.Quiet || lost > 0 {
		fmt.Fprintf(w.env.Stderr, "%s: %d alerts = %d printed + %d lost", w.env.Name, seen, w.printed, lost)
		if seen > w.printed+lost {
			fmt.Fprintf(w.env.Stderr, " + %d unread", seen-w.printed-lost)
		}
		fmt.Fprintln(w.env.Stderr)
	}
	if n := w.Skipped(); n > 0 {
		fmt.Fprintf(w.env.Stderr, "%s: %d decisions were skipped by the kernel, and so allowed: it does not ask a program that another task is in the middle of; boot with preempt=voluntary, or a kernel from 6.2 on\n", w.env.Name, n)
	}
	if w.env.FailOnLoss && lost > 0 {
		return errLoss
	}
	return nil
}
