package main

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/symbol"
	"github.com/ringside-tools/ringside/internal/tooltest"
)

// execute runs the command up to the check of its flags. What it would run must
// not be reached.
func execute(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cfg := new(config)
	c := commandOf(cfg)
	c.Run = func(_ context.Context, env *command.Env) error {
		err := cfg.check(env)
		if err == nil {
			t.Errorf("%q: ran", args)
		}
		return err
	}
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
		{"-v", config{all: true}},
		{"--non-audit", config{all: true}},
		{"-K", config{kstack: true}},
		{"--kernel-stack", config{kstack: true}},
		{"-U", config{ustack: true}},
		{"--user-stack", config{ustack: true}},
		{"-x", config{extra: true}},
		{"--extra", config{extra: true}},
		{"--unique", config{unique: "pid"}},
		{"--unique=pid", config{unique: "pid"}},
		{"--unique=cgroup", config{unique: "cgroup"}},
		{"--unique=container", config{unique: "container"}},
		{"--unique -x", config{unique: "pid", extra: true}},
		{"--cap net_raw", config{caps: set(13)}},
		{"--cap=CAP_NET_RAW,21", config{caps: set(13, 21)}},
		{"--cap net_raw --cap 21", config{caps: set(13, 21)}},
		{"--denied", config{denied: true}},
		{"--profile", config{profile: true}},
		{"--profile --format docker", config{profile: true, format: "docker"}},
		{"--profile --for 1m", config{profile: true, during: time.Minute}},
		{"--profile --cap net_raw --denied", config{profile: true, denied: true, caps: set(13)}},
		{"--as nobody -- true", config{as: "nobody"}},
		{"-vKUx", config{all: true, kstack: true, ustack: true, extra: true}},
		{"-vKUx --unique=cgroup --cap 63 --denied", config{all: true, kstack: true, ustack: true, extra: true, unique: "cgroup", caps: set(63), denied: true}},
	} {
		cfg, env := configure(t, strings.Fields(test.args)...)
		if test.want.format == "" {
			test.want.format = "table"
		}
		qt.Check(t, qt.Equals(*cfg, test.want), qt.Commentf("%s", test.args))
		qt.Check(t, qt.IsFalse(env.Verbose), qt.Commentf("%s", test.args)) // -v is not --verbose
		qt.Check(t, qt.Equals(env.Format, "table"), qt.Commentf("%s", test.args))
		qt.Check(t, qt.Equals(env.Duration, test.want.during), qt.Commentf("%s", test.args))
	}

	_, env := configure(t, "--profile", "--format", "json")
	qt.Check(t, qt.Equals(env.Format, "json"))
	_, env = configure(t, "-x", "ping", "-c", "1", "--", "-x", "localhost")
	qt.Check(t, qt.DeepEquals(env.Args, []string{"ping", "-c", "1", "--", "-x", "localhost"}))
	_, env = configure(t, "-x", "--", "-K", "--profile")
	qt.Check(t, qt.DeepEquals(env.Args, []string{"-K", "--profile"}))
	_, env = configure(t, "--unique", "pid") // a command of that name
	qt.Check(t, qt.DeepEquals(env.Args, []string{"pid"}))
}

// TestWrongFlags has what is refused: by its exit code, with one line that names
// the flag.
func TestWrongFlags(t *testing.T) {
	for args, flag := range map[string]string{
		"--unique=tid": "--unique", "--unique=": "--unique", "--cap netraw": "--cap", "--cap 64": "--cap", "--cap": "--cap", "--cap net_raw,,bpf": "--cap",
		"--format tar --profile": "--format", "--for soon --profile": "--for", "-y": "-y", "--as=": "--as",
		"--profile -K": "--profile", "--profile -U": "--profile", "--profile -x": "--profile", "--profile --unique": "--profile",
		"--format docker": "--format", "--format json": "--format", "--for 10": "--for", "--profile --for 1m --duration 1h": "--for", "--as nobody": "--as",
		"--profile --format docker --json": "--format", "--profile --format setcap -o csv": "--format",
	} {
		stdout, stderr, code := execute(t, strings.Fields(args)...)
		comment := qt.Commentf("%s: %s", args, stderr)
		qt.Check(t, qt.Equals(code, command.ExitUsage), comment)
		qt.Check(t, qt.Equals(stdout, ""), comment)
		qt.Check(t, qt.Equals(strings.Count(stderr, "\n"), 1), comment)
		qt.Check(t, qt.IsTrue(strings.HasPrefix(stderr, "capable: ")), comment)
		qt.Check(t, qt.IsTrue(tooltest.Mentions(stderr, flag)), comment)
	}
}

