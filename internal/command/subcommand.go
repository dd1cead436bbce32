package command

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// typed is what is typed to run the command: "guard", or "guard run".
func (c *Command) typed() string {
	if c.line != "" {
		return c.line
	}
	return c.Name
}

// hint says where all flags are listed.
func (c *Command) hint() string {
	if c.line != "" {
		return c.line + " --help lists all flags"
	}
	return "--help lists all flags"
}

// subcommand returns the one of that name, or nil.
func (c *Command) subcommand(name string) *Command {
	for _, s := range c.Subcommands {
		if s.Name == name {
			under := *s
			under.line = c.typed() + " " + s.Name
			return &under
		}
	}
	return nil
}

func (c *Command) subcommandNames() []string {
	var names []string
	for _, s := range c.Subcommands {
		names = append(names, s.Name)
	}
	return names
}

// dispatch runs the subcommand that the first word names, with those behind it.
func (c *Command) dispatch(cc *cli.Context, env *Env) error {
	name := cc.Args().First()
	s := c.subcommand(name)
	switch {
	case s == nil:
		return Usagef("unknown command %q: want one of %s (--help tells what they do)", name, strings.Join(c.subcommandNames(), ", "))
	case cc.NumFlags() > 0:
		return Usagef("flags of %s come behind its name (%s)", s.line, s.hint())
	}
	return s.parseAndRun(cc.Context, env, cc.Args().Tail())
}

func (c *Command) noSubcommand() error {
	return Usagef("no command: want one of %s (--help tells what they do)", strings.Join(c.subcommandNames(), ", "))
}
