package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/tooltest"
)

// execute runs the command, which must not come to tracing.
func execute(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cfg := new(config)
	c := commandOf(cfg)
	c.Run = func(_ context.Context, env *command.Env) error {
		_, err := newTool(cfg, env)
		return err
	}
	var out, err bytes.Buffer
	code = c.Execute(t.Context(), args, &out, &err)
	return out.String(), err.String(), code
}

func TestFlags(t *testing.T) {
	for args, want := range map[string]config{
		"":                          {},
		"-t -U -w -l":               {timestamp: true, printUID: true, wide: true, listen: true},
		"-E":                        {errors: true},
		"-x":                        {errors: true, failed: true},
		"--listen-only":             {listenOnly: true},
		"--existing":                {existing: true},
		"--baseline /dev/null":      {baseline: "/dev/null", listenOnly: true},
		"--save-baseline /dev/null": {saveBaseline: "/dev/null", listenOnly: true, existing: true},
		"--count-binds -E":          {countBinds: true, errors: true},
	} {
		cfg, env := configure(t, strings.Fields(args)...)
		env.Check = true // and no file is made
		_, err := newTool(cfg, env)
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", args))
		qt.Check(t, qt.DeepEquals(values(cfg), values(&want)), qt.Commentf("%s", args))
	}
	cfg, _ := configure(t, "-P", "80,8000-8100", "-P", "1")
	qt.Check(t, qt.Equals(len(cfg.ports), 3))

	for _, args := range []string{"-P 0", "-P 65536", "-P 9-8", "-P x", "-P 1,", "-E --listen-only", "-x --baseline /dev/null", "--baseline /nonexistent",
		"--count-binds --existing", "--count-binds --baseline /dev/null", "--existing --follow", "--existing --cgroup /x", "--existing --mntns 1",
		"--save-baseline /dev/null --mntnsmap /x", "--save-baseline /nonexistent/x", "-y", "-l stray"} {
		stdout, stderr, code := execute(t, strings.Fields(args)...)
		qt.Check(t, qt.Equals(code, command.ExitUsage), qt.Commentf("%s", args))
		qt.Check(t, qt.Equals(stdout, ""), qt.Commentf("%s", args))
		qt.Check(t, qt.Equals(strings.Count(stderr, "\n"), 1), qt.Commentf("%s: %s", args, stderr))
	}
}

// values is a configuration by its values.
func values(c *config) map[string]any {
	return map[string]any{"timestamp": c.timestamp, "printUID": c.printUID, "wide": c.wide, "errors": c.errors, "listen": c.listen,
		"listenOnly": c.listenOnly, "existing": c.existing, "baseline": c.baseline, "save": c.saveBaseline, "count": c.countBinds}
}

// TestConstants checks what the program is told.
func TestConstants(t *testing.T) {
	for flags, want := range map[string]map[string]bool{
		"":                     {},
		"-l":                   {"want_listens": true},
		"-E":                   {"want_failures": true},
		"--listen-only":        {"want_listeners": true},
		"--json":               {"want_details": true},
		"--baseline /dev/null": {"want_listeners": true, "want_details": true},
		"-P 80":                {"filter_by_port": true},
		"--count-binds -o csv": {"want_counts": true},
	} {
		cfg, env := configure(t, strings.Fields(flags)...)
		spec, err := loadBpf()
		qt.Assert(t, qt.IsNil(err))
		tool, err := newTool(cfg, env)
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.IsNil(tool.Set(spec)))
		for _, name := range []string{"want_listens", "want_failures", "want_listeners", "want_details", "want_counts", "filter_by_port"} {
			var got bool
			qt.Assert(t, qt.IsNil(spec.Variables[name].Get(&got)))
			qt.Check(t, qt.Equals(got, want[name]), qt.Commentf("%s: %s", flags, name))
		}
	}
	set := portSet([]portRange{{1, 1}, {63, 64}, {65535, 65535}})
	qt.Check(t, qt.Equals(set[0], 1<<63|2))
	qt.Check(t, qt.Equals(set[1], 1))
	qt.Check(t, qt.Equals(set[1023], 1<<63))
}

// TestExamples checks that what --help proposes is understood.
func TestExamples(t *testing.T) {
	for _, e := range newCommand().Examples {
		line, _, _ := strings.Cut(e.Line, " | jq")
		words := strings.Fields(line)
		qt.Check(t, qt.Equals(words[0], "bindsnoop"))
		configure(t, words[1:]...)
	}
}

// TestHelpAndDocuments checks what the command says of itself.
func TestHelpAndDocuments(t *testing.T) {
	stdout, stderr, code := execute(t, "--help")
	qt.Check(t, qt.Equals(code, command.ExitOK))
	qt.Check(t, qt.Equals(stderr, ""))
	for _, line := range strings.Split(stdout, "\n") {
		qt.Check(t, qt.IsTrue(len(line) <= 130), qt.Commentf("%s", line))
	}
	stdout, _, _ = execute(t, "--describe", "schema")
	qt.Check(t, qt.Equals(stdout, string(output.Schema("bindsnoop", schemaVersion, fields))))
	stdout, _, _ = execute(t, "--describe", "privileges")
	qt.Check(t, qt.Equals(strings.Count(stdout, "\n"), len(modes())))
}

// TestManPage checks that the manual knows every flag.
func TestManPage(t *testing.T) {
	flags, _, _ := execute(t, "--describe", "flags")
	tooltest.ManPage(t, "bindsnoop.8", flags)
}
