package main

import (
	"context"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/filter"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/trace"
)

// schemaVersion is that of the JSON lines; it changes when a field changes its
// meaning or goes.
const schemaVersion = "1"

// config is what the flags say.
type config struct {
	timestamp    bool
	printUID     bool
	wide         bool
	errors       bool
	failed       bool // the same
	ports        []portRange
	listen       bool
	listenOnly   bool
	existing     bool
	baseline     string
	saveBaseline string
	countBinds   bool
}

func newCommand() *command.Command { return commandOf(new(config)) }

// commandOf returns the command whose flags are written to cfg.
func commandOf(cfg *config) *command.Command {
	return &command.Command{
		Name:    "bindsnoop",
		Summary: "trace who binds sockets and listens: which process has which port",
		Description: `One line per bind() of a TCP or UDP socket: process, name, protocol, address and
port that it got, options that were set before (OPTS: F freebind, T transparent,
N bind address no port, R reuseaddr, r reuseport), interface. A * at the end
marks a port below 1024. With -l listen() too; with --listen-only, what listens.

Exit status 5: with --baseline, something listened that is not in it.`,
		Flags: []command.Flag{
			command.Bool("timestamp", "t", "TIME(s) column: seconds since the start of tracing", &cfg.timestamp),
			command.Bool("print-uid", "U", "UID column", &cfg.printUID),
			command.Bool("wide", "w", "wide columns, for addresses of IPv6; RC in words", &cfg.wide),
			command.Bool("errors", "E", "failed calls too, and RC column: 0, or a negative errno", &cfg.errors),
			command.Bool("failed", "x", "the same as --errors", &cfg.failed),
			command.List("port", "P", "PORT,...", "only these ports; 8000-8100 is a range", parsePorts, &cfg.ports),
			command.Bool("listen", "l", "listen() too, and OP column", &cfg.listen),
			command.Bool("listen-only", "", "only what listens: TCP sockets that listen, UDP sockets bound to a port of their choice", &cfg.listenOnly),
			command.Bool("existing", "", "listeners that are there already, first", &cfg.existing),
			command.Text("baseline", "", "FILE", "with --listen-only: only what is not in this list; exit with 5 if there was any", &cfg.baseline),
			command.Text("save-baseline", "", "FILE", "write such a list at the end, of what is there already and what was seen", &cfg.saveBaseline),
			command.Bool("count-binds", "", "count by address and port, and print the sums at the end", &cfg.countBinds),
		},
		Examples: []command.Example{
			{Line: "bindsnoop", What: "all binds of TCP and UDP"},
			{Line: "bindsnoop -l", What: "listen() too"},
			{Line: "bindsnoop -E -U", What: "failed ones too, with user id"},
			{Line: "bindsnoop -P 80,443,8000-8100", What: "only these ports"},
			{Line: "bindsnoop --listen-only --existing", What: "what listens, now and from now on"},
			{Line: "bindsnoop --save-baseline FILE --duration 1s", What: "write down what listens now"},
			{Line: "bindsnoop --baseline FILE", What: "only listeners that are not in that list"},
			{Line: "bindsnoop --baseline FILE --existing --duration 1s -q", What: "the same of now, for cron: exit status 5 if there are any"},
			{Line: "bindsnoop --listen-only --json | jq -c '[.exe, .protocol, .port]'", What: "for a pipeline"},
			{Line: "bindsnoop --check", What: "what works on this kernel, and as whom"},
		},
		Documents: map[string]func() []byte{
			"schema":     func() []byte { return output.Schema("bindsnoop", schemaVersion, fields) },
			"fields":     func() []byte { return output.ManFields(fields) },
			"privileges": func() []byte { return trace.Privileges("bindsnoop", modes()) },
		},
		Run: func(ctx context.Context, env *command.Env) error {
			tool, err := newTool(cfg, env)
			if err != nil {
				return err
			}
			return tool.Run(ctx, env)
		},
	}
}

// modes are the ways to run that differ in what they need.
func modes() []trace.Mode {
	return []trace.Mode{
		{Name: "default", Needs: needs(&config{}), Hooks: hooks()},
		{Name: "--existing, --save-baseline", Needs: needs(&config{existing: true}), Hooks: hooks()},
	}
}

