package probe

import (
	"fmt"
	"io"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/btfprog"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/gen"
)

// rungs are the kinds of hooks for a place, the best first.
func (h *Host) rungs(p *Place, r Request) ([]rung, error) {
	switch {
	case p.point != nil:
		return []rung{p.tracepointRung()}, nil
	case p.static != nil:
		one, err := p.staticRung(r)
		return []rung{one}, err
	case p.program != nil:
		return []rung{p.userRung(r)}, nil
	case p.Wildcard:
		return h.wildcardRungs(p)
	}
	var out []rung
	if p.typed && !r.Registers && traceable(p.Scope.Func) {
		out = append(out, h.traceRung(p))
	}
	return append(out, probeRung([]string{p.Function})), nil
}

// traceRung stands on fentry and fexit: a jump instead of a trap, and the return
// has the arguments as well.
func (h *Host) traceRung(p *Place) rung {
	fn := p.Scope.Func
	hook := &gen.Hook{StackPointer: -1, AtReturn: true}
	at := 0
	for _, param := range fn.Params {
		for range max(1, (param.Type.Size()+7)/8) {
			hook.Args = append(hook.Args, gen.Value{Node: word(8 * at), Pointer: pointer(param.Type)})
			at++
		}
	}
	hook.Result = gen.Value{Node: word(8 * at), Pointer: pointer(fn.Result)}
	return rung{
		name: "fentry", targets: 1,
		load: func(name string, insns asm.Instructions, atReturn bool, maps map[string]*ebpf.Map) (*ebpf.Program, error) {
			to, err := h.target(p)
			if err != nil {
				return nil, err
			}
			if to.Module != nil {
				defer to.Module.Close()
			}
			to.Maps = maps
			kind := ebpf.AttachTraceFEntry
			if atReturn {
				kind = ebpf.AttachTraceFExit
			}
			return btfprog.Load(&ebpf.ProgramSpec{Name: name, Type: ebpf.Tracing, AttachType: kind, License: "GPL", Instructions: insns}, to)
		},
		parts: []part{{hook: hook, attach: func(prog *ebpf.Program, _ bool) ([]io.Closer, error) {
			l, err := link.AttachTracing(link.TracingOptions{Program: prog})
			if err != nil {
				return nil, fmt.Errorf("attach: %w", err)
			}
			return []io.Closer{l}, nil
		}}},
	}
}

// traceable reports whether fentry takes a function with this signature: a fixed
// number of arguments, and a result that fits into one register.
func traceable(fn *ctype.Func) bool {
	_, several := ctype.Underlying(fn.Result).(*ctype.Struct)
	return !several && !fn.Variadic
}

// pointer is what the verifier makes of a value of a type.
func pointer(t ctype.Type) gen.Pointer {
	p, ok := ctype.Underlying(t).(*ctype.Pointer)
	if !ok {
		return gen.NoPointer
	}
	if s, ok := ctype.Underlying(p.Target).(*ctype.Struct); ok && !s.Union && !s.Incomplete && p.Space != ctype.User {
		return gen.Typed
	}
	return gen.Opaque
}

// loadProbe loads a program that gets registers.
func loadProbe(name string, insns asm.Instructions, _ bool, maps map[string]*ebpf.Map) (*ebpf.Program, error) {
	return Load(&ebpf.ProgramSpec{Name: name, Type: ebpf.Kprobe, License: "GPL", Instructions: insns}, maps)
}

// probeRung stands on kprobes and kretprobes of one or more functions.
func probeRung(functions []string) rung {
	return rung{
		name: "kprobe", targets: len(functions), load: loadProbe,
		parts: []part{{hook: here().hook(), attach: func(prog *ebpf.Program, atReturn bool) ([]io.Closer, error) {
			var links []io.Closer
			for _, f := range functions {
				l, err := kprobe(f, prog, atReturn)
				if err != nil {
					return links, fmt.Errorf("attach to %s: %w", f, err)
				}
				links = append(links, l)
			}
			return links, nil
		}}},
	}
}

func kprobe(function string, prog *ebpf.Program, atReturn bool) (link.Link, error) {
	if atReturn {
		return link.Kretprobe(function, prog, nil)
	}
	return link.Kprobe(function, prog, nil)
}