// TestRunChecks: the command that is run is the one whose flags are checked.
func TestRunChecks(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := newCommand().Execute(t.Context(), []string{"--profile", "-K"}, &stdout, &stderr)
	qt.Check(t, qt.Equals(code, command.ExitUsage))
	qt.Check(t, qt.Equals(stderr.String(), "capable: --profile: adds up and has no lines for -K, -U, -x or --unique\n"))
}

// TestExamples checks that what --help proposes is understood.
func TestExamples(t *testing.T) {
	for _, e := range newCommand().Examples {
		words := strings.Fields(e.Line)
		qt.Check(t, qt.Equals(words[0], "capable"))
		configure(t, words[1:]...)
	}
}

// constants are what a configuration sets in the object.
type constants struct {
	All, Denied, Kstack, Ustack, Details, Profile   bool
	Caps                                            uint64
	Unique                                          uint32
	Entered, Scratch, Once, Uses, Subjects, Subject uint32 // entries of maps
}

func TestConstants(t *testing.T) {
	const copies = 3
	few := constants{Caps: ^uint64(0), Entered: 1, Scratch: 1, Once: 1, Uses: 1, Subjects: 1, Subject: 1}
	for flags, edit := range map[string]func(*constants){
		"":                    func(*constants) {},
		"-x":                  func(*constants) {},
		"-v":                  func(c *constants) { c.All = true },
		"--denied":            func(c *constants) { c.Denied = true },
		"-K":                  func(c *constants) { c.Kstack, c.Scratch = true, copies },
		"-U":                  func(c *constants) { c.Ustack, c.Scratch = true, copies },
		"--json":              func(c *constants) { c.Details, c.Scratch = true, copies },
		"-o csv":              func(c *constants) { c.Details, c.Scratch = true, copies },
		"--cap 63":            func(c *constants) { c.Caps = 1 << 63 },
		"--cap net_raw,chown": func(c *constants) { c.Caps = 1<<13 | 1 },
		"--unique":            func(c *constants) { c.Unique, c.Once = 1, 16384 },
		"--unique=cgroup":     func(c *constants) { c.Unique, c.Once = 2, 16384 },
		"--unique=container":  func(c *constants) { c.Unique, c.Once, c.Scratch = 3, 16384, copies },
		"--profile":           func(c *constants) { c.Profile, c.Uses, c.Subjects, c.Subject = true, 16384, 4096, copies },
		"--profile --json":    func(c *constants) { c.Profile, c.Uses, c.Subjects, c.Subject = true, 16384, 4096, copies },
	} {
		cfg, env := configure(t, strings.Fields(flags)...)
		spec, err := loadBpf()
		qt.Assert(t, qt.IsNil(err))
		err = newTool(cfg, env).Set(spec)
		if cfg.kstack && errors.Is(err, symbol.ErrHidden) { // refused before anything is set
			err = setConstants(spec, cfg, env.Format)
		}
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", flags))
		var got constants
		for name, p := range map[string]any{"want_all": &got.All, "want_denied": &got.Denied, "want_kstack": &got.Kstack, "want_ustack": &got.Ustack,
			"want_details": &got.Details, "want_profile": &got.Profile, "want_caps": &got.Caps, "unique_by": &got.Unique} {
			qt.Assert(t, qt.IsTrue(spec.Variables[name].Constant()), qt.Commentf("%s", name))
			qt.Assert(t, qt.IsNil(spec.Variables[name].Get(p)))
		}
		for name, p := range map[string]*uint32{"entered": &got.Entered, "scratch": &got.Scratch, "once": &got.Once, "uses": &got.Uses, "subjects": &got.Subjects, "subject_scratch": &got.Subject} {
			*p = spec.Maps[name].MaxEntries
		}
		want := few
		edit(&want)
		qt.Check(t, qt.Equals(got, want), qt.Commentf("%s", flags))
	}
	for _, name := range []string{"want_all", "want_profile", "unique_by"} {
		spec, err := loadBpf()
		qt.Assert(t, qt.IsNil(err))
		delete(spec.Variables, name)
		qt.Check(t, qt.ErrorMatches(setConstants(spec, new(config), "table"), "set constant "+name+": not in the BPF object"))
	}
}

// TestTool checks what a configuration gives to the run.
func TestTool(t *testing.T) {
	for flags, want := range map[string]string{
		"": "", "-x": "", "-K": "below kernel", "-U": "below users", "-KU": "below kernel users", "--profile": "totals", "--as nobody -- true": "as nobody",
	} {
		cfg, env := configure(t, strings.Fields(flags)...)
		tool := newTool(cfg, env)
		var got []string
		if tool.Below != nil {
			got = append(got, "below")
		}
		for _, n := range tool.Needs {
			switch n.Cap {
			case preflight.Syslog:
				qt.Check(t, qt.IsFalse(n.Running)) // read before tracing begins
				got = append(got, "kernel")
			case preflight.SysPtrace:
				qt.Check(t, qt.IsTrue(n.Running))
				got = append(got, "users")
			}
		}
		if tool.Totals != nil {
			got = append(got, "totals")
		}
		if tool.RunAs != "" {
			got = append(got, "as "+tool.RunAs)
		}
		qt.Check(t, qt.Equals(strings.Join(got, " "), want), qt.Commentf("%s", flags))
		spec, err := loadBpf()
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.IsNotNil(spec.Maps[tool.Pending]))
	}
}

