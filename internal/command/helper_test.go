package command

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

// result is what a command did: what its Run was given, and what came out.
type result struct {
	code   int
	stdout string
	stderr string
	env    *Env // nil if Run was not reached
	own    ownFlags
}

// ownFlags are the flags of the command under test: one of each kind, with
// letters of which -c and -q clash with common ones.
type ownFlags struct {
	fails, time, quote bool
	max                int
	count              string
	choice             string
	size               uint32
	wait               time.Duration
	name               *regexp.Regexp
}

// execute runs a command with args; run, if not nil, is what it does.
func execute(t *testing.T, run func(context.Context, *Env) error, args ...string) *result {
	t.Helper()
	r := new(result)
	c := testCommand(&r.own)
	c.Run = func(ctx context.Context, env *Env) error {
		r.env = env
		if run == nil {
			return nil
		}
		return run(ctx, env)
	}
	var stdout, stderr bytes.Buffer
	r.code = c.Execute(t.Context(), args, &stdout, &stderr)
	r.stdout, r.stderr = stdout.String(), stderr.String()
	return r
}

func testCommand(own *ownFlags) *Command {
	return &Command{
		Name:        "testsnoop",
		Summary:     "trace tests",
		Description: "One line per test.",
		Flags: []Flag{
			Bool("fails", "x", "failures [too]: the parent's", &own.fails),
			Bool("time", "T", "TIME column", &own.time),
			Bool("quote", "q", "put quotation marks", &own.quote),
			Text("class", "c", "CLASS", "a letter that bcc gave another meaning", &own.count),
			Int("max", "", "N", "at most N", 1, 10, &own.max),
			Choice("choice", "", []string{"one", "two"}, "one of two", &own.choice),
			Size("size", "", "a size", 4<<10, 1<<20, &own.size),
			Duration("wait", "w", "a time", &own.wait),
			Regexp("name", "n", "a pattern", &own.name),
		},
		Examples: []Example{
			{Line: "testsnoop", What: "everything"},
			{Line: "testsnoop -x", What: "failures too"},
		},
		Documents: map[string]func() []byte{"schema": func() []byte { return []byte("{}\n") }},
	}
}

// checkOneLine checks that text is one whole line.
func checkOneLine(t *testing.T, text string) {
	t.Helper()
	qt.Check(t, qt.Equals(strings.Count(text, "\n"), 1), qt.Commentf("%q", text))
	qt.Check(t, qt.IsTrue(strings.HasSuffix(text, "\n")), qt.Commentf("%q", text))
}
