package main

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/tooltest"
)

func itoa(n int) string { return strconv.Itoa(n) }

// execute runs the command, which must not come to tracing.
func execute(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cfg := new(config)
	c := commandOf(cfg)
	run := c.Run
	c.Run = func(ctx context.Context, env *command.Env) error {
		if cfg.replay != "" {
			return run(ctx, env)
		}
		_, err := newTool(cfg, env)
		return err
	}
	var out, err bytes.Buffer
	code = c.Execute(t.Context(), args, &out, &err)
	return out.String(), err.String(), code
}

// TestMistakes: each is one line.
func TestMistakes(t *testing.T) {
	for _, args := range []string{"-x --errors", "--exec", "--format x", "--format opensnoop --write", "--format opensnoop --json", "--format filelife -x",
		"--format filegone --errors", "-f O_X", "-f O_RDWR --delete", "--glob [", "--threshold O=0", "--threshold X=5", "--threshold O", "--pattern O", "--pattern OXD",
		"--features 1s --json", "--features 1s --alert-only", "--features 1s --format classic", "--replay /nonexistent", "--replay x -- ls", "--replay x --freeze", "--replay x --on-alert y", "-t 0", "--path", "-d x"} {
		stdout, stderr, code := execute(t, strings.Fields(args)...)
		qt.Check(t, qt.Equals(code, command.ExitUsage), qt.Commentf("%s: %s", args, stderr))
		qt.Check(t, qt.Equals(stdout, ""), qt.Commentf("%s", args))
		qt.Check(t, qt.Equals(strings.Count(stderr, "\n"), 1), qt.Commentf("%s: %s", args, stderr))
	}
}

// TestOps: what the flags ask for, and what the programs are told.
func TestOps(t *testing.T) {
	for flags, want := range map[string]opSet{
		"":                     opsDefault,
		"--delete":             setOf(opDelete, opRmdir),
		"--rename --delete":    setOf(opRename, opDelete, opRmdir),
		"--write":              setOf(opWrite, opClose, opTruncate, opMmap),
		"--create":             setOf(opCreate, opTmpfile, opMemfd, opLink, opSymlink, opMkdir, opMknod),
		"--attributes":         opsDefault | opsAttributes,
		"--attributes --write": opsWrite | opsAttributes,
		"--all":                1<<opEncrypt - 2,
		"--format opensnoop":   setOf(opOpen, opCreate, opTmpfile),
		"--format filegone":    setOf(opDelete, opRename),
		"-f O_RDWR":            setOf(opOpen, opCreate, opTmpfile),
	} {
		cfg, env := configure(t, strings.Fields(flags)...)
		qt.Check(t, qt.Equals(cfg.ops(), want), qt.Commentf("%s", flags))
		spec, err := loadBpf()
		qt.Assert(t, qt.IsNil(err))
		tool, err := newTool(cfg, env)
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.IsNil(tool.Set(spec)))
		var got uint64
		qt.Assert(t, qt.IsNil(spec.Variables["want_ops"].Get(&got)))
		qt.Check(t, qt.Equals(opSet(got), want))
		for _, h := range tool.Hooks {
			for _, r := range h.Rungs {
				for _, a := range r.Attach {
					qt.Check(t, qt.IsNotNil(spec.Programs[a.Program]), qt.Commentf("%s", a.Program))
				}
			}
		}
	}
	for flags, want := range map[string][2]bool{"": {true, false}, "-x": {false, true}, "--errors": {true, true}, "--format opensnoop": {true, true}, "--format opensnoop -x": {false, true}} {
		cfg, env := configure(t, strings.Fields(flags)...)
		spec, err := loadBpf()
		qt.Assert(t, qt.IsNil(err))
		tool, err := newTool(cfg, env)
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.IsNil(tool.Set(spec)))
		for i, name := range []string{"want_successes", "want_failures"} {
			var got bool
			qt.Assert(t, qt.IsNil(spec.Variables[name].Get(&got)))
			qt.Check(t, qt.Equals(got, want[i]), qt.Commentf("%s: %s", flags, name))
		}
	}
}

// TestAsksFiles: only the table of opensnoop does without files, and only if nothing asks for
// their paths.
func TestAsksFiles(t *testing.T) {
	for flags, want := range map[string]bool{
		"": true, "--format filelife": true, "--format opensnoop": false, "--format opensnoop -x -e -T": false, "--format opensnoop -F": true,
		"--format opensnoop --path /etc": true, "--format opensnoop --not-path /etc": true, "--format opensnoop --glob x*": true,
		"--format opensnoop --alert-only": true, "--format opensnoop --name x": false,
	} {
		cfg, env := configure(t, strings.Fields(flags)...)
		spec, err := loadBpf()
		qt.Assert(t, qt.IsNil(err))
		tool, err := newTool(cfg, env)
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", flags))
		qt.Assert(t, qt.IsNil(tool.Set(spec)))
		var got bool
		qt.Assert(t, qt.IsNil(spec.Variables["want_files"].Get(&got)))
		qt.Check(t, qt.Equals(got, want), qt.Commentf("%s", flags))
	}
}