// TestHooks checks which ladder a configuration stands on, and that every program
// on it is in the object and every program of the object on it.
func TestHooks(t *testing.T) {
	spec, err := loadBpf()
	qt.Assert(t, qt.IsNil(err))
	kinds := loader.Kinds(spec)
	used := map[string]bool{"filter_follow_fork": true, "filter_follow_exit": true, "filter_follow_exec": true} // the filter's
	for _, flags := range []string{"", "-v", "-K", "-U", "--profile", "--json"} {
		cfg, env := configure(t, strings.Fields(flags)...)
		hooks := newTool(cfg, env).Hooks
		qt.Assert(t, qt.HasLen(hooks, 1))
		qt.Check(t, qt.IsFalse(hooks[0].Optional))
		var rungs []string
		for _, r := range hooks[0].Rungs {
			rungs = append(rungs, r.Name)
			for _, a := range r.Attach {
				used[a.Program] = true
				qt.Check(t, qt.Not(qt.Equals(kinds[a.Program].Type, loader.Other)), qt.Commentf("%s", a.Program))
				qt.Check(t, qt.Equals(kinds[a.Program].Target, "cap_capable"), qt.Commentf("%s", a.Program))
			}
			// Without -v, the tracepoint must tell what is audited and what is not.
			syslog := slices.ContainsFunc(r.Needs, func(n preflight.Need) bool { return n.Cap == preflight.Syslog })
			qt.Check(t, qt.Equals(syslog, r.Name == "raw_tp" && flags != "-v"), qt.Commentf("%s %s", flags, r.Name))
			qt.Check(t, qt.Equals(len(r.Blind) > 0, r.Name != "fexit"), qt.Commentf("%s", r.Name))
			qt.Check(t, qt.IsNotNil(r.Set), qt.Commentf("%s", r.Name))
		}
		qt.Check(t, qt.Equals(strings.Join(rungs, " "), "fexit kprobe raw_tp"), qt.Commentf("%s", flags))
	}
	for program := range spec.Programs {
		qt.Check(t, qt.IsTrue(used[program]), qt.Commentf("no ladder has %s", program))
	}
	for program := range used {
		qt.Check(t, qt.IsNotNil(spec.Programs[program]), qt.Commentf("%s", program))
	}
}

// TestHelpAndDocuments checks what the command says of itself.
func TestHelpAndDocuments(t *testing.T) {
	stdout, stderr, code := execute(t, "--help")
	qt.Check(t, qt.Equals(code, command.ExitOK))
	qt.Check(t, qt.Equals(stderr, ""))
	qt.Check(t, qt.Matches(stdout, `(?s)capable - .*\n  capable \[flags\] \[-- COMMAND \[ARGS\]\]\n.*\nEXAMPLES\n(  capable.* # .*\n)+`))
	qt.Check(t, qt.StringContains(stdout, "--unique[=pid|cgroup|container]"))
	for _, line := range strings.Split(stdout, "\n") {
		qt.Check(t, qt.IsTrue(len(line) <= 120), qt.Commentf("%s", line))
	}

	stdout, _, code = execute(t, "--describe", "schema")
	qt.Check(t, qt.Equals(code, command.ExitOK))
	for _, def := range []string{`"event": {`, `"total": {`, `"lost": {`} {
		qt.Check(t, qt.StringContains(stdout, def))
	}
	stdout, _, _ = execute(t, "--describe", "fields")
	events, totals, ok := strings.Cut(stdout, ".B type total\n")
	qt.Assert(t, qt.IsTrue(ok))
	for _, f := range fields {
		qt.Check(t, qt.StringContains(events, "\n.BR "+f.Name+" "))
	}
	for _, f := range profileFields {
		qt.Check(t, qt.StringContains(totals, "\n.BR "+f.Name+" "))
	}
	stdout, _, _ = execute(t, "--describe", "privileges")
	qt.Check(t, qt.Equals(strings.Count(stdout, "\n"), len(modes())))
	for _, m := range modes() {
		qt.Check(t, qt.StringContains(stdout, "| capable | `"+m.Name+"` |"))
	}
}

// TestManPage checks that the manual knows every flag.
func TestManPage(t *testing.T) {
	flags, _, _ := execute(t, "--describe", "flags")
	tooltest.ManPage(t, "capable.8", flags)
}
