package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/tooltest"
)

func guard(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = newCommand().Execute(t.Context(), args, &out, &errs)
	return out.String(), errs.String(), code
}

// TestHelp: every command tells of itself, in lines that a terminal has room for.
func TestHelp(t *testing.T) {
	stdout, stderr, code := guard(t, "--help")
	qt.Check(t, qt.Equals(code, command.ExitOK))
	qt.Check(t, qt.Equals(stderr, ""))
	for _, s := range newCommand().Subcommands {
		qt.Check(t, qt.StringContains(stdout, "\n  "+s.Name+" "))
		help, stderr, code := guard(t, s.Name, "--help")
		qt.Check(t, qt.Equals(code, command.ExitOK))
		qt.Check(t, qt.Equals(stderr, ""))
		qt.Check(t, qt.IsTrue(strings.HasPrefix(help, "guard "+s.Name+" - "+s.Summary+"\n")))
		for _, f := range s.Flags {
			qt.Check(t, qt.StringContains(help, "--"+f.Name))
		}
		// Of the filters of commands that trace, it has none.
		for _, name := range []string{"--pid", "--follow", "--comm", "--mntns", "--cgroupmap", "--transport", "--rung"} {
			qt.Check(t, qt.IsFalse(tooltest.Mentions(help, name)), qt.Commentf("%s %s", s.Name, name))
		}
		for line := range strings.Lines(help) {
			qt.Check(t, qt.IsTrue(len(line) <= 131), qt.Commentf("%s", line))
		}
	}
}

// TestExamples checks that what --help proposes is understood as far as its flags go.
func TestExamples(t *testing.T) {
	c := newCommand()
	all := c.Examples
	for _, s := range c.Subcommands {
		all = append(all, s.Examples...)
	}
	for _, e := range all {
		line, _, _ := strings.Cut(e.Line, " | ")
		line, _, _ = strings.Cut(line, " >")
		line, _, _ = strings.Cut(line, " ||")
		words := strings.Fields(line)
		if words[0] != "guard" || words[1] == "--check" {
			continue
		}
		var flags []string // without the files
		for i, w := range words[1:] {
			if value := words[i] == "-p" || words[i] == "-w"; value || !strings.HasSuffix(w, ".yaml") {
				flags = append(flags, w)
			}
		}
		flags = append(flags, "--help")
		_, stderr, code := guard(t, flags...)
		qt.Check(t, qt.Equals(code, command.ExitOK), qt.Commentf("%s: %s", e.Line, stderr))
	}
}

func TestUsage(t *testing.T) {
	for args, want := range map[string]string{
		"":              "guard: no command: want one of check, explain, run, status, reload, detach, learn (--help tells what they do)\n",
		"restart":       `guard: unknown command "restart": want one of check, explain, run, status, reload, detach, learn`,
		"--json run":    "guard: flags of guard run come behind its name",
		"-p x run":      "guard: unknown flag -p (--help lists all flags)\n",
		"run --pid 1":   "guard: unknown flag --pid (guard run --help lists all flags)\n",
		"learn -o json": "guard: unknown flag -o (guard learn --help lists all flags)\n",
	} {
		stdout, stderr, code := guard(t, strings.Fields(args)...)
		qt.Check(t, qt.Equals(code, command.ExitUsage))
		qt.Check(t, qt.Equals(stdout, ""))
		qt.Check(t, qt.StringContains(stderr, want))
	}
}

func TestDocuments(t *testing.T) {
	stdout, _, _ := guard(t, "--describe", "schema")
	qt.Check(t, qt.Equals(stdout, string(schema())))
	stdout, _, _ = guard(t, "--describe", "privileges")
	qt.Check(t, qt.Equals(strings.Count(stdout, "\n"), len(modes())))
	stdout, _, _ = guard(t, "--version")
	qt.Check(t, qt.StringContains(stdout, "guard "+command.Version))
	for _, shell := range []string{"bash", "zsh", "fish"} {
		stdout, _, code := guard(t, "--describe", "completion-"+shell)
		qt.Check(t, qt.Equals(code, command.ExitOK))
		qt.Check(t, qt.StringContains(stdout, "subject-exe"))
	}
}

// TestManPage checks that the manual knows every flag of every command.
func TestManPage(t *testing.T) {
	flags, _, _ := guard(t, "--describe", "flags")
	qt.Check(t, qt.StringContains(flags, "subject-exe e\n"))
	tooltest.ManPage(t, "guard.8", flags)
}
