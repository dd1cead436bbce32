package command

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// runner is a command that runs another one, with an optional and a parsed flag.
func runner(unique *string, number *int) *Command {
	return &Command{
		Name: "runner", Summary: "run tests", Arguments: "[-- COMMAND [ARGS]]",
		Flags: []Flag{
			Optional("unique", "y", []string{"pid", "cgroup"}, "once for each", unique),
			Parsed("number", "", "N", "a number in words", number, func(s string) (int, error) {
				if s != "seven" {
					return 0, fmt.Errorf("want seven")
				}
				return 7, nil
			}),
		},
		Examples: []Example{{Line: "runner", What: "nothing"}},
	}
}

func TestArguments(t *testing.T) {
	for _, test := range []struct {
		args   []string
		unique string
		number int
		rest   string // joined by a bar
	}{
		{nil, "", 0, ""},
		{[]string{"ls"}, "", 0, "ls"},
		{[]string{"--", "ls"}, "", 0, "ls"},
		{[]string{"--"}, "", 0, ""},
		{[]string{"ls", "-l", "--json"}, "", 0, "ls|-l|--json"}, // its flags, not ours
		{[]string{"--", "-l"}, "", 0, "-l"},
		{[]string{"--", "--", "ls"}, "", 0, "--|ls"},
		{[]string{"ls", "--", "-l"}, "", 0, "ls|--|-l"},
		{[]string{"--", "ls", "--", "--help"}, "", 0, "ls|--|--help"},
		{[]string{"--", "a b", "", "c"}, "", 0, "a b||c"},
		{[]string{"help"}, "", 0, "help"}, // no subcommand of the library
		{[]string{"--unique"}, "pid", 0, ""},
		{[]string{"-y"}, "pid", 0, ""},
		{[]string{"--unique=cgroup"}, "cgroup", 0, ""},
		{[]string{"--unique=cgroup", "--unique=pid"}, "pid", 0, ""},
		{[]string{"--unique", "cgroup"}, "pid", 0, "cgroup"}, // a value comes with =
		{[]string{"--unique", "--", "ls"}, "pid", 0, "ls"},
		{[]string{"--number", "seven", "ls"}, "", 7, "ls"},
		{[]string{"--number=seven"}, "", 7, ""},
	} {
		var unique string
		var number int
		c := runner(&unique, &number)
		var env *Env
		c.Run = func(_ context.Context, e *Env) error { env = e; return nil }
		var out bytes.Buffer
		comment := qt.Commentf("%q", test.args)
		qt.Assert(t, qt.Equals(c.Execute(t.Context(), test.args, &out, &out), ExitOK), comment)
		qt.Check(t, qt.Equals(unique, test.unique), comment)
		qt.Check(t, qt.Equals(number, test.number), comment)
		qt.Check(t, qt.Equals(strings.Join(env.Args, "|"), test.rest), comment)
		first := slices.Index(test.args, "--")
		qt.Check(t, qt.Equals(env.Dashes, first >= 0 && len(test.args)-first-1 == len(env.Args)), comment)
		qt.Check(t, qt.Equals(out.String(), ""), comment)
		qt.Check(t, qt.Equals(env.Format, "table"), comment)
	}
}

func TestArgumentsErrors(t *testing.T) {
	for arg, want := range map[string]string{
		"--unique=tid":    `--unique: invalid boolean value "tid": want one of pid, cgroup`,
		"--unique=":       `--unique: invalid boolean value "": want one of pid, cgroup`,
		"--unique=false":  `--unique: invalid boolean value "false": want one of pid, cgroup`,
		"--number=eight":  `--number: invalid value "eight": want seven`,
		"--number":        `--number needs a value`,
		"--number=\x1b\n": `--number: invalid value "\\x1b\\n": want seven`,
	} {
		var unique string
		var number int
		c := runner(&unique, &number)
		c.Run = func(context.Context, *Env) error { t.Errorf("%q ran", arg); return nil }
		var stdout, stderr bytes.Buffer
		qt.Check(t, qt.Equals(c.Execute(t.Context(), []string{arg}, &stdout, &stderr), ExitUsage))
		qt.Check(t, qt.Equals(stdout.String(), ""))
		qt.Check(t, qt.Matches(stderr.String(), `runner: `+want+` \(--help lists all flags\)\n`))
		qt.Check(t, qt.Equals(unique, ""))
		qt.Check(t, qt.Equals(number, 0))
	}
}

func TestArgumentsHelp(t *testing.T) {
	var unique string
	var number int
	var stdout, stderr bytes.Buffer
	code := runner(&unique, &number).Execute(t.Context(), []string{"--help", "--", "ls"}, &stdout, &stderr)
	qt.Check(t, qt.Equals(code, ExitOK))
	qt.Check(t, qt.Equals(stderr.String(), ""))
	qt.Check(t, qt.IsTrue(strings.HasPrefix(stdout.String(), "runner - run tests\n\nUSAGE\n  runner [flags] [-- COMMAND [ARGS]]\n")))
	qt.Check(t, qt.StringContains(stdout.String(), "  -y, --unique[=pid|cgroup]  once for each\n"))
	qt.Check(t, qt.StringContains(stdout.String(), "      --number N             a number in words\n"))
}
