// Package loader turns a command's BPF object into programs attached to the
// kernel, standing on the best hook that this kernel allows.
//
// A command says what it wants to know as a list of [Hook]s. Each hook is a
// ladder: an ordered list of [Rung]s, any of which can answer. A rung that
// fills every column stands above one that cannot; among equals the more
// stable one stands higher. [Choose] finds the first rung of every hook that
// this kernel can attach, without leaving anything loaded; [Load] loads just
// the programs of those rungs and attaches them.
package loader

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/process"
)

// Hook is one thing that a command wants to know, and the ways to learn it.
type Hook struct {
	Name     string // what is learned: "successful execs"
	Rungs    []Rung
	Optional bool   // without any rung the command still works
	Without  string // what an optional hook's absence hides
}

// Rung is one way to stand on a hook.
type Rung struct {
	Name   string // kind of hook: "fexit", "raw_tp"
	Attach []Attachment
	Blind  []string // what cannot be seen from here; empty if nothing
	Costs  string   // who pays for it besides the traced event; empty if nobody
	// Needs are capabilities that only this rung takes.
	Needs []preflight.Need
	// Try asks the kernel what its attachments do not tell; nil if they tell all.
	Try func(*preflight.Kernel) error
	// Set writes constants that only this rung uses, and that cost something to
	// find out, and takes programs out that this kernel has no use for; nil if there are none.
	Set func(*preflight.Kernel, *ebpf.CollectionSpec) error
}

// Attachment is a program of the object and where it goes.
type Attachment struct {
	Program string // name in the BPF object
	// To is the kernel function or tracepoint, or empty for the one in the
	// program's section name. The same program may go to several functions.
	To string
	// Optional attachments are left out where the kernel has no such function.
	Optional bool
	// Backed says that another program of the object, attached after this one,
	// handles the events that the kernel skips this one for, and counts them as
	// rescued (internal/bpf/event.h). What it could not rescue is lost.
	Backed bool
	// Backup says that this is that other program. It is left out where the kernel
	// cannot skip the first one: a task that is in a program keeps its CPU.
	Backup bool
	// Interrupts says of a Backup that interrupts come by as well: one can come while
	// the first program runs, so that the backup is never left out.
	Interrupts bool
	// Sieved says, of one that is Backed, that most of its runs end at a cheap test,
	// before anything tells that they are an event. What the kernel skipped of it
	// and of all its backups is then told as skipped runs, and not as lost events.
	Sieved bool
}

func (a Attachment) role() role {
	switch {
	case a.Backed:
		return roleBacked
	case a.Backup:
		return roleBackup
	}
	return roleAlone
}

// Choice is the rung that a hook stands on.
type Choice struct {
	Hook    *Hook
	Rung    *Rung    // nil if an optional hook has none
	Refused []string // why the rungs above it could not be used
	// Lacks are the needs of rungs above it that the kernel did not permit. A
	// process without them would get less than the kernel has to give.
	Lacks []preflight.Need
}

// Prober tells what can be attached. [*preflight.Kernel] is one; tests
// have others.
type Prober interface {
	HasFunction(name string) bool
	HasTracepoint(name string) bool
	Traceable(function string) error  // by its type information
	CanTrace(function string) error   // by trying
	CanProbe(function string) error   // a kprobe, by trying
	CanFilterCgroup(dir string) error // its packets, by trying
	Preemptible() bool                // a task in a program can lose its CPU
}

// Only leaves every hook that has a rung of that name with that rung alone, and
// says whether there was one. It is for tests and for comparing rungs.
func Only(hooks []Hook, rung string) ([]Hook, bool) {
	var out []Hook
	found := false
	for _, h := range hooks {
		for _, r := range h.Rungs {
			if r.Name == rung {
				h.Rungs, found = []Rung{r}, true
				break
			}
		}
		out = append(out, h)
	}
	return out, found
}

// Choose finds the first rung of every hook that the kernel can attach.
// kinds gives the section's program kind and target by program name.
//
// With an error it returns the choices so far, the last of which has no rung: what
// that lacks may be all that is missing.
func Choose(k Prober, hooks []Hook, kinds map[string]Kind) ([]Choice, error) {
	var out []Choice
	for i := range hooks {
		c, err := choose(k, &hooks[i], kinds)
		out = append(out, c)
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

func choose(k Prober, h *Hook, kinds map[string]Kind) (Choice, error) {
	c := Choice{Hook: h}
	for i := range h.Rungs {
		r := &h.Rungs[i]
		err := probe(k, r, kinds)
		if err == nil {
			c.Rung = r
			return c, nil
		}
		c.Refused = append(c.Refused, fmt.Sprintf("%s: %v", r.Name, err))
		if errors.Is(err, unix.EPERM) {
			c.Lacks = append(c.Lacks, r.Needs...)
		}
	}
	if h.Optional {
		return c, nil
	}
	return c, &preflight.MissingFeature{
		Feature: fmt.Sprintf("any hook for %s (%s)", h.Name, join(c.Refused)),
		Fix:     "use a kernel with CONFIG_BPF_EVENTS and CONFIG_DEBUG_INFO_BTF",
	}
}

// probe says why a rung cannot be used, or nil.
func probe(k Prober, r *Rung, kinds map[string]Kind) error {
	attached := 0
	for _, a := range r.Attach {
		kind, ok := kinds[a.Program]
		if !ok {
			return fmt.Errorf("no program %s in the BPF object", a.Program)
		}
		to := a.To
		if to == "" {
			to = kind.Target
		}
		if a.Optional && !exists(k, kind.Type, to) {
			continue
		}
		var err error
		switch kind.Type {
		case RawTracepoint:
			if !k.HasTracepoint(to) {
				err = fmt.Errorf("no tracepoint %s", to)
			}
		case Tracing:
			if attached == 0 { // one that attaches speaks for the others
				err = k.CanTrace(to)
			} else {
				err = k.Traceable(to)
			}
		case Kprobe, Kretprobe:
			err = k.CanProbe(to)
		case Uprobe, Classifier:
			// Where it goes is the command's to find.
		case CgroupIngress:
			var root string
			if root, err = process.CgroupRoot(); err == nil {
				err = k.CanFilterCgroup(root)
			}
		default:
			err = fmt.Errorf("program %s is of a type that the loader does not attach", a.Program)
		}
		if err != nil {
			return err
		}
		attached++
	}
	if attached == 0 {
		return fmt.Errorf("none of its functions exist")
	}
	if kernel, ok := k.(*preflight.Kernel); ok && r.Try != nil {
		return r.Try(kernel)
	}
	return nil
}

func join(s []string) string {
	out := ""
	for i, x := range s {
		if i > 0 {
			out += "; "
		}
		out += x
	}
	return out
}
