package main

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/symbol"
	"github.com/ringside-tools/ringside/internal/uprobe"
	"github.com/ringside-tools/ringside/tools/filesnoop/crypto"
)

// probes are those in libraries of cryptography: of those that run when tracing
// begins, and of those that are opened later.
type probes struct {
	env   *command.Env
	named []string // of --crypto-file
	spec  *ebpf.ProgramSpec
	multi bool // many functions by one link
	links *uprobe.Links
	files uprobe.Files

	mu     sync.Mutex
	told   []probed // by number
	opened chan opening
	stop   chan struct{}
	done   sync.WaitGroup
}

// probed is what the number of a probe stands for.
type probed struct{ library, function string }

// opening is a file as a process named it.
type opening struct {
	pid  uint32
	path string
}

// probesMax is how many functions the cookie can tell (COOKIE_NUMBER of crypto.h).
const probesMax = 1 << 12

func newProbes(cfg *config, env *command.Env) *probes {
	return &probes{env: env, named: cfg.cryptoFiles, opened: make(chan opening, 256), stop: make(chan struct{})}
}

// attach attaches to what there is, and begins to wait for more.
func (p *probes) attach(k *preflight.Kernel, l *loader.Loaded) error {
	p.links = uprobe.NewLinks(k, l, p.multi, map[string]*ebpf.ProgramSpec{cryptoProgram: p.spec})
	l.Own(p)
	for _, path := range p.named {
		if err := p.try(symbol.In(0, path)); err != nil {
			return &command.UsageError{Err: fmt.Errorf("--crypto-file %s: %w", path, err)}
		}
	}
	uprobe.Usual(crypto.IsLibrary, func(m symbol.Mapped) { p.look(m) })
	uprobe.OfProcesses(func(path string, _ bool) bool { return crypto.IsLibrary(path) }, func(m symbol.Mapped, _ uint32) { p.look(m) })
	if p.env.Check {
		return nil
	}
	p.done.Add(1)
	go p.follow()
	return nil
}

// cryptoProgram is the program of all probes.
const cryptoProgram = "crypto_call"

// hook is the ladder for the probes, which are attached by attach.
func (p *probes) hook() loader.Hook {
	attach := []loader.Attachment{{Program: cryptoProgram}}
	return loader.Hook{Name: "libraries of cryptography", Rungs: []loader.Rung{
		{
			Name: "uprobe_multi", Attach: attach,
			Try: func(k *preflight.Kernel) error { return k.CanUprobe(true) },
			Set: func(_ *preflight.Kernel, spec *ebpf.CollectionSpec) error {
				p.multi = true
				spec.Programs[cryptoProgram].AttachType = ebpf.AttachTraceUprobeMulti
				return nil
			},
		},
		{
			Name: "uprobe", Attach: attach,
			Needs: []preflight.Need{{Cap: preflight.SysAdmin, Why: "attach uprobes by perf events, where the kernel demands that (--crypto)", Running: true}},
			Try:   func(k *preflight.Kernel) error { return k.CanUprobe(false) },
			Set: func(k *preflight.Kernel, spec *ebpf.CollectionSpec) error {
				if !uprobe.HasCookies(k) {
					uprobe.SetCookie(spec.Programs[cryptoProgram], 0) // it is loaded, and not attached
				}
				return nil
			},
		},
	}}
}

// look attaches to a file if it is new. What cannot be attached to is told with
// --verbose.
func (p *probes) look(f symbol.Mapped) {
	err := p.try(f)
	if err != nil && p.env.Verbose && !errors.Is(err, crypto.ErrNothing) {
		fmt.Fprintf(p.env.Stderr, "%s: %s\n", p.env.Name, output.AppendEscaped(nil, []byte(f.Path+": "+err.Error())))
	}
}

func (p *probes) try(m symbol.Mapped) error {
	return p.files.Once(m, func(f *os.File, _ int64) error {
		functions, err := crypto.Inspect(f)
		if err != nil {
			return err
		}
		return p.probe(f, m.Path, functions)
	})
}

// probe attaches to functions of a file.
func (p *probes) probe(f *os.File, path string, functions []crypto.Function) error {
	exe, err := uprobe.Executable(f)
	if err != nil {
		return err
	}
	at := uprobe.Points{Program: cryptoProgram}
	for _, f := range functions {
		number, err := p.add(probed{path, f.Name})
		if err != nil {
			return err
		}
		at.Offsets = append(at.Offsets, f.Offset)
		at.Cookies = append(at.Cookies, uint64(number)|uint64(f.Kind)<<12|uint64(f.Arg)<<15|uint64(f.Other)<<19)
	}
	return p.links.Attach(exe, at)
}

// add returns the number of a new probe.
func (p *probes) add(x probed) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.told) == probesMax {
		return 0, fmt.Errorf("%d functions are probed already", probesMax)
	}
	p.told = append(p.told, x)
	return len(p.told) - 1, nil
}

// follow attaches to libraries as they are opened.
func (p *probes) follow() {
	defer p.done.Done()
	for {
		select {
		case <-p.stop:
			return
		case at := <-p.opened:
			p.look(symbol.In(at.pid, at.path))
		}
	}
}

// see is told of every event. It does not wait.
func (p *probes) see(e *event) {
	if e.op() != opOpen || e.Ret < 0 || !crypto.IsLibrary(string(e.path)) {
		return
	}
	select {
	case p.opened <- opening{e.PID, string(e.path)}:
	default:
	}
}

// name returns what the number of a probe stands for.
func (p *probes) name(number uint16) probed {
	p.mu.Lock()
	defer p.mu.Unlock()
	if int(number) >= len(p.told) {
		return probed{}
	}
	return p.told[number]
}

// Close stops waiting for libraries and detaches.
func (p *probes) Close() error {
	close(p.stop)
	p.done.Wait()
	return p.links.Close()
}
