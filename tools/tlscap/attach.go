package main

import (
	"fmt"
	"os"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/process"
	"github.com/ringside-tools/ringside/internal/uprobe"
	"github.com/ringside-tools/ringside/tools/tlscap/library"
)

// attacher attaches the programs to functions of files, and keeps the links.
type attacher struct {
	cfg       *config
	env       *command.Env
	chosen    *chosen
	probes    probes
	discovery *discovery

	asking map[string]*ebpf.ProgramSpec // programs that ask for their cookie
	loaded *loader.Loaded
	links  *uprobe.Links
}

func newAttacher(cfg *config, env *command.Env, c *chosen) *attacher {
	a := &attacher{cfg: cfg, env: env, chosen: c}
	a.discovery = newDiscovery(a)
	return a
}

// attach attaches to everything that is found now, and begins to look for more.
func (a *attacher) attach(k *preflight.Kernel, l *loader.Loaded) error {
	a.loaded, a.links = l, uprobe.NewLinks(k, l, a.chosen.multi, a.asking)
	l.Own(a)
	if a.cfg.mode == modePcapng && !a.env.Check {
		if err := attachPackets(l, a.cfg.found, a.chosen.packets, a.cfg.all); err != nil {
			return err
		}
	}
	return a.discovery.begin()
}

// attachFile attaches to a file that was found to be a library. path is what is told of it.
func (a *attacher) attachFile(f *os.File, path string, lib *library.Library) error {
	exe, err := uprobe.Executable(f)
	if err != nil {
		return fmt.Errorf("attach to %s: %w", path, err)
	}
	for _, set := range a.sets(lib) {
		if err := a.attachSet(exe, path, lib, set); err != nil {
			return fmt.Errorf("attach %s to %s: %w", set.enter, path, err)
		}
	}
	return nil
}

// set is some functions of a file with the programs that go to them.
type set struct {
	enter, leave string // programs; leave may be ""
	functions    []library.Function
}

// sets are the functions that the mode needs.
func (a *attacher) sets(lib *library.Library) []set {
	if lib.GoConn != nil {
		return a.goSets(lib)
	}
	calls := set{enter: "tls_enter", leave: leaveProgram(a.chosen.loop)}
	ends := set{enter: "tls_free"}
	begins := set{enter: "tls_enter"}
	logs := set{enter: "secret_logged"}
	derives := set{enter: "derive_enter", leave: "derive_leave"}
	for _, f := range lib.Functions {
		if f.Family == library.BIO && a.cfg.wantsSecrets() {
			continue // its objects do not know secrets
		}
		switch f.Kind {
		case library.Logs:
			logs.functions = append(logs.functions, f)
		case library.RustConsume, library.RustFlush, library.RustBegin: // their returns say nothing
			begins.functions = append(begins.functions, f)
		case library.Free:
			ends.functions = append(ends.functions, f)
		case library.Derive:
			derives.functions = append(derives.functions, f)
		default:
			calls.functions = append(calls.functions, f)
		}
	}
	switch {
	case !a.cfg.wantsSecrets():
		return []set{begins, calls, ends} // what is told at the beginning has to be known before
	case lib.Has(library.Logs) && lib.Random != nil, !lib.Derives:
		return []set{logs} // nothing else is needed, and what is said later costs nothing
	default: // the one tells what the other cannot
		return []set{calls, ends, derives, logs}
	}
}

// goSets are those of a program of Go.
func (a *attacher) goSets(lib *library.Library) []set {
	calls := set{enter: "go_enter", leave: goLeaveProgram(a.chosen.loop)}
	ends := set{enter: "go_close"}
	secrets := set{enter: "go_secret"}
	for _, f := range lib.Functions {
		switch f.Kind {
		case library.GoClose:
			ends.functions = append(ends.functions, f)
		case library.GoSecret:
			secrets.functions = append(secrets.functions, f)
		default:
			calls.functions = append(calls.functions, f)
		}
	}
	if a.cfg.wantsSecrets() {
		return []set{secrets}
	}
	return []set{calls, ends}
}

// attachSet attaches the programs of a set. Returns come first: an entry without its
// return would leave a call open.
func (a *attacher) attachSet(exe *link.Executable, path string, lib *library.Library, s set) error {
	if len(s.functions) == 0 {
		return nil
	}
	var offsets, cookies, returns []uint64
	for _, f := range s.functions {
		n, ok := a.probes.add(probe{library: path, function: f})
		if !ok {
			return fmt.Errorf("%d functions are probed already", maxProbes)
		}
		offsets, cookies = append(offsets, f.Offset), append(cookies, cookie(n, f.Kind))
		returns = append(returns, f.Returns...)
		if err := a.putLayout(n, lib); err != nil {
			return err
		}
	}
	switch {
	case lib.GoConn != nil && s.leave != "":
		if err := a.probe(exe, s.leave, returns, make([]uint64, len(returns)), false); err != nil {
			return err
		}
	case s.leave != "":
		if err := a.probe(exe, s.leave, offsets, cookies, true); err != nil {
			return err
		}
	}
	return a.probe(exe, s.enter, offsets, cookies, false)
}

// putLayout tells the programs where objects have the client random, if they are to know.
func (a *attacher) putLayout(probe uint32, lib *library.Library) error {
	if g := lib.GoConn; g != nil {
		layout := bpfGoLayout{Conn: uint32(g.Conn), Data: uint32(g.Data), Fd: uint32(g.FD), Sysfd: uint32(g.Sysfd)}
		if err := a.loaded.Maps["go_layouts"].Put(probe, layout); err != nil {
			return fmt.Errorf("tell the layout of connections: %w", err)
		}
		return nil
	}
	const inline = 1<<32 - 1 // LAYOUT_INLINE
	layout := bpfLayout{Pointer: inline}
	switch path := lib.Random; {
	case !a.cfg.wantsSecrets():
		return nil
	case len(path) == 1:
		layout.ClientRandom = uint32(path[0])
	case len(path) == 2:
		layout.Pointer, layout.ClientRandom = uint32(path[0]), uint32(path[1])
	default:
		return nil
	}
	if err := a.loaded.Maps["layouts"].Put(probe, layout); err != nil {
		return fmt.Errorf("tell the layout of objects: %w", err)
	}
	return nil
}

// probe attaches a program at offsets.
func (a *attacher) probe(exe *link.Executable, name string, offsets, cookies []uint64, returns bool) error {
	return a.links.Attach(exe, uprobe.Points{Program: name, Offsets: offsets, Cookies: cookies, Returns: returns, PID: a.only()})
}

// only is the one process that is wanted, or 0. A probe that is put into one process costs
// the others nothing.
func (a *attacher) only() uint32 {
	f := &a.env.Filter
	if len(f.PIDs) == 1 && !f.Follow && len(a.env.Args) == 0 && !firstEnded(f.PIDs[0]) {
		return f.PIDs[0]
	}
	return 0
}

// firstEnded reports whether the first thread of a process has ended, and others go on. The
// kernel looks for a process by that thread, and for its memory there.
func firstEnded(pid uint32) bool {
	stat, err := process.ReadStat(pid)
	return err == nil && stat.Field(process.StatState) == "Z"
}

// asks are the programs that ask for their cookie.
var asks = []string{"tls_enter", "secret_logged", "go_enter", "go_secret"}

// Close stops looking for libraries and detaches from those that were found.
func (a *attacher) Close() error {
	a.discovery.end()
	return a.links.Close()
}
