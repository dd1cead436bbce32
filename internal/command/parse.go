package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

// allFlags returns the command's flags and then the common ones. Where bcc
// gave a letter another meaning, the command has it and the common flag does
// without.
func (c *Command) allFlags(env *Env) []Flag {
	taken := make(map[string]bool)
	flags := append([]Flag(nil), c.Flags...)
	for _, f := range c.Flags {
		taken[f.Letter] = true
		taken[f.Name] = true
	}
	for _, f := range env.Common.flags() {
		if taken[f.Name] || !c.takes(f) {
			continue
		}
		if taken[f.Letter] {
			f.Letter = ""
		}
		flags = append(flags, f)
	}
	return flags
}

// takes reports whether the command has a common flag.
func (c *Command) takes(f Flag) bool {
	switch {
	case c.Common != nil:
		return slices.Contains(c.Common, f.Name) || f.Hidden && c.line == ""
	case len(c.Subcommands) > 0:
		return f.Name == "version" || f.Hidden
	}
	return true
}

// The library looks for --help by itself wherever the flag exists, even with
// HideHelp, and would print its own text in place of ours.
func init() { cli.HelpFlag = nil }

func (c *Command) parseAndRun(ctx context.Context, env *Env, args []string) error {
	flags := c.allFlags(env)
	app := &cli.App{
		Name:                      c.Name,
		Writer:                    io.Discard, // the library would print help on stdout for every mistake
		ErrWriter:                 io.Discard,
		HideVersion:               true,
		HideHelp:                  true,
		HideHelpCommand:           true,
		UseShortOptionHandling:    true, // -xT
		DisableSliceFlagSeparator: true,
		ExitErrHandler:            func(*cli.Context, error) {}, // it would call os.Exit past our defers
		OnUsageError:              func(_ *cli.Context, err error, _ bool) error { return usage(err, c.hint()) },
	}
	var help bool
	for _, f := range append(flags, Bool("help", "h", "", &help)) {
		app.Flags = append(app.Flags, f.cliFlags()...)
	}
	app.Action = func(cc *cli.Context) error {
		switch {
		case help:
			_, err := io.WriteString(env.Stdout, c.help(flags))
			return err
		case env.version:
			_, err := io.WriteString(env.Stdout, version(c.Name))
			return err
		case len(c.Subcommands) > 0 && cc.NArg() > 0:
			return c.dispatch(cc, env)
		case cc.NArg() > 0 && c.Arguments == "":
			return Usagef("unexpected argument %q: flags come first and there is nothing after them", cc.Args().First())
		case env.document != "":
			return c.describe(env, env.document)
		}
		if env.json {
			env.Format = "json"
		}
		if len(c.Subcommands) > 0 && (c.Run == nil || !env.Check) {
			return c.noSubcommand()
		}
		env.Args, env.Dashes = cc.Args().Slice(), endsInDashes(args[:len(args)-cc.NArg()])
		return c.Run(cc.Context, env)
	}
	return app.RunContext(ctx, append([]string{c.Name}, args...))
}

// endsInDashes reports whether flags end in the -- that the library takes away. It would as well be the value of a last
// flag, which nobody gives it.
func endsInDashes(flags []string) bool { return len(flags) > 0 && flags[len(flags)-1] == "--" }

// usage makes one line of the flag package's errors.
func usage(err error, hint string) error {
	msg := err.Error()
	switch {
	case errors.Is(err, flag.ErrHelp):
		msg = "unknown flag"
	case strings.HasPrefix(msg, "flag provided but not defined: "):
		msg = "unknown flag " + dashes(strings.TrimPrefix(msg, "flag provided but not defined: "))
	case strings.HasPrefix(msg, "flag needs an argument: "):
		msg = dashes(strings.TrimPrefix(msg, "flag needs an argument: ")) + " needs a value"
	default:
		// invalid value "x" for flag -name: reason
		// invalid boolean value "x" for -name: reason
		// The value may contain anything, so it is stepped over by its quotes.
		quote := strings.IndexByte(msg, '"')
		if !strings.HasPrefix(msg, "invalid ") || quote < 0 {
			break
		}
		value, err := strconv.QuotedPrefix(msg[quote:])
		if err != nil {
			break
		}
		before, after := msg[:quote]+value, msg[quote+len(value):]
		after = strings.TrimPrefix(strings.TrimPrefix(after, " for "), "flag ")
		name, reason, _ := strings.Cut(after, ": ")
		msg = dashes(name) + ": " + before + ": " + reason
	}
	return Usagef("%s (%s)", msg, hint)
}

// dashes writes a flag as its user would: -x, --fails.
func dashes(name string) string {
	name = strings.TrimLeft(name, "-")
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// Version is the suite's version; the build sets it.
var Version = "0.1.0"

func version(name string) string {
	lib := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/cilium/ebpf" {
				lib = ", ebpf " + m.Version
			}
		}
	}
	return fmt.Sprintf("%s %s (Ringside%s, %s, %s)\n", name, Version, lib, runtime.Version(), runtime.GOARCH)
}
