package main

import (
	"context"
	"time"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/command"
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
	format     string
	timestamp  bool
	printUID   bool
	extended   bool
	fullPath   bool
	failed     bool
	errors     bool
	tid        int
	name       string
	openFlags  []uint32
	duration   time.Duration
	write      bool
	create     bool
	delete     bool
	rename     bool
	attributes bool
	all        bool
	paths      []string
	notPaths   []string
	globs      []*glob
	exec       bool
	replay     string
	features   time.Duration
	alertOnly  bool
	thresholds []threshold
	patterns   []string
	window     time.Duration
	canaries   []string
	onAlert    string
	freeze     bool

	ended func() error // when all is printed
}

// formats are the tables, the first of which stands if none is asked for.
var formats = []string{"files", "opensnoop", "filelife", "filegone", "classic"}

func newCommand() *command.Command { return commandOf(new(config)) }

// commandOf returns the command whose flags are written to cfg.
func commandOf(cfg *config) *command.Command {
	return &command.Command{
		Name:    "filesnoop",
		Summary: "trace what is done to files: opened, created, changed, renamed, deleted",
		Description: `One line per file that is opened, made, deleted, renamed, linked or truncated:
process, name, what was done, the result, and the full path. A failed call is not
an event: -x shows failures, --errors shows them too. With --write what is
written, with --attributes owners, permissions and extended attributes.`,
		Arguments: "COMMAND and its arguments, which is then traced with its children",
		Flags: []command.Flag{
			command.Choice("format", "", formats, "the table: our own, or that of another tool, with the events that it has", &cfg.format),
			command.Bool("timestamp", "T", "TIME(s) column: seconds since the start of tracing", &cfg.timestamp),
			command.Bool("print-uid", "U", "UID column", &cfg.printUID),
			command.Bool("extended", "e", "FLAGS and MODE columns", &cfg.extended),
			command.Bool("full-path", "F", "full paths in the table of opensnoop, which has names as given", &cfg.fullPath),
			command.Bool("failed", "x", "only what failed", &cfg.failed),
			command.Bool("errors", "", "what failed too", &cfg.errors),
			command.Int("tid", "t", "TID", "only this thread; the first column is TID then", 1, 1<<22, &cfg.tid),
			command.Text("name", "n", "NAME", "only processes whose name has this in it", &cfg.name),
			command.List("flag-filter", "f", "FLAG,...", "only opens with any of these flags, such as O_WRONLY,O_RDWR", parseOpenFlag, &cfg.openFlags),
			command.Duration("duration", "d", "end after this time (10s, 1m30s, or seconds)", &cfg.duration),
			command.Bool("write", "", "only what is written: first writes, sums at the end, truncates, shared mappings", &cfg.write),
			command.Bool("create", "", "only what is made: files, directories, links, nodes", &cfg.create),
			command.Bool("delete", "", "only what is deleted", &cfg.delete),
			command.Bool("rename", "", "only what is renamed; these four can be given together", &cfg.rename),
			command.Bool("attributes", "", "owners, permissions and extended attributes too", &cfg.attributes),
			command.Bool("all", "", "everything: what is written and attributes too", &cfg.all),
			command.Texts("path", "", "DIR", "only this file or what is below this directory; repeatable", &cfg.paths),
			command.Texts("not-path", "", "DIR", "not this file nor what is below this directory; repeatable", &cfg.notPaths),
			globFlag("glob", "", "PATTERN", "only paths that match: * and ? within a name, ** across; without / the name alone; repeatable", &cfg.globs),
			command.Bool("alert-only", "", "only events that raise an alarm", &cfg.alertOnly),
			command.Texts("canary", "", "FILE", "an alarm for whoever does anything to this file; repeatable", &cfg.canaries),
			command.Text("on-alert", "", "PROGRAM", "run this at an alarm, with rule, process, executable, count and first file as arguments", &cfg.onAlert),
			command.Bool("freeze", "", "at an alarm, stop the processes of the tree (SIGSTOP)", &cfg.freeze),
			command.List("threshold", "", "KIND=N,...", "events of a kind (O, C, D, E) that a process may have in a window (50)", parseThreshold, &cfg.thresholds),
			command.List("pattern", "", "KINDS,...", "events about one file that are a match (OCD)", parsePattern, &cfg.patterns),
			command.Duration("window", "", "time that thresholds and patterns look back (10s)", &cfg.window),
			command.Duration("features", "", "in place of events, a row of CSV for each process in each such time", &cfg.features),
			command.Text("replay", "", "FILE", "read events from a file, JSON Lines or the founding detector's CSV, and judge them", &cfg.replay),
			command.Bool("exec", "", "trace the COMMAND that follows; the same as COMMAND behind --", &cfg.exec),
		},
		Examples: []command.Example{
			{Line: "filesnoop", What: "opens, and what is made, deleted, renamed, truncated"},
			{Line: "filesnoop --path /etc", What: "only below /etc"},
			{Line: "filesnoop --delete --rename", What: "only what is deleted or renamed"},
			{Line: "filesnoop --write -u www-data", What: "what a user writes, and how much"},
			{Line: "filesnoop -x", What: "only what failed"},
			{Line: "filesnoop --glob '*.conf' --errors", What: "who looks for configuration, found or not"},
			{Line: "filesnoop --format opensnoop -T -e", What: "the table of opensnoop, with flags and mode"},
			{Line: "filesnoop --format filelife", What: "short-lived files, with their age"},
			{Line: "filesnoop --all --exec -- tar xf x.tar", What: "everything that a command does"},
			{Line: "filesnoop --alert-only", What: "only alarms: who encrypts many files"},
			{Line: "filesnoop --format classic --threshold C=25,D=25", What: "the table of the founding detector"},
			{Line: "filesnoop --features 1s --duration 60s", What: "rows for machine learning"},
			{Line: "filesnoop --replay FILE --alert-only", What: "judge what was recorded with --json"},
			{Line: "filesnoop --json | jq -c '[.op, .path]'", What: "for a pipeline"},
			{Line: "filesnoop --check", What: "what works on this kernel, and as whom"},
		},
		Documents: map[string]func() []byte{
			"schema":     func() []byte { return output.Schema("filesnoop", schemaVersion, fields) },
			"fields":     func() []byte { return output.ManFields(fields) },
			"privileges": func() []byte { return trace.Privileges("filesnoop", modes()) },
		},
		Run: func(ctx context.Context, env *command.Env) error {
			if cfg.replay != "" {
				if err := cfg.resolve(env); err != nil {
					return err
				}
				return replay(ctx, cfg, env)
			}
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
		{Name: "default", Needs: trace.BaseNeeds(), Hooks: hooks(opsDefault, false)},
		{Name: "-x, --errors, --attributes", Needs: trace.BaseNeeds(), Hooks: hooks(opsDefault, true)},
		{Name: "--freeze", Needs: needs(&config{freeze: true}), Hooks: hooks(opsDefault, false)},
	}
}

func needs(cfg *config) []preflight.Need {
	needs := trace.BaseNeeds()
	if cfg.freeze {
		needs = append(needs, preflight.Need{Cap: preflight.Kill, Why: "stop processes of other users (--freeze)", Running: true})
	}
	return needs
}

// resolve says what is wrong with flags that are right each by itself, and sets
// those that others imply.
func (cfg *config) resolve(env *command.Env) error {
	if cfg.failed && cfg.errors {
		return command.Usagef("-x and --errors: only failures, or failures too: give one of them")
	}
	if cfg.exec && len(env.Args) == 0 {
		return command.Usagef("--exec: needs the COMMAND to trace, behind --")
	}
	selects := cfg.write || cfg.create || cfg.delete || cfg.rename || cfg.attributes || cfg.all
	if cfg.format != formats[0] {
		if selects && cfg.format != "classic" {
			return command.Usagef("--format %s: has the events of that tool: leave out --write, --create, --delete, --rename, --attributes and --all", cfg.format)
		}
		if env.Format != "table" {
			return command.Usagef("--format %s: is a table: leave out --output %s", cfg.format, env.Format)
		}
	}
	if cfg.format == "opensnoop" && !cfg.failed {
		cfg.errors = true
	}
	if (cfg.failed || cfg.errors) && (cfg.format == "filelife" || cfg.format == "filegone") {
		return command.Usagef("--format %s: has no failures: leave out -x and --errors", cfg.format)
	}
	if len(cfg.openFlags) > 0 && cfg.ops()&opsOpen == 0 {
		return command.Usagef("--flag-filter: there are no opens among what was asked for")
	}
	if cfg.features > 0 && (cfg.alertOnly || cfg.format != formats[0] || env.Format == "json") {
		return command.Usagef("--features: prints rows of its own: leave out --alert-only, --format and --json")
	}
	if cfg.features > 0 {
		env.Format = "json" // which has no header of its own
	}
	if cfg.replay != "" && (cfg.freeze || cfg.onAlert != "") {
		return command.Usagef("--replay: is about processes of the past: leave out --freeze and --on-alert")
	}
	if cfg.replay != "" && len(env.Args) > 0 {
		return command.Usagef("--replay: reads a file: leave out the COMMAND")
	}
	if cfg.duration > 0 {
		env.Duration = cfg.duration
	}
	return nil
}

// judges reports whether the rules are asked.
func (cfg *config) judges() bool {
	return cfg.format == formats[0] || cfg.format == "classic" || cfg.alertOnly || len(cfg.canaries) > 0 || cfg.acts()
}

// acts reports whether something is to be done about alarms.
func (cfg *config) acts() bool { return cfg.freeze || cfg.onAlert != "" }

// ops are what was asked for.
func (cfg *config) ops() opSet {
	var ops opSet
	for _, s := range []struct {
		given bool
		ops   opSet
	}{
		{cfg.write, opsWrite}, {cfg.create, opsCreate | opsOpen&^setOf(opOpen)}, {cfg.delete, opsDelete},
		{cfg.rename, setOf(opRename)}, {cfg.all, opsDefault | opsWrite | opsAttributes},
	} {
		if s.given {
			ops |= s.ops
		}
	}
	switch {
	case len(cfg.openFlags) > 0 && ops == 0:
		return opsOpen
	case cfg.format == "opensnoop":
		return opsOpen
	case cfg.format == "filelife":
		return setOf(opCreate, opMknod, opDelete, opRename)
	case cfg.format == "filegone":
		return setOf(opDelete, opRename)
	case ops == 0:
		ops = opsDefault
	}
	if cfg.attributes {
		ops |= opsAttributes
	}
	return ops
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
	return &trace.Tool[event]{
		Spec:    loadBpf,
		Set:     func(spec *ebpf.CollectionSpec) error { return setConstants(spec, cfg, env.Format) },
		Hooks:   hooks(ops, cfg.failures()),
		Needs:   needs(cfg),
		Decode:  d.decode,
		Keep:    newKeeper(cfg, env),
		Ended:   cfg.ended,
		Below:   below,
		Fields:  fields,
		Columns: columns(cfg),
	}, nil
}

func (cfg *config) failures() bool { return cfg.failed || cfg.errors }

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
		{"want_details", format != "table"},
		{"filter_tid", uint32(cfg.tid)},
		{"filter_open_flags", openFlags},
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
	return nil
}
