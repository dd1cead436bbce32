package probe

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"

	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/tools/argdist/gen"
	"github.com/ringside-tools/ringside/tools/argdist/spec"
)

// Attached is a probe that gathers a table.
type Attached struct {
	Rung    string   // the kind of hook
	Refused []string // why those above it could not be used
	Maps    *Maps
	Targets int // functions that it is attached to

	insns    []asm.Instructions
	programs []*ebpf.Program
	links    []io.Closer // in the order in which they were attached
	missed   uint64      // by links that are closed
}

// Request is what to gather, and of whom.
type Request struct {
	Table *gen.Table
	Keys  uint32 // room in the table
	PIDs  []uint32
	// Shared are maps that programs of all tables look into; they stay the caller's.
	Shared map[string]*ebpf.Map
	// Registers says that the program looks at registers by their names, which not all
	// kinds of hooks have.
	Registers bool
}

// rung is a kind of hook that a probe can stand on.
type rung struct {
	name    string
	load    func(name string, insns asm.Instructions, atReturn bool, maps map[string]*ebpf.Map) (*ebpf.Program, error)
	targets int
	parts   []part // which together gather the table
}

// part is where a program goes, and how it finds its values there.
type part struct {
	hook   *gen.Hook
	attach func(p *ebpf.Program, atReturn bool) ([]io.Closer, error)
}

// Attach attaches a probe to the first kind of hook that the kernel has. Nothing is
// left if it fails.
func (h *Host) Attach(p *Place, r Request) (*Attached, error) {
	var refused []string
	rungs, err := h.rungs(p, r)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, one := range rungs {
		if h.Rung != "" && !strings.HasPrefix(one.name, h.Rung) {
			continue
		}
		a, err := p.stand(&one, r)
		if err == nil {
			a.Refused = refused
			return a, nil
		}
		refused = append(refused, fmt.Sprintf("%s: %v", one.name, err))
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		return nil, noRung(p, h.Rung)
	}
	return nil, &preflight.MissingFeature{
		Feature: fmt.Sprintf("any hook for %s (%s)", p.Function, strings.Join(refused, "; ")),
		Fix:     p.without(), Err: nil,
	}
}

// ErrNoRung says that a kind of hook is not for such a probe.
var ErrNoRung = errors.New("no hook of that kind")

func noRung(p *Place, name string) error { return fmt.Errorf("%s: %w: %q", p, ErrNoRung, name) }

// without says what still works where a kernel cannot do this.
func (p *Place) without() string {
	if p.spec.Kind == spec.Tracepoint || p.program != nil {
		return "use a kernel with CONFIG_BPF_EVENTS, CONFIG_PERF_EVENTS and CONFIG_UPROBES"
	}
	return "use a kernel with CONFIG_KPROBES or CONFIG_FUNCTION_TRACER; tracepoints (t:) and functions of programs (p:c:) need neither"
}

// stand attaches a probe to a kind of hook.
func (p *Place) stand(r *rung, req Request) (*Attached, error) {
	a := &Attached{Rung: r.name, Targets: r.targets}
	if err := a.start(p, r, req); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

func (a *Attached) start(p *Place, r *rung, req Request) error {
	t := req.Table
	var programs []asm.Instructions
	others := make(map[string]*ebpf.MapSpec)
	for _, one := range r.parts {
		insns, err := gen.Program(one.hook, t)
		if err != nil {
			return err
		}
		programs = append(programs, insns)
		for _, ins := range insns {
			switch ins.Reference() {
			case gen.EntriesMap:
				others[gen.EntriesMap] = Entries(t.Remembered(one.hook))
			case gen.StacksMap, gen.UserStacksMap:
				others[ins.Reference()] = stacks(ins.Reference())
			}
		}
	}
	var err error
	if a.Maps, err = NewMaps(t, req.Keys, others); err != nil {
		return err
	}
	a.Maps.Shared = req.Shared
	for i, one := range r.parts {
		// The entry comes first: no return is seen then whose entry was not.
		if t.Paired(one.hook) {
			entry, err := gen.Entry(one.hook, t.Remembered(one.hook), t.Sieve)
			if err != nil {
				return err
			}
			if err := a.add(r, one, "argdist_entry", entry, false); err != nil {
				return err
			}
		}
		if err := a.add(r, one, "argdist", programs[i], p.spec.Kind == spec.Return); err != nil {
			return err
		}
		a.insns = append(a.insns, programs[i])
	}
	return a.Maps.Settle()
}

// add loads and attaches one program.
func (a *Attached) add(r *rung, to part, name string, insns asm.Instructions, atReturn bool) error {
	p, err := r.load(name, insns, atReturn, a.Maps.ByName())
	if err != nil {
		return err
	}
	a.programs = append(a.programs, p)
	links, err := to.attach(p, atReturn)
	a.links = append(a.links, links...)
	return err
}

// Listings are the programs in words.
func (a *Attached) Listings() []string {
	var out []string
	for _, insns := range a.insns {
		out = append(out, fmt.Sprintf("%v", insns))
	}
	return out
}

// Detach stops the programs, the last one first. What they have gathered can still
// be read.
func (a *Attached) Detach() error {
	var errs []error
	a.missed = a.Missed()
	for _, l := range slices.Backward(a.links) {
		errs = append(errs, l.Close())
	}
	a.links = nil
	return errors.Join(errs...)
}

// Close detaches and frees everything.
func (a *Attached) Close() error {
	err := a.Detach()
	for _, p := range a.programs {
		p.Close()
	}
	if a.Maps != nil {
		a.Maps.Close()
	}
	return err
}

// Stack depth is what the kernel gives without being asked for more
// (kernel.perf_event_max_stack).
const stackDepth = 127

// stacks is a map of stacks. Of user stacks it has files and offsets in them, which
// outlive the process.
func stacks(name string) *ebpf.MapSpec {
	s := &ebpf.MapSpec{Name: "argdist_stacks", Type: ebpf.StackTrace, KeySize: 4, ValueSize: 8 * stackDepth, MaxEntries: maxStacks}
	if name == gen.UserStacksMap {
		const buildID, frame = 1 << 5, 32 // BPF_F_STACK_BUILD_ID, struct bpf_stack_build_id
		s.Flags, s.ValueSize = buildID, frame*stackDepth
	}
	return s
}