// TestCalls: the calls that are looked at are those of what was asked for.
func TestCalls(t *testing.T) {
	spec, err := loadBpf()
	qt.Assert(t, qt.IsNil(err))
	count := func(ops opSet, compat bool) int {
		fillCalls(spec.Maps["calls"], ops, compat)
		return len(spec.Maps["calls"].Contents)
	}
	qt.Check(t, qt.Equals(count(0, false), 0))
	qt.Check(t, qt.IsTrue(count(setOf(opRename), false) >= 2))
	qt.Check(t, qt.IsTrue(count(setOf(opRename), true) >= 3))
	qt.Check(t, qt.IsTrue(count(opsDefault, false) < count(opsDefault|opsWrite|opsAttributes, false)))
	for name, c := range calls {
		for _, at := range []int8{c.dirfd, c.name, c.dirfd2, c.name2, c.flags, c.mode, c.fd, c.size, c.user} {
			qt.Check(t, qt.IsTrue(at >= none && at < 5), qt.Commentf("%s", name))
		}
	}
}

// TestShapes: where the functions have their dentry and their result.
func TestShapes(t *testing.T) {
	for _, test := range []struct {
		parameters string
		want       bpfShape
	}{
		{"dir dentry delegated_inode", bpfShape{Dentry: 1, Result: 3}},
		{"idmap dir dentry delegated_inode", bpfShape{Dentry: 2, Result: 4}},
		{"old_dentry idmap dir new_dentry delegated_inode", bpfShape{Dentry: 3, Result: 5}},
		{"idmap dentry mode di", bpfShape{Dentry: 1, Result: 4}},
		{"dentry length time_attrs filp", bpfShape{Dentry: 0, Result: 4}},
	} {
		qt.Check(t, qt.Equals(shapeOf(strings.Fields(test.parameters)), test.want), qt.Commentf("%s", test.parameters))
	}
}

// TestPrefixes: the bytes that the kernel compares.
func TestPrefixes(t *testing.T) {
	spec, err := loadBpf()
	qt.Assert(t, qt.IsNil(err))
	long := "/" + strings.Repeat("x", prefixMax)
	qt.Assert(t, qt.IsNil(setPrefixes(spec, []string{"/etc/", "/"}, []string{long})))
	var count [prefixSets]uint32
	qt.Assert(t, qt.IsNil(spec.Variables["filter_prefixes"].Get(&count)))
	qt.Check(t, qt.Equals(count, [prefixSets]uint32{2, 0}))
	var all [prefixSets * prefixesMax]bpfPrefix
	qt.Assert(t, qt.IsNil(spec.Variables["prefixes"].Get(&all)))
	qt.Check(t, qt.Equals(all[0].Len, 4))
	qt.Check(t, qt.Equals(all[0].Text[0], 0x6374652f)) // /etc, the first byte lowest
	qt.Check(t, qt.Equals(all[0].Mask[0], 0xffffffff))
	qt.Check(t, qt.Equals(all[1], bpfPrefix{}))
	qt.Assert(t, qt.IsNil(setPrefixes(spec, make([]string, prefixesMax+1), []string{long[:prefixMax]})))
	qt.Assert(t, qt.IsNil(spec.Variables["filter_prefixes"].Get(&count)))
	qt.Check(t, qt.Equals(count, [prefixSets]uint32{0, 1}))
}

// TestExamples checks that what --help proposes is understood.
func TestExamples(t *testing.T) {
	for _, e := range newCommand().Examples {
		line, _, _ := strings.Cut(e.Line, " | jq")
		words := strings.Fields(strings.ReplaceAll(line, "'", ""))
		qt.Check(t, qt.Equals(words[0], "filesnoop"))
		configure(t, words[1:]...)
	}
}

// TestHelpAndDocuments checks what the command says of itself.
func TestHelpAndDocuments(t *testing.T) {
	stdout, stderr, code := execute(t, "--help")
	qt.Check(t, qt.Equals(code, command.ExitOK))
	qt.Check(t, qt.Equals(stderr, ""))
	for _, line := range strings.Split(stdout, "\n") {
		qt.Check(t, qt.IsTrue(len(line) <= 140), qt.Commentf("%s", line))
	}
	stdout, _, _ = execute(t, "--describe", "schema")
	qt.Check(t, qt.Equals(stdout, string(output.Schema("filesnoop", schemaVersion, fields))))
	stdout, _, _ = execute(t, "--describe", "privileges")
	qt.Check(t, qt.Equals(strings.Count(stdout, "\n"), len(modes())))
}

// TestManPage checks that the manual knows every flag.
func TestManPage(t *testing.T) {
	flags, _, _ := execute(t, "--describe", "flags")
	tooltest.ManPage(t, "filesnoop.8", flags)
}
