package main

import (
	"context"
	"time"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/symbol"
	"github.com/ringside-tools/ringside/internal/trace"
)

// schemaVersion is that of the JSON lines; it changes when a field changes its
// meaning or goes.
const schemaVersion = "1"

// config is what the flags say.
type config struct {
	all     bool
	kstack  bool
	ustack  bool
	extra   bool
	denied  bool
	caps    preflight.Set // empty: all
	unique  string        // "", pid, cgroup, container
	profile bool
	format  string        // of the profile
	during  time.Duration // --for
	as      string        // user that COMMAND runs as
}

func newCommand() *command.Command { return commandOf(new(config)) }

// commandOf returns the command whose flags are written to cfg.
func commandOf(cfg *config) *command.Command {
	return &command.Command{
		Name:    "capable",
		Summary: "trace capability checks: who asks for which, and is it granted",
		Description: `One line per check: the capability, and whether the check is audited (AUDIT).
With --profile, at the end, the capabilities that each executable, systemd unit
and container used and was refused: the least that they need.`,
		Arguments: "[-- COMMAND [ARGS]]",
		Flags: []command.Flag{
			command.Bool("non-audit", "v", "checks that are not audited, or not made with the task's own credentials, too", &cfg.all),
			command.Bool("kernel-stack", "K", "kernel stack below each line", &cfg.kstack),
			command.Bool("user-stack", "U", "user stack below each line", &cfg.ustack),
			command.Bool("extra", "x", "TID, INSETID and VERDICT columns", &cfg.extra),
			command.Optional("unique", "", []string{"pid", "cgroup", "container"}, "show a capability once for each of these", &cfg.unique),
			command.Parsed("cap", "", "NAME,...", "only these capabilities", &cfg.caps,
				func(s string) (preflight.Set, error) { caps, err := parseCaps(s); return cfg.caps | caps, err }),
			command.Bool("denied", "", "only what was refused", &cfg.denied),
			command.Bool("profile", "", "print at the end what was used and what was refused, by executable, unit and container", &cfg.profile),
			command.Choice("format", "", formatNames(), "of a profile: ready lines for setcap, a systemd unit, docker, or Kubernetes", &cfg.format),
			command.Duration("for", "", "of a profile: end after this time, as --duration", &cfg.during),
			command.Text("as", "", "USER", "run COMMAND as this user, with all capabilities", &cfg.as),
		},
		Examples: []command.Example{
			{Line: "capable", What: "all checks that can be audited"},
			{Line: "capable --denied", What: "only what was refused"},
			{Line: "capable -K -U -p 1234", What: "what in a process asks, and why"},
			{Line: "capable --cap net_raw,sys_admin", What: "only these two"},
			{Line: "capable --unique=container --json", What: "each capability once per container"},
			{Line: "capable -- ping -c 1 localhost", What: "what one command asks for"},
			{Line: "capable --profile --as nobody -- ping -c 1 localhost", What: "the least that it needs"},
			{Line: "capable --profile --for 1h --format systemd", What: "the same for all units of this machine"},
			{Line: "capable --check", What: "what works on this kernel, and as whom"},
		},
		Documents: documents(),
		Run:       func(ctx context.Context, env *command.Env) error { return run(ctx, cfg, env) },
	}
}

func documents() map[string]func() []byte {
	return map[string]func() []byte{
		"schema": func() []byte {
			return output.Schema("capable", schemaVersion, fields, output.NewVariant("capable", profileFields))
		},
		"fields": func() []byte {
			return append(append(output.ManFields(fields), ".PP\nThe lines of a profile have\n.B type total\nand these fields:\n"...), output.ManFields(profileFields)...)
		},
		"privileges": func() []byte { return trace.Privileges("capable", modes()) },
	}
}

// modes are the ways to run that differ in what they need.
func modes() []trace.Mode {
	mode := func(name string, cfg config) trace.Mode {
		return trace.Mode{Name: name, Needs: needs(&cfg), Hooks: hooks(&cfg)}
	}
	return []trace.Mode{
		mode("default", config{}), mode("-v", config{all: true}),
		mode("-K", config{kstack: true}), mode("-U", config{ustack: true}),
		mode("--profile", config{profile: true}),
	}
}

