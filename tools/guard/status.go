package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/tools/guard/engine"
)

// exitNothing is for a question about what is pinned where nothing is.
const exitNothing = 1

// statusConfig is what the flags of guard status say.
type statusConfig struct {
	pinDir string
	format string
	pins   pins
}

func statusCommand() *command.Command {
	return statusCommandOf(&statusConfig{pins: thisMachine().pins})
}

func statusCommandOf(cfg *statusConfig) *command.Command {
	return &command.Command{
		Name:    "status",
		Summary: "tell what guard run --persist has left in force",
		Description: `The policies that are pinned, what they have denied since their programs were loaded,
and whether a guard runs that reads the alerts. JSON is a line for each policy.`,
		Common: []string{"json"},
		Flags: []command.Flag{
			pinDirFlag(&cfg.pinDir),
			command.Choice("output", "o", []string{"text", "json"}, "format of what is told", &cfg.format),
		},
		ExitCodes: "0 policies are pinned, 1 none are, or it could not be found out,\n  4 a privilege is missing",
		Examples: []command.Example{
			{Line: "guard status", What: "what is in force?"},
			{Line: "guard status --json | jq -r 'select(.mode == \"enforce\") | .policy'", What: "for a pipeline"},
			{Line: "guard status >/dev/null || systemctl start guard", What: "for a script"},
		},
		Run: cfg.run,
	}
}

// looking is what it takes to look at what root has pinned.
func looking() []preflight.Need {
	return []preflight.Need{
		{Cap: preflight.BPF, Why: "open maps that are pinned"},
		{Cap: preflight.DacReadSearch, Why: "look into the directory of root"},
	}
}

func (cfg *statusConfig) run(_ context.Context, env *command.Env) error {
	dir := pinDir(cfg.pinDir)
	if env.Format == "json" {
		cfg.format = "json"
	}
	if err := cfg.pins.may(looking()); err != nil {
		return err
	}
	s, err := cfg.pins.status(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist): // it went as we looked
		return nothingPinned(dir)
	case err != nil:
		return fmt.Errorf("find out what is pinned at %s: %w", dir, err)
	case s == nil:
		return nothingPinned(dir)
	case cfg.format == "json":
		return writeStatus(env, dir, s)
	}
	if _, err := env.Stdout.Write(statusText(dir, s)); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// nothingPinned is the answer where nothing is.
func nothingPinned(dir string) error {
	return answer{exitNothing, "nothing is pinned at " + dir + ": what a guard without --persist enforces ends with it"}
}

// statusText is the status for people.
func statusText(dir string, s *engine.Status) []byte {
	var b strings.Builder
	line := func(format string, args ...any) {
		b.Write(output.AppendEscaped(nil, fmt.Appendf(nil, format, args...)))
		b.WriteByte('\n')
	}
	line("pinned at %s since %s, revision %d", dir, s.Since.UTC().Format(time.RFC3339), s.Revision)
	line("guard: %s", managerText(s.Manager))
	if s.Older > 0 {
		line("older: %d more, of guards that were killed as they took over; they are in force as well, until the next one", s.Older)
	}
	line("alerts: %d, %d lost", s.Alerts, s.Lost)
	line("in doubt: %d paths unresolved, %d decisions without memory, %d skipped by the kernel", s.Unresolved, s.NoMemory, s.Skipped)
	var hooks []string
	for _, h := range s.Hooks {
		hooks = append(hooks, string(h))
	}
	writeList(&b, "hooks", hooks)
	line("%-7s %5s %s", "MODE", "RULES", "POLICY")
	for _, p := range s.Policies {
		line("%-7s %5d %s", p.Mode, p.Rules, p.Name)
	}
	return []byte(b.String())
}

func managerText(m *engine.ManagerStatus) string {
	switch {
	case m == nil:
		return "none runs, and nobody reads alerts"
	case m.PID == 0:
		return "runs and reads alerts, in another pid namespace"
	}
	return fmt.Sprintf("process %d runs and reads alerts", m.PID)
}
