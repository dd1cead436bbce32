package main

import (
	"context"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/trace"
)

// schemaVersion is that of the JSON lines; it changes when a field changes its
// meaning or goes.
const schemaVersion = "1"

// formats are the tables, the first of which stands if none is asked for.
var formats = []string{"files", "opensnoop", "filelife", "filegone", "classic", "timesketch", "bodyfile"}

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
			command.Bool("entropy", "", "look at the first bytes that are written: whether they are encrypted, which rules know then", &cfg.entropy),
			command.Bool("crypto", "", "what libraries of cryptography and the kernel encrypt, too: op encrypt, with the bytes", &cfg.crypto),
			command.Texts("crypto-file", "", "FILE", "with --crypto: a program or library with OpenSSL's functions or their like; repeatable", &cfg.cryptoFiles),
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
			{Line: "filesnoop --entropy --alert-only", What: "the same, by what is written as well"},
			{Line: "filesnoop --crypto --json | jq 'select(.op == \"encrypt\")'", What: "who encrypts how much by a library"},
			{Line: "filesnoop --format classic --threshold C=25,D=25", What: "the table of the founding detector"},
			{Line: "filesnoop --features 1s --duration 60s", What: "rows for machine learning"},
			{Line: "filesnoop --all --format timesketch --duration 1h", What: "a timeline that Timesketch imports"},
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
