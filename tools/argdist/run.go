package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/filter"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/tools/argdist/gen"
	"github.com/ringside-tools/ringside/tools/argdist/probe"
	"github.com/ringside-tools/ringside/tools/argdist/report"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// session is one run of the command.
type session struct {
	cfg     *config
	env     *command.Env
	host    *probe.Host
	filter  *filter.Filter
	sieve   gen.Sieve            // of all plans
	shared  map[string]*ebpf.Map // that the sieve looks into
	family  *family              // of --follow, or nil
	plans   []*plan
	sources []source
	frames  *frames
	printer report.Printer

	outputs uint64
	began   time.Time // of the interval; with -c of the first
	told    account
}

// run is what the flags ask for.
func run(ctx context.Context, cfg *config, env *command.Env) error {
	if err := cfg.resolve(env); err != nil {
		return err
	}
	s := &session{cfg: cfg, env: env, host: probe.NewHost(), frames: newFrames()}
	s.host.Rung, s.host.BTF = env.Rung, env.BTF
	defer s.host.Close()
	defer s.unshare()
	if env.BTF != "" {
		if _, err := s.host.Types(); err != nil {
			return &command.UsageError{Err: fmt.Errorf("--btf: %w", err)}
		}
	}
	switch {
	case cfg.list != "":
		return s.list()
	case cfg.backend == bccBackend:
		return s.runWithBCC(ctx)
	case cfg.explain != "":
		return s.explain()
	}
	for _, header := range cfg.includes {
		fmt.Fprintf(env.Stderr, "%s: -I %s: not needed: types come from the kernel itself and from debug information\n",
			env.Name, output.AppendEscaped(nil, []byte(header)))
	}
	ready := loader.WhileLoading()
	err := s.prepare()
	ready()
	if err != nil {
		if env.Check {
			return s.check(err)
		}
		return err
	}
	defer s.close()
	if env.Check {
		return s.check(nil)
	}
	if err := s.drop(); err != nil {
		return err
	}
	return s.follow(ctx)
}

// prepare understands and attaches all specifiers, or none.
func (s *session) prepare() error {
	if err := s.resolve(); err != nil {
		return err
	}
	for _, w := range s.cfg.wanted() {
		p, err := understand(w, s.cfg, s.env, s.host)
		if errors.Is(err, os.ErrPermission) { // of tracefs
			if err := preflight.Capabilities(s.env.Name, append(s.needs(), tracefsNeeds()...)); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
		p.request.Table.Sieve = s.sieve
		s.plans = append(s.plans, p)
	}
	if err := preflight.Capabilities(s.env.Name, s.needs()); err != nil {
		return err
	}
	if _, err := preflight.RaiseMemlock(); errors.Is(err, unix.EPERM) {
		return preflight.Capabilities(s.env.Name, append(s.needs(), preflight.MemlockNeed))
	} else if err != nil {
		return err
	}
	if err := s.shareMaps(); err != nil {
		return err
	}
	for _, p := range s.plans {
		p.request.Shared = s.shared
		a, err := s.host.Attach(p.place, p.request)
		if err != nil {
			s.close()
			return preflight.Refused(pointed(s.env, err))
		}
		t := &tally{plan: p, at: a}
		t.stacks = func(id int64, user bool) report.Value { return s.frames.value(a.Maps, id, user) }
		s.sources = append(s.sources, t)
	}
	return nil
}

func (s *session) close() {
	for _, t := range s.sources {
		t.close()
	}
	s.sources = nil
}

// follow prints an interval after the other, and the last one in part.
func (s *session) follow(ctx context.Context) error {
	var err error
	if s.printer, err = s.newPrinter(); err != nil {
		return err
	}
	s.banner()
	interval := s.cfg.interval
	if interval == 0 {
		interval = time.Second
		if d := s.cfg.duration; d > 0 && d < interval {
			interval = d
		}
	}
	if s.cfg.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.cfg.duration)
		defer cancel()
	}
	s.began = time.Now()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	gone := time.NewTicker(time.Second) // whether the reader of a pipe has left
	defer gone.Stop()
	for done := false; !done; {
		select {
		case <-ctx.Done():
			done = true
		case <-gone.C:
			if output.ReaderGone(s.env.Stdout) {
				return s.finish(unix.EPIPE)
			}
			continue
		case <-tick.C:
			if end, ok := ctx.Deadline(); ok && time.Until(end) < interval/10 {
				continue // it ends together with the interval: one output
			}
		}
		if done {
			for _, t := range s.sources {
				t.detach()
			}
		}
		if err := s.interval(done); err != nil {
			return s.finish(err)
		}
		if s.cfg.number > 0 && s.outputs >= uint64(s.cfg.number) {
			done = true
		}
	}
	return s.finish(nil)
}

// drop gives up the privileges that were only needed to begin. Kernel symbols are
// read before.
func (s *session) drop() error {
	var keep preflight.Set
	keep = keep.With(preflight.BPF) // to read maps
	for _, p := range s.plans {
		for _, e := range p.checked.Exprs {
			in, ok := e.Node.(*tree.Input)
			switch {
			case ok && in.Source == tree.Stack:
				s.frames.readKernel()
			case ok && in.Source == tree.UserStack:
				keep = keep.With(preflight.SysPtrace).With(preflight.DacReadSearch)
			}
		}
	}
	if !canDrop {
		return nil
	}
	return preflight.Drop(keep)
}

// interval prints what was gathered since the last time; of the last interval, only
// if there was anything.
func (s *session) interval(last bool) error {
	var tables []report.Table
	gathered := 0
	for _, t := range s.sources {
		n, err := t.take(s.cfg.cumulative)
		if err != nil {
			return err
		}
		gathered += n
		tables = append(tables, t.table(s.cfg.top))
	}
	now := time.Now()
	if last && gathered == 0 && s.outputs > 0 {
		return s.tellLoss(now)
	}
	s.outputs++
	at := report.Interval{Number: s.outputs, Start: s.began.UnixNano(), End: now.UnixNano()}
	if !s.cfg.cumulative {
		s.began = now
	}
	if err := s.printer.Interval(at, tables); err != nil {
		return err
	}
	return s.tellLoss(now)
}

// newPrinter returns the printer of the format. Bars are of blocks on a terminal.
func (s *session) newPrinter() (report.Printer, error) {
	switch s.env.Format {
	case "json":
		return report.NewJSON(s.env.Stdout), nil
	case "csv":
		return report.NewCSV(s.env.Stdout)
	}
	return report.NewText(s.env.Stdout, isTerminal(s.env.Stdout)), nil
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// errLoss makes --fail-on-loss one.
var errLoss = errors.New("events were lost (--fail-on-loss)")