func needs(cfg *config) []preflight.Need {
	needs := trace.BaseNeeds()
	if cfg.existing {
		needs = append(needs,
			preflight.Need{Cap: preflight.SysPtrace, Why: "find the processes that have the sockets that are there already"},
			preflight.Need{Cap: preflight.DacReadSearch, Why: "look at the descriptors of other users' processes"})
	}
	return needs
}

// resolve says what is wrong with flags that are right each by itself, and sets
// those that others imply.
func (cfg *config) resolve(f *filter.Flags) error {
	cfg.errors = cfg.errors || cfg.failed
	if cfg.baseline != "" || cfg.saveBaseline != "" {
		cfg.listenOnly = true
	}
	if cfg.saveBaseline != "" {
		cfg.existing = true
	}
	if cfg.listenOnly && cfg.errors {
		return command.Usagef("--errors: what failed does not listen: leave it out with --listen-only and baselines")
	}
	if cfg.existing && cfg.countBinds {
		return command.Usagef("--count-binds: counts calls, which --existing and baselines have none of")
	}
	if cfg.countBinds && cfg.baseline != "" {
		return command.Usagef("--count-binds: not with --baseline")
	}
	if cfg.existing {
		for name, given := range map[string]bool{
			"--follow": f.Follow, "--cgroup": f.Cgroup != "", "--mntns": f.MntNS != "",
			"--cgroupmap": f.CgroupMap != "", "--mntnsmap": f.MntNSMap != "",
		} {
			if given {
				return command.Usagef("%s: cannot be applied to listeners that are there already (--existing)", name)
			}
		}
	}
	return nil
}

// showsOp reports whether rows of the table can be of more than one call.
func (cfg *config) showsOp() bool { return cfg.listen || cfg.listenOnly }

// details reports whether more is needed than the table has.
func (cfg *config) details(format string) bool {
	return format != "table" && !cfg.countBinds || cfg.baseline != "" || cfg.saveBaseline != ""
}

func newTool(cfg *config, env *command.Env) (*trace.Tool[event], error) {
	if err := cfg.resolve(&env.Filter); err != nil {
		return nil, err
	}
	d := &decoder{details: env.Format != "table", interfaces: newInterfaces()}
	t := &trace.Tool[event]{
		Object:  _BpfBytes,
		Set:     func(spec *ebpf.CollectionSpec) error { return setConstants(spec, cfg, env.Format) },
		Hooks:   hooks(),
		Needs:   needs(cfg),
		Decode:  d.decode,
		Fields:  fields,
		Columns: columns(cfg),
	}
	if cfg.countBinds {
		t.Totals = totals()
	}
	if cfg.existing {
		t.Existing = func(h *trace.Host) ([]*event, error) { return existing(h, "/proc", cfg, &env.Filter) }
	}
	if cfg.baseline == "" && cfg.saveBaseline == "" {
		return t, nil
	}
	w, err := newWatch(cfg, !env.Check)
	if err != nil {
		return nil, err
	}
	t.Keep, t.Ended = w.keep, w.ended
	return t, nil
}

func setConstants(spec *ebpf.CollectionSpec, cfg *config, format string) error {
	for _, c := range []struct {
		name  string
		value any
	}{
		{"want_listens", cfg.listen},
		{"want_listeners", cfg.listenOnly},
		{"want_failures", cfg.errors},
		{"want_details", cfg.details(format)},
		{"want_counts", cfg.countBinds},
		{"filter_by_port", len(cfg.ports) > 0},
		{"filter_ports", portSet(cfg.ports)},
	} {
		if err := loader.SetConstant(spec, c.name, c.value); err != nil {
			return err
		}
	}
	if cfg.countBinds {
		spec.Maps["counts"].MaxEntries = countsMax
	}
	return nil
}

// unexpected is the answer of --baseline.
type unexpected uint64

// exitUnexpected is above the codes that all commands share.
const exitUnexpected = 5

func (u unexpected) ExitCode() int { return exitUnexpected }

func (u unexpected) Error() string {
	return fmt.Sprintf("not in the baseline: %d listeners", uint64(u))
}
