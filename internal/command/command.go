// Package command is the command line that all commands share: flags with one
// meaning everywhere, help that ends in examples, one line per error with one
// line of remedy, and exit codes. It is the only package that knows
// urfave/cli.
//
// A command is a value of type [Command]; its main function is
//
//	func main() { command.Main(newCommand()) }
//
// and everything else of it is testable without a process: see
// [Command.Execute].
package command

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Command describes one command.
type Command struct {
	Name        string
	Summary     string // one line, without the name: "trace new processes"
	Description string // a paragraph for --help
	Flags       []Flag // its own; the common ones are added
	// Common are the names of the common flags that it takes; nil are all of them,
	// or with Subcommands none but --version. A flag of its own by a common name
	// takes the place of that.
	Common    []string
	Arguments string // what follows the flags, for --help; "" if nothing may
	Examples  []Example
	// Documents are what --describe can print: the schema, the table of
	// privileges. Files in the tree are generated from them.
	Documents map[string]func() []byte
	// Subcommands are what the command can do, where that is several things; each
	// has flags of its own. The first word behind the command's own flags is the
	// name of one.
	Subcommands []*Command
	ExitCodes   string // for --help, where they are not the usual ones
	// Run does the work. The flags are set. With Subcommands it is there for --check
	// alone: a command line that names none of them is a mistake otherwise.
	Run func(ctx context.Context, env *Env) error

	line string // what is typed to run it, where that is not the name
}

// Example is a line of the EXAMPLES section of --help.
type Example struct{ Line, What string }

// Env is what a running command gets from its surroundings.
type Env struct {
	Name           string // without that of a subcommand
	Stdout, Stderr io.Writer
	Args           []string // what followed the flags
	Dashes         bool     // a -- of its own stood between the flags and Args, which has only those that come later
	Common
}

// Main runs the command with the arguments of the process, and exits.
func Main(c *Command) {
	// A closed pipe must come back as a write error, so that we stop in order.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C kills at once
	os.Exit(c.Execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Execute parses args, runs the command and returns its exit code. Errors are
// told on stderr.
func (c *Command) Execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	env := &Env{Name: c.Name, Stdout: stdout, Stderr: stderr}
	return report(c.Name, stderr, c.parseAndRun(ctx, env, args))
}

// describe prints one of the command's documents, or of those that are made
// from its flags.
func (c *Command) describe(env *Env, what string) error {
	if doc, ok := c.Documents[what]; ok {
		_, err := env.Stdout.Write(doc())
		return err
	}
	doc, ok := c.completion(what)
	if !ok {
		return Usagef("--describe: no document %q", what)
	}
	_, err := fmt.Fprint(env.Stdout, doc)
	return err
}
