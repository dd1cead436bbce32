package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/tools/guard/engine"
)

// detachConfig is what the flags of guard detach say.
type detachConfig struct {
	pinDir string
	quiet  bool
	stop   bool
	pins   pins
}

func detachCommand() *command.Command {
	return detachCommandOf(&detachConfig{pins: thisMachine().pins})
}

func detachCommandOf(cfg *detachConfig) *command.Command {
	return &command.Command{
		Name:    "detach",
		Summary: "take out of force what guard run --persist has left there",
		Description: `Nothing of what is pinned is enforced any more when it ends. While the guard runs that
has pinned it, it would go on to be enforced: then nothing is done, and that is told,
unless --stop ends that guard first.`,
		Common: []string{},
		Flags: []command.Flag{
			pinDirFlag(&cfg.pinDir),
			command.Bool("stop", "", "end the guard that runs, and has pinned them", &cfg.stop),
			command.Bool("quiet", "q", "do not tell what was taken away", &cfg.quiet),
		},
		ExitCodes: "0 policies were taken out of force, 1 there were none, or they could not be,\n  4 a privilege is missing",
		Examples: []command.Example{
			{Line: "guard detach", What: "all of it"},
			{Line: "guard detach --stop", What: "of a guard that runs, too, with --self-protect also"},
			{Line: "guard detach --pin-dir /sys/fs/bpf/web", What: "what was pinned there"},
		},
		Run: cfg.run,
	}
}

// removing is what it takes to remove what root has pinned.
func removing() []preflight.Need {
	return append(looking(), preflight.Need{Cap: preflight.DacOverride, Why: "remove files from the directory of root"})
}

func (cfg *detachConfig) run(_ context.Context, env *command.Env) error {
	dir := pinDir(cfg.pinDir)
	if err := cfg.pins.may(removing()); err != nil {
		return err
	}
	if cfg.stop {
		if err := cfg.pins.stop(dir); err != nil {
			return fmt.Errorf("detach: %w", err)
		}
	}
	was, err := cfg.pins.remove(dir)
	switch {
	case err != nil:
		return fmt.Errorf("detach: %w", err)
	case was == nil:
		return nothingPinned(dir)
	case cfg.quiet:
		return nil
	}
	if _, err := env.Stdout.Write(removedText(dir, was)); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// removedText tells what was taken out of force.
func removedText(dir string, was *engine.Status) []byte {
	if was.Policies == nil {
		return append(output.AppendEscaped(nil, []byte("out of force: what was pinned at "+dir+", which could not be read")), '\n')
	}
	var b strings.Builder
	line := func(format string, args ...any) {
		b.Write(output.AppendEscaped(nil, fmt.Appendf(nil, format, args...)))
		b.WriteByte('\n')
	}
	line("out of force, and no more pinned at %s:", dir)
	for _, p := range was.Policies {
		mode := p.Mode
		if mode == "" { // several
			mode = "all of them"
		}
		line("  %s: %s, %s", p.Name, mode, plural(p.Rules, "rule"))
	}
	return []byte(b.String())
}
