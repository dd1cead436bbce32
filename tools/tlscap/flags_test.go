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
		if err := cfg.resolve(env); err != nil {
			return err
		}
		_, err := newTool(cfg, env)
		return err
	}
	var out, err bytes.Buffer
	code = c.Execute(t.Context(), args, &out, &err)
	return out.String(), err.String(), code
}

func TestFlags(t *testing.T) {
	cfg, _ := configure(t, "--lib", "/a", "--lib", "/b,c", "--exe", "/d", "--max-bytes", "17")
	qt.Check(t, qt.DeepEquals(cfg.libs, []string{"/a", "/b,c"}))
	qt.Check(t, qt.DeepEquals(cfg.exes, []string{"/d"}))
	qt.Check(t, qt.Equals(cfg.maxBytes, 17))
	qt.Check(t, qt.Equals(cfg.buffer, defaultBuffer))
	for _, args := range []string{"--mode x", "--mode keylog", "--keylog-file /x", "--hex --json", "--max-bytes 0", "--mode keylog --keylog-file /x --max-bytes 9",
		"--mode keylog --keylog-file /nonexistent/x", "--buffer 3K", "--transport perf", "--mode keylog --keylog-file /x --raw",
		"--mode pcapng", "--pcap-file /x", "-i lo", "--snaplen 100", "--mode pcapng --pcap-file /nonexistent/x", "--mode pcapng --pcap-file - --json",
		"--mode pcapng --pcap-file - -i none", "--mode pcapng --pcap-file - -i any -i lo", "--mode pcapng --pcap-file - tcp port x",
		"--mode pcapng --pcap-file - --hex", "--mode pcapng --pcap-file - --", "--mode pcapng --pcap-file - tcp --", "--mode pcapng --pcap-file - curl x -- curl x", "--mode pcapng --pcap-file - --snaplen 9"} {
		stdout, stderr, code := execute(t, strings.Fields(args)...)
		qt.Check(t, qt.Equals(code, command.ExitUsage), qt.Commentf("%s", args))
		qt.Check(t, qt.Equals(stdout, ""), qt.Commentf("%s", args))
		qt.Check(t, qt.Equals(strings.Count(stderr, "\n"), 1), qt.Commentf("%s: %s", args, stderr))
	}
}

// TestListFlags: what is only listed goes to no file.
func TestListFlags(t *testing.T) {
	for _, args := range []string{"--list", "--list --mode keylog", "--list --mode pcapng"} {
		cfg, env := configure(t, strings.Fields(args)...)
		qt.Check(t, qt.IsNil(cfg.resolve(env)), qt.Commentf("%s", args))
	}
}

// TestCommand: in which of its places a filter is, and in which a command.
func TestCommand(t *testing.T) {
	for _, test := range []struct {
		args, filter, command string
		byProcess             bool
	}{
		{"curl -s x", "", "curl -s x", false},
		{"--mode pcapng --pcap-file -", "", "", false},
		{"--mode pcapng --pcap-file - tcp port 443", "tcp port 443", "", false},
		{"--mode pcapng --pcap-file - -- curl -s x", "", "curl -s x", true},
		{"--mode pcapng --pcap-file - tcp port 443 -- curl -s -- x", "tcp port 443", "curl -s -- x", true},
	} {
		cfg, env := configure(t, strings.Fields(test.args)...)
		qt.Assert(t, qt.IsNil(cfg.resolve(env)), qt.Commentf("%s", test.args))
		qt.Check(t, qt.Equals(strings.Join(env.Args, " "), test.command), qt.Commentf("%s", test.args))
		if cfg.mode == modePcapng {
			qt.Check(t, qt.Equals(cfg.filter.String(), test.filter), qt.Commentf("%s", test.args))
			qt.Check(t, qt.Equals(byProcess(env), test.byProcess), qt.Commentf("%s", test.args))
		}
	}
}

// TestConstants checks what the programs are told.
func TestConstants(t *testing.T) {
	cfg, env := configure(t, "--max-bytes", "17")
	spec, err := loadBpf()
	qt.Assert(t, qt.IsNil(err))
	tool, err := newTool(cfg, env)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(tool.Set(spec)))
	var most uint32
	var text, keylog bool
	qt.Assert(t, qt.IsNil(spec.Variables["max_bytes"].Get(&most)))
	qt.Assert(t, qt.IsNil(spec.Variables["want_text"].Get(&text)))
	qt.Assert(t, qt.IsNil(spec.Variables["want_keylog"].Get(&keylog)))
	qt.Check(t, qt.Equals(most, 17))
	qt.Check(t, qt.IsTrue(text && !keylog))
}

// TestExamples checks that what --help proposes is understood.
func TestExamples(t *testing.T) {
	for _, e := range newCommand().Examples {
		line, _, _ := strings.Cut(e.Line, " | ")
		words := strings.Fields(line)
		qt.Check(t, qt.Equals(words[0], "tlscap"))
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
	qt.Check(t, qt.Equals(stdout, string(output.Schema("tlscap", schemaVersion, fields))))
	stdout, _, _ = execute(t, "--describe", "privileges")
	qt.Check(t, qt.Equals(strings.Count(stdout, "\n"), len(modes())))
}

// TestManPage checks that the manual knows every flag.
func TestManPage(t *testing.T) {
	flags, _, _ := execute(t, "--describe", "flags")
	tooltest.ManPage(t, "tlscap.8", flags)
}