// tracepointRung stands on a tracepoint. The library finds tracepoints by a mount
// of tracefs, which need not be there: here the number is known already.
func (p *Place) tracepointRung() rung {
	return rung{
		name: "tracepoint", targets: 1,
		load: func(name string, insns asm.Instructions, _ bool, maps map[string]*ebpf.Map) (*ebpf.Program, error) {
			return Load(&ebpf.ProgramSpec{Name: name, Type: ebpf.TracePoint, License: "GPL", Instructions: insns}, maps)
		},
		parts: []part{{hook: &gen.Hook{StackPointer: -1}, attach: func(prog *ebpf.Program, _ bool) ([]io.Closer, error) {
			// The event of one processor is enough: programs of a tracepoint run on all.
			fd, err := unix.PerfEventOpen(&unix.PerfEventAttr{
				Type: unix.PERF_TYPE_TRACEPOINT, Config: p.point.ID, Size: unix.PERF_ATTR_SIZE_VER1, Sample_type: unix.PERF_SAMPLE_RAW, Sample: 1, Wakeup: 1,
			}, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC)
			if err != nil {
				return nil, fmt.Errorf("open event of the tracepoint: %w", err)
			}
			event := os.NewFile(uintptr(fd), "tracepoint")
			if err := unix.IoctlSetInt(fd, unix.PERF_EVENT_IOC_SET_BPF, prog.FD()); err != nil {
				return []io.Closer{event}, fmt.Errorf("attach to the tracepoint: %w", err)
			}
			if err := unix.IoctlSetInt(fd, unix.PERF_EVENT_IOC_ENABLE, 0); err != nil {
				return []io.Closer{event}, fmt.Errorf("enable the tracepoint: %w", err)
			}
			return []io.Closer{event}, nil
		}}},
	}
}

// loadUprobe loads one for functions of programs.
func loadUprobe(name string, insns asm.Instructions, _ bool, maps map[string]*ebpf.Map) (*ebpf.Program, error) {
	spec := &ebpf.ProgramSpec{Name: name, Type: ebpf.Kprobe, License: "GPL", Instructions: insns}
	loader.TaskStack(spec)
	return Load(spec, maps)
}

// userRung stands on uprobes of a function, or of all that match.
func (p *Place) userRung(r Request) rung {
	var spots []spot
	for _, f := range p.symbols {
		spots = append(spots, spot{offset: f.Offset})
	}
	return rung{name: "uprobe", load: loadUprobe, targets: len(spots), parts: []part{{
		hook: here().hook(),
		attach: func(prog *ebpf.Program, atReturn bool) ([]io.Closer, error) {
			return p.attachTo(prog, spots, atReturn, r.PIDs)
		},
	}}}
}

// wildcardRungs stand on all functions that match: at once (5.18), or one by one.
func (h *Host) wildcardRungs(p *Place) ([]rung, error) {
	const most = 5000
	fs, err := h.Tracefs()
	if err != nil {
		return nil, err
	}
	functions, err := fs.Traceable(Matcher(p.Function))
	if err != nil {
		return nil, &preflight.MissingFeature{Feature: "the list of functions that match", Err: err, Fix: "name the functions one by one, each with its own -C"}
	}
	s := p.spec
	switch {
	case len(functions) == 0:
		return nil, s.At(s.Name.Range, "argdist --list '"+p.Function+"' shows what there is", "no function of the kernel that can be probed matches %s", p.Function)
	case len(functions) > most:
		return nil, s.At(s.Name.Range, "be more precise", "%d functions match; no more than %d can be probed", len(functions), most)
	}
	multi := probeRung(functions)
	multi.name = "kprobe.multi"
	multi.load = func(name string, insns asm.Instructions, _ bool, maps map[string]*ebpf.Map) (*ebpf.Program, error) {
		return Load(&ebpf.ProgramSpec{Name: name, Type: ebpf.Kprobe, AttachType: ebpf.AttachTraceKprobeMulti, License: "GPL", Instructions: insns}, maps)
	}
	multi.parts[0].attach = func(prog *ebpf.Program, atReturn bool) ([]io.Closer, error) {
		attach := link.KprobeMulti
		if atReturn {
			attach = link.KretprobeMulti
		}
		l, err := attach(prog, link.KprobeMultiOptions{Symbols: functions})
		if err != nil {
			return nil, fmt.Errorf("attach to %d functions: %w", len(functions), err)
		}
		return []io.Closer{l}, nil
	}
	return []rung{multi, probeRung(functions)}, nil
}
