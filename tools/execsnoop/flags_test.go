package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/tooltest"
)

// commandRun is a Run that only tells what it was given.
func commandRun(tell func(*command.Env)) func(context.Context, *command.Env) error {
	return func(_ context.Context, env *command.Env) error {
		tell(env)
		return nil
	}
}

// execute runs the command, which must not come to tracing.
func execute(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	c := newCommand()
	c.Run = commandRun(func(*command.Env) { t.Errorf("%q: ran", args) })
	var out, err bytes.Buffer
	code = c.Execute(t.Context(), args, &out, &err)
	return out.String(), err.String(), code
}

func TestFlags(t *testing.T) {
	for _, test := range []struct {
		args string
		want config
	}{
		{"", config{}},
		{"-T", config{time: true}},
		{"--time", config{time: true}},
		{"-t", config{timestamp: true}},
		{"-x", config{fails: true}},
		{"--fails", config{fails: true}},
		{"-U", config{printUID: true}},
		{"-q", config{quote: true}},
		{"--max-args 5", config{maxArgs: 5}},
		{"-P 7", config{ppid: 7}},
		{"-C", config{cpu: true}},
		{"-M", config{parent: true}},
		{"-xTUq", config{fails: true, time: true, printUID: true, quote: true}},
	} {
		cfg, env := configure(t, strings.Fields(test.args)...)
		qt.Check(t, qt.Equals(*cfg, test.want), qt.Commentf("%s", test.args))
		qt.Check(t, qt.IsFalse(env.Quiet), qt.Commentf("%s", test.args)) // -q is not --quiet here
	}
	cfg, _ := configure(t, "-n", "a", "-l", "b")
	qt.Check(t, qt.Equals(cfg.name.String()+cfg.line.String(), "ab"))

	for _, args := range []string{"--max-args 0", "--max-args 4097", "-P 0", "-P 4194305", "-n (", "-l [", "-y", "-x stray"} {
		stdout, stderr, code := execute(t, strings.Fields(args)...)
		qt.Check(t, qt.Equals(code, command.ExitUsage), qt.Commentf("%s", args))
		qt.Check(t, qt.Equals(stdout, ""), qt.Commentf("%s", args))
		qt.Check(t, qt.Equals(strings.Count(stderr, "\n"), 1), qt.Commentf("%s: %s", args, stderr))
	}
}

// TestExamples checks that what --help proposes is understood.
func TestExamples(t *testing.T) {
	for _, e := range newCommand().Examples {
		line, _, _ := strings.Cut(e.Line, " | jq")
		words := strings.Fields(strings.ReplaceAll(line, "'", ""))
		qt.Check(t, qt.Equals(words[0], "execsnoop"))
		configure(t, words[1:]...)
	}
}

func TestConstants(t *testing.T) {
	type constants struct {
		Paths, Failures, ByPPID bool
		PPID                    uint32
	}
	for _, test := range []struct {
		flags string
		want  constants
	}{
		{"", constants{}},
		{"-x", constants{Failures: true}},
		{"--json", constants{Paths: true}},
		{"-o csv", constants{Paths: true}},
		{"-P 4194304", constants{ByPPID: true, PPID: 1 << 22}},
		{"-x --json -P 1", constants{true, true, true, 1}},
	} {
		cfg, env := configure(t, strings.Fields(test.flags)...)
		spec, err := loadBpf()
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.IsNil(newTool(cfg, env).Set(spec)))
		var got constants
		for name, p := range map[string]any{"want_paths": &got.Paths, "want_failures": &got.Failures, "filter_by_ppid": &got.ByPPID, "filter_ppid": &got.PPID} {
			qt.Assert(t, qt.IsTrue(spec.Variables[name].Constant()), qt.Commentf("%s", name))
			qt.Assert(t, qt.IsNil(spec.Variables[name].Get(p)))
		}
		qt.Check(t, qt.Equals(got, test.want), qt.Commentf("%s", test.flags))
	}
	spec, err := loadBpf()
	qt.Assert(t, qt.IsNil(err))
	delete(spec.Variables, "want_failures")
	qt.Check(t, qt.ErrorMatches(setConstants(spec, new(config), "table"), "set constant want_failures: not in the BPF object"))
}

// TestHooks checks which ladders a configuration stands on, and that every
// program on them is in the object and every program of the object on one.
func TestHooks(t *testing.T) {
	spec, err := loadBpf()
	qt.Assert(t, qt.IsNil(err))
	kinds := loader.Kinds(spec)
	used := map[string]bool{"filter_follow_fork": true, "filter_follow_exit": true, "filter_follow_exec": true} // --follow
	for flags, want := range map[string]string{
		"":          "successful execs: raw_tp",
		"-x":        "successful execs: raw_tp; failed execs: fexit raw_tp",
		"-x --json": "successful execs: raw_tp; failed execs: fexit raw_tp",
		"--json":    "successful execs: raw_tp; duration of execs?: fexit",
		"-o csv":    "successful execs: raw_tp; duration of execs?: fexit",
	} {
		cfg, env := configure(t, strings.Fields(flags)...)
		var got []string
		for _, h := range newTool(cfg, env).Hooks {
			text := h.Name
			if h.Optional {
				text += "?"
				qt.Check(t, qt.Not(qt.Equals(h.Without, "")), qt.Commentf("%s does not say what is missing without it", h.Name))
			}
			text += ":"
			for _, r := range h.Rungs {
				text += " " + r.Name
				for _, a := range r.Attach {
					used[a.Program] = true
					qt.Check(t, qt.Not(qt.Equals(kinds[a.Program].Type, loader.Other)), qt.Commentf("%s", a.Program))
				}
			}
			got = append(got, text)
		}
		qt.Check(t, qt.Equals(strings.Join(got, "; "), want), qt.Commentf("%s", flags))
	}
	for program := range spec.Programs {
		qt.Check(t, qt.IsTrue(used[program]), qt.Commentf("no ladder has %s", program))
	}
}

// TestHelpAndDocuments checks what the command says of itself.
func TestHelpAndDocuments(t *testing.T) {
	stdout, stderr, code := execute(t, "--help")
	qt.Check(t, qt.Equals(code, command.ExitOK))
	qt.Check(t, qt.Equals(stderr, ""))
	qt.Check(t, qt.Matches(stdout, `(?s)execsnoop - .*\nEXAMPLES\n(  execsnoop.* # .*\n)+`))
	for _, line := range strings.Split(stdout, "\n") {
		qt.Check(t, qt.IsTrue(len(line) <= 110), qt.Commentf("%s", line))
	}

	stdout, _, code = execute(t, "--describe", "schema")
	qt.Check(t, qt.Equals(code, command.ExitOK))
	qt.Check(t, qt.Equals(stdout, string(output.Schema("execsnoop", schemaVersion, fields))))
	stdout, _, _ = execute(t, "--describe", "fields")
	for _, f := range fields {
		qt.Check(t, qt.StringContains(stdout, "\n.BR "+f.Name+" "))
	}
	stdout, _, _ = execute(t, "--describe", "privileges")
	qt.Check(t, qt.Equals(strings.Count(stdout, "\n"), len(modes())))
}

// TestManPage checks that the manual knows every flag.
func TestManPage(t *testing.T) {
	flags, _, _ := execute(t, "--describe", "flags")
	tooltest.ManPage(t, "execsnoop.8", flags)
}