// needs are the capabilities that a configuration takes on every rung.
func needs(cfg *config) []preflight.Need {
	needs := trace.BaseNeeds()
	if cfg.kstack {
		needs = append(needs, preflight.Need{Cap: preflight.Syslog, Why: "see the addresses of kernel functions"})
	}
	if cfg.ustack {
		needs = append(needs,
			preflight.Need{Cap: preflight.SysPtrace, Why: "see the mappings of other processes", Running: true},
			preflight.Need{Cap: preflight.DacReadSearch, Why: "read the executables and libraries of other users", Running: true})
	}
	if cfg.as != "" {
		needs = append(needs,
			preflight.Need{Cap: preflight.Setuid, Why: "run COMMAND as another user"},
			preflight.Need{Cap: preflight.Setgid, Why: "run COMMAND in another group"})
	}
	return needs
}

func run(ctx context.Context, cfg *config, env *command.Env) error {
	if err := cfg.check(env); err != nil {
		return err
	}
	return newTool(cfg, env).Run(ctx, env)
}

// check finds flags that do not go together.
func (cfg *config) check(env *command.Env) error {
	switch {
	case cfg.profile && (cfg.kstack || cfg.ustack || cfg.unique != "" || cfg.extra):
		return command.Usagef("--profile: adds up and has no lines for -K, -U, -x or --unique")
	case cfg.profile && cfg.all:
		return command.Usagef("--profile: decides itself which checks matter; -v is for lines")
	case !cfg.profile && cfg.format != formatNames()[0]:
		return command.Usagef("--format: is of a --profile, which is not asked for")
	case !cfg.profile && cfg.during != 0:
		return command.Usagef("--for: is of a --profile; --duration ends every run")
	case cfg.during != 0 && env.Duration != 0:
		return command.Usagef("--for and --duration: both say when to end; give one of them")
	case cfg.format != formatNames()[0] && env.Format != "table":
		return command.Usagef("--format %s: is a format of its own, and -o another", cfg.format)
	case cfg.as != "" && len(env.Args) == 0:
		return command.Usagef("--as: says as whom COMMAND runs, which is not given")
	}
	if cfg.format == "json" {
		env.Format = "json"
	}
	if cfg.during != 0 {
		env.Duration = cfg.during
	}
	return nil
}

func newTool(cfg *config, env *command.Env) *trace.Tool[event] {
	d := &decoder{}
	if cfg.ustack {
		d.users = symbol.NewUsers()
	}
	t := &trace.Tool[event]{
		Object: _BpfBytes,
		Set: func(spec *ebpf.CollectionSpec) (err error) {
			if cfg.kstack {
				if d.kernel, err = symbol.ReadKernel(); err != nil {
					return err
				}
			}
			return setConstants(spec, cfg, env.Format)
		},
		Hooks:   hooks(cfg),
		Needs:   needs(cfg),
		Decode:  d.decode,
		Fields:  fields,
		Columns: columns(cfg),
		Pending: "entered",
		RunAs:   cfg.as,
	}
	if cfg.kstack || cfg.ustack {
		t.Below = below(cfg)
	}
	if cfg.profile {
		d.names = newSubjects()
		t.Totals = &profile{cfg: cfg, names: d.names}
	}
	return t
}

func setConstants(spec *ebpf.CollectionSpec, cfg *config, format string) error {
	details := !cfg.profile && format != "table"
	wanted := cfg.caps
	if wanted == 0 {
		wanted = ^preflight.Set(0)
	}
	unique := map[string]uint32{"": 0, "pid": 1, "cgroup": 2, "container": 3}[cfg.unique]
	for _, c := range []struct {
		name  string
		value any
	}{
		{"want_all", cfg.all},
		{"want_denied", cfg.denied},
		{"want_caps", uint64(wanted)},
		{"want_kstack", cfg.kstack},
		{"want_ustack", cfg.ustack},
		{"want_details", details},
		{"want_profile", cfg.profile},
		{"unique_by", unique},
	} {
		if err := loader.SetConstant(spec, c.name, c.value); err != nil {
			return err
		}
	}
	// A map's size is charged whether or not it is used.
	spec.Maps["entered"].MaxEntries = 1
	if !cfg.kstack && !cfg.ustack && !details && cfg.unique != "container" {
		spec.Maps["scratch"].MaxEntries = 1
	}
	if cfg.unique == "" {
		spec.Maps["once"].MaxEntries = 1
	}
	if !cfg.profile {
		for _, name := range []string{"uses", "subjects", "subject_scratch"} {
			spec.Maps[name].MaxEntries = 1
		}
	}
	return nil
}
