package loader

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/ringside-tools/ringside/internal/preflight"
)

// Options say how an object is loaded.
type Options struct {
	Transport Transport
	Buffer    uint32 // bytes of the ring, a power of two; or per CPU for a perf buffer
	// Maps stand in for maps of the object: pinned sets of the user.
	Maps map[string]*ebpf.Map
}

// Loaded is an object in the kernel. Close takes all of it away.
type Loaded struct {
	*ebpf.Collection
	plan  []step
	links []link.Link
	owned []io.Closer
}

// Load loads the programs of the chosen rungs. The command's own constants
// must be set in spec before, which belongs to the loader from then on: a copy
// of its instructions would be a tenth of our memory. Nothing runs until
// [Loaded.Attach].
func Load(k *preflight.Kernel, spec *ebpf.CollectionSpec, choices []Choice, opts Options) (*Loaded, error) {
	plan, bodies := prepare(k, spec, choices)
	for _, c := range choices {
		if c.Rung == nil || c.Rung.Set == nil {
			continue
		}
		if err := c.Rung.Set(k, spec); err != nil {
			return nil, err
		}
		if !anyLeft(c.Rung, plan, spec) {
			return nil, fmt.Errorf("load rung %s of %s: none of its programs is left, which is a mistake in the command", c.Rung.Name, c.Hook.Name)
		}
	}
	plan = slices.DeleteFunc(plan, func(s step) bool { return spec.Programs[s.program] == nil }) // Set took them out
	if err := setTransport(spec, opts); err != nil {
		return nil, err
	}
	if err := setBackups(spec, plan); err != nil {
		return nil, err
	}
	programs := spec.Programs
	spec.Programs = nil
	coll, err := ebpf.NewCollectionWithOptions(spec, ebpf.CollectionOptions{
		Cache:           k.Cache,
		MapReplacements: opts.Maps,
	})
	if err != nil {
		return nil, explain(err)
	}
	if err := loadPrograms(k, coll, programs); err != nil {
		coll.Close()
		return nil, explain(err)
	}
	if err := placeBodies(coll, bodies); err != nil {
		coll.Close()
		return nil, explain(err)
	}
	return &Loaded{Collection: coll, plan: plan}, nil
}

// Attach attaches the programs, in the order of the hooks.
func (l *Loaded) Attach() error {
	for _, s := range attachOrder(l.plan) {
		if s.kind == Uprobe || s.kind == Classifier {
			continue
		}
		lk, err := attach(l.Programs[s.program], s)
		if err != nil {
			return fmt.Errorf("attach %s to %s: %w", s.program, s.to, err)
		}
		l.links = append(l.links, lk)
	}
	return nil
}

// step is one attachment after names were resolved.
type step struct {
	program string // name in the collection, unique per target
	kind    ProgramType
	to      string
	role    role
	sieved  bool
}

// role says what it means when the kernel skips the program.
type role int

const (
	roleAlone role = iota
	roleBacked
	roleBackup
)

// prepare removes from spec what the choices do not use, and backups that nothing
// would come to, and makes a copy of a program for every function that it goes to. What
// is left ends with the bodies that it returns.
func prepare(k Prober, spec *ebpf.CollectionSpec, choices []Choice) ([]step, []body) {
	kinds := Kinds(spec)
	programs := make(map[string]*ebpf.ProgramSpec)
	preemptible := k.Preemptible()
	var plan []step
	for _, c := range choices {
		if c.Rung == nil {
			continue
		}
		for _, a := range c.Rung.Attach {
			kind := kinds[a.Program]
			s := step{program: a.Program, kind: kind.Type, to: a.To, role: a.role(), sieved: a.Sieved}
			if s.to == "" {
				s.to = kind.Target
			}
			if a.Optional && !exists(k, kind.Type, s.to) {
				continue
			}
			if a.Backup && !a.Interrupts && !preemptible {
				continue
			}
			p := spec.Programs[a.Program]
			if s.to != kind.Target {
				p = p.Copy()
				p.AttachTo = s.to
				s.program += "@" + s.to
			}
			if kind.Type == Uprobe {
				TaskStack(p)
			}
			programs[s.program] = p
			plan = append(plan, s)
		}
	}
	bodies := takeBodies(spec, programs)
	spec.Programs = programs
	return plan, bodies
}

// anyLeft reports whether a program of the rung is still in spec.
func anyLeft(r *Rung, plan []step, spec *ebpf.CollectionSpec) bool {
	return slices.ContainsFunc(plan, func(s step) bool {
		name, _, _ := strings.Cut(s.program, "@") // where it goes, if that is elsewhere
		ofRung := slices.ContainsFunc(r.Attach, func(a Attachment) bool { return a.Program == name })
		return ofRung && spec.Programs[s.program] != nil
	})
}

// setBackups tells the programs whether any backup was left: without, they mark
// nothing, and the map of marks needs no room.
func setBackups(spec *ebpf.CollectionSpec, plan []step) error {
	any := slices.ContainsFunc(plan, func(s step) bool { return s.role == roleBackup })
	if m, ok := spec.Maps[handledMap]; ok && !any {
		m.MaxEntries = 1
	}
	return SetConstant(spec, "has_backups", any)
}

// explain says what was tried, and turns a refusal by a locked-down kernel into its own error.
func explain(err error) error { return preflight.Refused(fmt.Errorf("load BPF object: %w", err)) }

// SetConstant sets a constant of the object before load.
func SetConstant(spec *ebpf.CollectionSpec, name string, value any) error {
	v, ok := spec.Variables[name]
	if !ok {
		return fmt.Errorf("set constant %s: not in the BPF object", name)
	}
	if err := v.Set(value); err != nil {
		return fmt.Errorf("set constant %s: %w", name, err)
	}
	return nil
}

// Own makes Detach close c first: what the command attached itself.
func (l *Loaded) Own(c io.Closer) { l.owned = append(l.owned, c) }

// Detach stops all programs, the last one first; what they have sent can still
// be read.
func (l *Loaded) Detach() error {
	var errs []error
	for _, c := range slices.Backward(l.owned) {
		errs = append(errs, c.Close())
	}
	l.owned = nil
	for _, lk := range slices.Backward(l.links) {
		errs = append(errs, lk.Close())
	}
	l.links = nil
	return errors.Join(errs...)
}

// Close detaches and unloads everything.
func (l *Loaded) Close() error {
	err := l.Detach()
	l.Collection.Close()
	return err
}
