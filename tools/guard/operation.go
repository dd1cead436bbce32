package main

import (
	"net/netip"
	"strings"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// operation makes the operation that the flags describe.
func (cfg *explainConfig) operation(system policy.System) (op policy.Operation, err error) {
	if op.Task, err = cfg.task(system); err != nil {
		return op, err
	}
	what := ""
	for _, one := range []struct {
		flag, value string
		set         func(system policy.System, op *policy.Operation) error
	}{
		{"open", cfg.open, cfg.file}, {"exec", cfg.exec, cfg.program}, {"load", cfg.load, cfg.library},
		{"connect", cfg.connect, cfg.peer}, {"bind", cfg.bind, cfg.address}, {"mount", cfg.mount, cfg.mounting},
		{"setuid", cfg.setuid, cfg.identity}, {"socket", cfg.socket, cfg.creation},
	} {
		if one.value == "" {
			continue
		}
		if what != "" {
			return op, command.Usagef("--%s: not with --%s: it is one operation that is explained", one.flag, what)
		}
		what = one.flag
		if err := one.set(system, &op); err != nil {
			return op, err
		}
	}
	if what == "" {
		return op, command.Usagef("no operation: want one of --open, --exec, --load, --connect, --bind, --mount, --setuid, --socket")
	}
	return op, nil
}

// task is who does it.
func (cfg *explainConfig) task(system policy.System) (t policy.Task, err error) {
	if cfg.exe == "" {
		return t, command.Usagef("no program: want --exe PATH")
	}
	if t.Exe, err = follow(system, "exe", cfg.exe); err != nil {
		return t, err
	}
	for _, name := range cfg.ancestors {
		exe, err := follow(system, "ancestor", name)
		if err != nil {
			return t, err
		}
		t.Ancestors = append(t.Ancestors, exe)
	}
	if cfg.user != "" {
		if t.UID, err = id(cfg.user, system.User); err != nil {
			return t, command.Usagef("--uid: %w", err)
		}
	}
	t.Cgroup, t.Container = "/", cfg.container
	if cfg.cgroup != "" {
		t.Cgroup = cfg.cgroup
	}
	return t, nil
}

func (cfg *explainConfig) file(system policy.System, op *policy.Operation) (err error) {
	op.Class, op.Access, op.OwnFile = policy.ClassFile, cfg.access, cfg.own
	op.Path, err = follow(system, "open", cfg.open)
	return err
}

func (cfg *explainConfig) program(system policy.System, op *policy.Operation) (err error) {
	op.Class, op.Access, op.Fileless, op.NoArgs = policy.ClassExec, policy.Exec_, cfg.fileless, cfg.noArgs
	op.Path, err = follow(system, "exec", cfg.exec)
	return err
}

func (cfg *explainConfig) library(system policy.System, op *policy.Operation) (err error) {
	op.Class, op.Access = policy.ClassExec, policy.Load
	op.Path, err = follow(system, "load", cfg.load)
	return err
}

func (cfg *explainConfig) peer(system policy.System, op *policy.Operation) error {
	op.Class = policy.ClassConnect
	return cfg.endpoint(system, "connect", cfg.connect, op)
}

func (cfg *explainConfig) address(system policy.System, op *policy.Operation) error {
	op.Class = policy.ClassBind
	return cfg.endpoint(system, "bind", cfg.bind, op)
}

// endpoint reads an Internet address with its port, or the name of a Unix socket.
func (cfg *explainConfig) endpoint(system policy.System, flag, text string, op *policy.Operation) (err error) {
	switch {
	case strings.HasPrefix(text, "@"):
		op.Unix, op.Path = true, text
		return nil
	case strings.HasPrefix(text, "/"):
		op.Unix = true
		op.Path, err = follow(system, flag, text)
		return err
	}
	if op.Addr, err = netip.ParseAddrPort(text); err != nil {
		return command.Usagef("--%s: %q is neither an address with a port, such as 192.0.2.1:443 or [::1]:53, nor a Unix socket, /PATH or @NAME", flag, text)
	}
	op.Proto = cfg.proto
	return nil
}

func (cfg *explainConfig) mounting(system policy.System, op *policy.Operation) (err error) {
	op.Class, op.FSType = policy.ClassMount, cfg.fstype
	if op.MountOp, err = policy.ParseMountOp(cfg.mount); err != nil {
		return command.Usagef("--mount: %w", err)
	}
	if cfg.target != "" {
		op.Path, err = follow(system, "target", cfg.target)
	}
	return err
}

func (cfg *explainConfig) identity(system policy.System, op *policy.Operation) error {
	op.Class, op.Via = policy.ClassSetuid, cfg.via
	if cfg.setuid == "-" {
		return nil
	}
	look := system.User
	if cfg.via&(policy.ViaSetgid|policy.ViaSetgroups) != 0 {
		look = system.Group
	}
	n, err := id(cfg.setuid, look)
	if err != nil {
		return command.Usagef("--setuid: %w", err)
	}
	op.IDs = []uint32{n}
	return nil
}

func (cfg *explainConfig) creation(_ policy.System, op *policy.Operation) error {
	op.Class = policy.ClassSocket
	name, kind, typed := strings.Cut(cfg.socket, "/")
	family, err := policy.ParseFamily(name)
	if err != nil {
		return command.Usagef("--socket: %w", err)
	}
	if !typed {
		kind = "stream"
	}
	op.Family = family.Number
	if op.SocketType, err = policy.ParseSocketType(kind); err != nil {
		return command.Usagef("--socket: %w", err)
	}
	return nil
}
