package main

import (
	"context"
	"regexp"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/trace"
)

// schemaVersion is that of the JSON lines; it changes when a field changes its
// meaning or goes.
const schemaVersion = "1"

// config is what the flags say.
type config struct {
	time      bool
	timestamp bool
	fails     bool
	printUID  bool
	quote     bool
	name      *regexp.Regexp
	line      *regexp.Regexp
	maxArgs   int // 0: not given
	ppid      int
	cpu       bool
	parent    bool
}

// defaultMaxArgs is how many words the table shows, as in the classic tool.
const defaultMaxArgs = 20

func newCommand() *command.Command { return commandOf(new(config)) }

// commandOf returns the command whose flags are written to cfg.
func commandOf(cfg *config) *command.Command {
	return &command.Command{
		Name:    "execsnoop",
		Summary: "trace new processes: what was executed, with its arguments, and what failed",
		Description: `One line per exec: the new name (PCOMM), process and parent, the return value
(0, or a negative errno with -x), the file that was asked for and the arguments.`,
		Flags: []command.Flag{
			command.Bool("time", "T", "TIME column: local time of the event, HH:MM:SS", &cfg.time),
			command.Bool("timestamp", "t", "TIME(s) column: seconds since the start of tracing", &cfg.timestamp),
			command.Bool("fails", "x", "failed execs too", &cfg.fails),
			command.Bool("print-uid", "U", "UID column", &cfg.printUID),
			command.Bool("quote", "q", `put "quotation marks" around each argument`, &cfg.quote),
			command.Regexp("name", "n", "only where this matches the name (PCOMM)", &cfg.name),
			command.Regexp("line", "l", "only where this matches the arguments as shown (ARGS)", &cfg.line),
			command.Int("max-args", "", "N", "show at most N arguments (table: 20, json and csv: all)", 1, 4096, &cfg.maxArgs),
			command.Int("ppid", "P", "PPID", "only children of this process", 1, 1<<22, &cfg.ppid),
			command.Bool("print-cpu", "C", "CPU column", &cfg.cpu),
			command.Bool("print-pcomm", "M", "PCOMM column with the parent's name; the first column is then COMM", &cfg.parent),
		},
		Examples: []command.Example{
			{Line: "execsnoop", What: "all successful execs"},
			{Line: "execsnoop -x", What: "failed ones too"},
			{Line: "execsnoop -T -U", What: "with time and user id"},
			{Line: "execsnoop -u www-data", What: "only what that user runs"},
			{Line: "execsnoop -p 1234 --follow", What: "only below process 1234"},
			{Line: "execsnoop -l 'curl|wget'", What: "only lines that match"},
			{Line: "execsnoop --container 3f2a", What: "only in one container"},
			{Line: "execsnoop -x --json | jq .filename", What: "for a pipeline"},
			{Line: "execsnoop --check", What: "what works on this kernel, and as whom"},
		},
		Documents: map[string]func() []byte{
			"schema":     func() []byte { return output.Schema("execsnoop", schemaVersion, fields) },
			"fields":     func() []byte { return output.ManFields(fields) },
			"privileges": func() []byte { return trace.Privileges("execsnoop", modes()) },
		},
		Run: func(ctx context.Context, env *command.Env) error { return newTool(cfg, env).Run(ctx, env) },
	}
}

// modes are the ways to run that differ in what they need.
func modes() []trace.Mode {
	return []trace.Mode{
		{Name: "default", Needs: trace.BaseNeeds(), Hooks: hooks(&config{}, "table")},
		{Name: "-x", Needs: trace.BaseNeeds(), Hooks: hooks(&config{fails: true}, "table")},
		{Name: "-o json, -o csv", Needs: trace.BaseNeeds(), Hooks: hooks(&config{}, "json")},
	}
}

func newTool(cfg *config, env *command.Env) *trace.Tool[event] {
	return &trace.Tool[event]{
		Object:  _BpfBytes,
		Set:     func(spec *ebpf.CollectionSpec) error { return setConstants(spec, cfg, env.Format) },
		Hooks:   hooks(cfg, env.Format),
		Needs:   trace.BaseNeeds(),
		Decode:  decoder(cfg, env.Format),
		Keep:    keeper(cfg),
		Fields:  fields,
		Columns: columns(cfg),
	}
}

func setConstants(spec *ebpf.CollectionSpec, cfg *config, format string) error {
	for _, c := range []struct {
		name  string
		value any
	}{
		{"want_paths", format != "table"},
		{"want_failures", cfg.fails},
		{"filter_by_ppid", cfg.ppid != 0},
		{"filter_ppid", uint32(cfg.ppid)},
	} {
		if err := loader.SetConstant(spec, c.name, c.value); err != nil {
			return err
		}
	}
	if !cfg.fails {
		spec.Maps["scratch"].MaxEntries = 3 // SCRATCH_EXEC and its copies
	}
	return nil
}

// keeper decides what only user space can: the regular expressions.
func keeper(cfg *config) func(*event) bool {
	if cfg.name == nil && cfg.line == nil {
		return nil
	}
	var line []byte
	return func(e *event) bool {
		if cfg.name != nil && !cfg.name.Match(e.Comm) {
			return false
		}
		if cfg.line != nil {
			line = e.appendLine(line[:0])
			return cfg.line.Match(line)
		}
		return true
	}
}
