package trace

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/filter"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/process"
)

// session is one run of a tool.
type session[E any] struct {
	tool    *Tool[E]
	env     *command.Env
	kernel  *preflight.Kernel
	host    *Host
	filter  *filter.Filter
	choices []loader.Choice
	opts    loader.Options
	loaded  *loader.Loaded
	memlock unix.Rlimit // before we raised it
}

// Run runs the tool until ctx is done, or only looks what it would do where
// --check says so.
func (t *Tool[E]) Run(ctx context.Context, env *command.Env) error {
	s := &session[E]{tool: t, env: env, host: &Host{}}
	defer s.close()
	ready := loader.WhileLoading()
	err := s.load()
	ready()
	if env.Check {
		return s.check(err)
	}
	if err != nil {
		return err
	}
	return s.stream(ctx)
}

// load does everything up to running programs. The mistakes of the user come
// first, then the privileges, then the kernel: each is told before anything
// is loaded.
func (s *session[E]) load() (err error) {
	if s.tool.Totals != nil && s.env.Count > 0 {
		return command.Usagef("--count: there are no events to count where totals are printed at the end")
	}
	if s.host.Users, err = process.ReadUsers(); err != nil {
		return err
	}
	s.env.Filter.Child = len(s.env.Args) > 0
	if s.filter, err = filter.Resolve(s.env.Filter, s.host.Users); err != nil {
		if errors.Is(err, unix.EPERM) { // opening a pinned map takes a privilege
			if err := preflight.Capabilities(s.env.Name, s.tool.Needs); err != nil {
				return err
			}
		}
		return &command.UsageError{Err: err}
	}
	if s.kernel, err = preflight.Inspect(s.env.BTF); err != nil {
		return &command.UsageError{Err: fmt.Errorf("--btf: %w", err)}
	}
	spec, err := loader.Read(s.kernel, s.tool.Object, s.tool.Hooks)
	if err != nil {
		return err
	}
	if err := preflight.Capabilities(s.env.Name, s.needs()); err != nil {
		return err
	}
	if err := s.kernel.Ready(); err != nil {
		return err
	}
	if s.memlock, err = preflight.RaiseMemlock(); err != nil {
		return err
	}
	if err := s.set(spec); err != nil {
		return err
	}
	// The filter's hooks come last: where the command looks at an exit as well,
	// a process must not have left the set before the command saw it.
	hooks := append(s.tool.Hooks[:len(s.tool.Hooks):len(s.tool.Hooks)], s.filter.Hooks()...)
	if s.env.Rung != "" {
		var ok bool
		if hooks, ok = loader.Only(hooks, s.env.Rung); !ok {
			return command.Usagef("--rung: no hook of this command has a rung %s", s.env.Rung)
		}
	}
	s.choices, err = loader.Choose(s.kernel, hooks, loader.Kinds(spec))
	if err := preflight.Capabilities(s.env.Name, s.needs()); err != nil {
		return err // what only the rung needs
	}
	if err != nil {
		return err
	}
	s.opts = loader.Options{
		Transport: loader.PickTransport(s.kernel, s.env.Transport),
		Buffer:    s.env.Buffer,
		Maps:      s.filter.Maps(),
	}
	if s.loaded, err = loader.Load(s.kernel, spec, s.choices, s.opts); err != nil {
		return err
	}
	if err := s.filter.Fill(s.loaded.Collection); err != nil {
		return err
	}
	if err := s.loaded.Attach(); err != nil {
		return err
	}
	if s.tool.Attach != nil {
		if err := s.tool.Attach(s.kernel, s.loaded); err != nil {
			return err
		}
	}
	return s.filter.FillChildren(s.loaded.Collection)
}

// needs are the capabilities on this kernel, for these flags.
func (s *session[E]) needs() []preflight.Need {
	needs := s.tool.Needs[:len(s.tool.Needs):len(s.tool.Needs)]
	for _, c := range s.choices {
		if c.Rung != nil {
			needs = append(needs, c.Rung.Needs...)
		}
		needs = append(needs, c.Lacks...)
	}
	if s.kernel.ChargesMemlock(uint64(s.env.Buffer) + 1<<20) {
		needs = append(needs, preflight.MemlockNeed)
	}
	return needs
}

