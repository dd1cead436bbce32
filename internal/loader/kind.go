package loader

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/ringside-tools/ringside/internal/process"
)

// ProgramType is what the loader needs to know of a program's type.
type ProgramType int

// The types of programs that the loader attaches.
const (
	Other ProgramType = iota
	RawTracepoint
	Tracing       // fentry, fexit
	Kprobe        // entry of a kernel function
	Kretprobe     // its return
	CgroupIngress // packets for sockets of all cgroups
	Uprobe        // a function of user space, at entry or return; the command attaches it
	Classifier    // packets of interfaces; the command attaches it
)

// Kind is a program's type and the target in its section name.
type Kind struct {
	Type   ProgramType
	Target string
}

// Kinds lists the kinds of all programs of an object.
func Kinds(spec *ebpf.CollectionSpec) map[string]Kind {
	kinds := make(map[string]Kind)
	for name, p := range spec.Programs {
		k := Kind{Target: p.AttachTo}
		switch {
		case p.Type == ebpf.RawTracepoint:
			k.Type = RawTracepoint
		case p.Type == ebpf.Tracing:
			k.Type = Tracing
		case p.Type == ebpf.Kprobe && strings.HasPrefix(p.SectionName, "kprobe/"):
			k.Type = Kprobe
		case p.Type == ebpf.Kprobe && strings.HasPrefix(p.SectionName, "kretprobe/"):
			k.Type = Kretprobe
		case p.Type == ebpf.Kprobe && (p.SectionName == "uprobe" || p.SectionName == "uretprobe"):
			k.Type, k.Target = Uprobe, p.SectionName
		case p.Type == ebpf.SchedCLS:
			k.Type, k.Target = Classifier, p.SectionName
		case p.Type == ebpf.CGroupSKB && p.AttachType == ebpf.AttachCGroupInetIngress:
			k.Type, k.Target = CgroupIngress, "ingress"
		}
		kinds[name] = k
	}
	return kinds
}

// exists reports whether there is something of that name to attach to; true
// where only trying can tell.
func exists(k Prober, t ProgramType, to string) bool {
	switch t {
	case RawTracepoint:
		return k.HasTracepoint(to)
	case Tracing:
		return k.HasFunction(to)
	case Kprobe, Kretprobe:
		return k.CanProbe(to) == nil
	}
	return true
}

// attachOrder returns the order in which programs must be attached so that a
// program runs before its backups. Those of a tracepoint run in the order in which
// they were attached. A trampoline, of fentry and fexit, runs the last one first.
func attachOrder(plan []step) []step {
	order := slices.Clone(plan)
	for begin := 0; begin < len(order); {
		end := begin + 1
		if order[begin].role == roleBacked {
			for end < len(order) && order[end].role == roleBackup {
				end++
			}
		}
		if order[begin].kind == Tracing {
			slices.Reverse(order[begin:end])
		}
		begin = end
	}
	return order
}

// attach attaches a loaded program where its step says.
func attach(p *ebpf.Program, s step) (link.Link, error) {
	switch s.kind {
	case RawTracepoint:
		return link.AttachRawTracepoint(link.RawTracepointOptions{Name: s.to, Program: p})
	case Tracing:
		return link.AttachTracing(link.TracingOptions{Program: p})
	case Kprobe:
		return link.Kprobe(s.to, p, nil)
	case Kretprobe:
		return link.Kretprobe(s.to, p, nil)
	case CgroupIngress:
		root, err := process.CgroupRoot()
		if err != nil {
			return nil, err
		}
		return link.AttachCgroup(link.CgroupOptions{Path: root, Attach: ebpf.AttachCGroupInetIngress, Program: p})
	}
	return nil, fmt.Errorf("a type that the loader does not attach")
}
