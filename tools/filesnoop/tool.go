package main

import (
	"time"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/trace"
)

// modes are the ways to run that differ in what they need.
func modes() []trace.Mode {
	return []trace.Mode{
		{Name: "default", Needs: trace.BaseNeeds(), Hooks: hooks(opsDefault, false)},
		{Name: "-x, --errors, --attributes", Needs: trace.BaseNeeds(), Hooks: hooks(opsDefault, true)},
		{Name: "--crypto", Needs: needs(&config{crypto: true}), Hooks: append(hooks(opsDefault, false), new(probes).hook(), algHook())},
		{Name: "--freeze", Needs: needs(&config{freeze: true}), Hooks: hooks(opsDefault, false)},
	}
}

func needs(cfg *config) []preflight.Need {
	needs := trace.BaseNeeds()
	if cfg.freeze {
		needs = append(needs, preflight.Need{Cap: preflight.Kill, Why: "stop processes of other users (--freeze)", Running: true})
	}
	if cfg.crypto {
		needs = append(needs,
			preflight.Need{Cap: preflight.Perfmon, Why: "attach to libraries that are opened later (--crypto)", Running: true},
			preflight.Need{Cap: preflight.SysPtrace, Why: "see the libraries of others, and those in containers (--crypto)", Running: true})
	}
	return needs
}

func newTool(cfg *config, env *command.Env) (*trace.Tool[event], error) {
	if err := cfg.resolve(env); err != nil {
		return nil, err
	}
	j, err := newJudge(cfg)
	if err != nil {
		return nil, err
	}
	if cfg.acts() {
		j.act = newActor(cfg, env.Stderr).alarm
	}
	d := &decoder{details: env.Format != "table", judge: j}
	if cfg.format == "filelife" || env.Format != "table" {
		d.life = newLife()
	}
	ops := cfg.ops()
	tool := &trace.Tool[event]{
		Object:  _BpfBytes,
		Set:     func(spec *ebpf.CollectionSpec) error { return setConstants(spec, cfg, env.Format) },
		Hooks:   hooks(ops, cfg.failures()),
		Needs:   needs(cfg),
		Decode:  d.decode,
		Keep:    newKeeper(cfg, env),
		Ended:   cfg.ended,
		Below:   below,
		Fields:  fields,
		Columns: columns(cfg),
	}
	if cfg.idle != nil {
		tool.Rest = func(end bool, _ func(*event) error) error {
			if end {
				return nil // which is for ended
			}
			return cfg.idle(time.Now().UnixNano())
		}
	}
	if cfg.crypto {
		d.probes = newProbes(cfg, env)
		tool.Attach = d.probes.attach
		tool.Hooks = append(tool.Hooks, d.probes.hook(), algHook())
		set := tool.Set
		tool.Set = func(spec *ebpf.CollectionSpec) error {
			d.probes.spec = spec.Programs[cryptoProgram].Copy()
			return set(spec)
		}
	}
	return tool, nil
}

func setConstants(spec *ebpf.CollectionSpec, cfg *config, format string) error {
	ops := cfg.ops()
	var openFlags uint32
	for _, f := range cfg.openFlags {
		openFlags |= f
	}
	for _, c := range []struct {
		name  string
		value any
	}{
		{"want_ops", uint64(ops)},
		{"want_successes", !cfg.failed},
		{"want_failures", cfg.failures()},
		{"want_files", cfg.asksFiles()},
		{"want_details", format != "table"},
		{"filter_tid", uint32(cfg.tid)},
		{"filter_open_flags", openFlags},
		{"want_sample", cfg.entropy},
	} {
		if err := loader.SetConstant(spec, c.name, c.value); err != nil {
			return err
		}
	}
	if err := setPrefixes(spec, cfg.paths, cfg.notPaths); err != nil {
		return err
	}
	fillCalls(spec.Maps["calls"], ops, false)
	fillCalls(spec.Maps["compat_calls"], ops, true)
	// A map's size is charged whether or not it is used.
	if !ops.has(opWrite) && !ops.has(opClose) {
		spec.Maps["written"].MaxEntries = 1
	}
	if !cfg.crypto {
		spec.Maps["ciphers"].MaxEntries = 1
		spec.Maps["algs"].MaxEntries = 1
	}
	return nil
}