func (s *session[E]) set(spec *ebpf.CollectionSpec) error {
	if err := s.filter.Set(spec); err != nil {
		return err
	}
	if s.tool.Set == nil {
		return nil
	}
	return s.tool.Set(spec)
}

// stream follows the events to their end.
func (s *session[E]) stream(ctx context.Context) error {
	clock, err := events.NewClock(s.kernel.HasHelper(preflight.KtimeGetBootNS))
	if err != nil {
		return err
	}
	s.host.Clock = clock
	s.host.Started = time.Now().UnixNano()
	s.host.Containers = process.NewContainers()
	source, err := events.Open(s.loaded.Maps[loader.EventsMap], int(s.env.Buffer))
	if err != nil {
		return err
	}
	defer source.Close()
	var existing []*E
	if s.tool.Existing != nil {
		if existing, err = s.tool.Existing(s.host); err != nil {
			return err
		}
	}
	w, err := s.writer()
	if err != nil {
		return err
	}
	if s.tool.Totals == nil {
		if err := w.Header(); err != nil {
			return err
		}
	}
	if s.env.Duration > 0 { // from here on: loading is not tracing
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.env.Duration)
		defer cancel()
	}
	var c *child
	if len(s.env.Args) > 0 { // with the privileges that we are about to drop
		if c, err = s.startChild(); err != nil {
			return err
		}
		var cancel context.CancelFunc
		ctx, cancel = c.within(ctx)
		defer cancel()
	}
	if err := preflight.Drop(s.keep()); err != nil {
		return err
	}
	s.banner()
	p := &printer[E]{session: s, w: w, counters: s.counters, existing: uint64(len(existing))}
	switch err = p.begin(existing); {
	case err == nil:
		err = source.Run(ctx, p, s.loaded.Detach)
	case errors.Is(err, events.ErrStop):
		err = s.loaded.Detach()
	}
	if c != nil {
		if how := c.outcome(); how != "" && !s.env.Quiet {
			fmt.Fprintf(s.env.Stderr, "%s: %s: %s\n", s.env.Name, output.AppendEscaped(nil, []byte(s.env.Args[0])), how)
		}
	}
	return p.finish(err)
}

// keep are the capabilities that are needed while tracing. Reading the counters
// takes CAP_BPF before 5.19.
func (s *session[E]) keep() preflight.Set {
	keep := preflight.Set(0).With(preflight.BPF)
	for _, n := range s.needs() {
		if n.Running {
			keep = keep.With(n.Cap)
		}
	}
	if len(s.env.Args) > 0 && s.tool.RunAs != "" {
		keep = keep.With(preflight.Kill) // to end what runs as somebody else
	}
	return keep
}

// counters reads the kernel's counters and adds what programs cannot count
// themselves: the events that the kernel skipped them for.
func (s *session[E]) counters() (events.Counters, error) {
	c, err := events.ReadCounters(s.loaded.Maps[events.CountersMap])
	if err != nil {
		return c, err
	}
	var lost uint64
	lost, c.Skipped = s.loaded.Skipped(c.Rescued)
	c.Seen += lost
	c.Lost += lost
	return c, nil
}

func (s *session[E]) writer() (output.Writer[E], error) {
	return output.New(s.env.Stdout, s.env.Format, s.env.Name, s.tool.Fields, s.tool.Columns, s.tool.Below)
}

func (s *session[E]) banner() {
	if s.env.Verbose {
		for _, line := range s.describe() {
			fmt.Fprintf(s.env.Stderr, "%s: %s\n", s.env.Name, line)
		}
	}
	if !s.env.Quiet {
		fmt.Fprintf(s.env.Stderr, "%s: tracing, Ctrl-C to end\n", s.env.Name)
	}
}

func (s *session[E]) close() error {
	var err error
	if s.loaded != nil {
		err = s.loaded.Close()
	}
	if s.filter != nil {
		s.filter.Close()
	}
	return err
}

// errLoss makes --fail-on-loss exit with 1.
var errLoss = errors.New("events were lost (--fail-on-loss)")
