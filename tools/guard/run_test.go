package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/tools/guard/engine"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// running is guard run in the background.
type running struct {
	*fake
	t              *testing.T
	stdout, stderr stream
	reload         chan os.Signal
	stop           func()
	code           chan int
}

// start starts guard run with flags, and waits until it enforces.
func start(t *testing.T, f *fake, args ...string) *running {
	t.Helper()
	r := begin(t, f, args...)
	eventually(t, "tracing", func() bool { return strings.Contains(r.stderr.String(), "tracing, Ctrl-C to end") })
	return r
}

func begin(t *testing.T, f *fake, args ...string) *running {
	t.Helper()
	r := &running{fake: f, t: t, reload: make(chan os.Signal, 1), code: make(chan int, 1)}
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	c := withRun(runCommandOf(&runConfig{machine: f.machine(), reload: r.reload}))
	go func() { r.code <- c.Execute(ctx, append([]string{"run"}, args...), &r.stdout, &r.stderr) }()
	return r
}

// withRun is guard with other subcommands.
func withRun(sub ...*command.Command) *command.Command {
	c := newCommand()
	c.Subcommands = sub
	return c
}

// end waits for the exit code, and checks that nothing stays.
func (r *running) end() int {
	r.t.Helper()
	select {
	case code := <-r.code:
		r.fake.mu.Lock()
		defer r.fake.mu.Unlock()
		qt.Check(r.t, qt.IsTrue(r.closed))
		return code
	case <-time.After(20 * time.Second):
		r.t.Fatal("it does not end")
	}
	return -1
}

// execute runs guard run to an end that is none of its own.
func execute(t *testing.T, f *fake, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	code = withRun(runCommandOf(&runConfig{machine: f.machine(), reload: make(chan os.Signal)})).Execute(ctx, append([]string{"run"}, args...), &out, &errs)
	return out.String(), errs.String(), code
}

func TestRun(t *testing.T) {
	r := start(t, newFake(), "-p", file(t, head+shadow+group), "--json")
	qt.Check(t, qt.Equals(r.stderr.String(), "guard: enforcing 2 rules of 1 policy, Ctrl-C to end\nguard: tracing, Ctrl-C to end\n"))
	r.send(alert(nil))
	eventually(t, "an alert in stdout", func() bool { return strings.Contains(r.stdout.String(), `"rule":"shadow"`) })
	r.send(alert(nil), alert(nil))
	r.stop() // what was sent before is printed
	qt.Check(t, qt.Equals(r.end(), command.ExitOK))
	qt.Check(t, qt.DeepEquals(r.sets, []string{"test enforce 2 rules", ""}))
	lines := strings.Split(strings.TrimSpace(r.stdout.String()), "\n")
	qt.Assert(t, qt.Equals(len(lines), 4))
	s := compiled(t)
	for _, line := range lines {
		qt.Check(t, qt.IsNil(s.Validate([]byte(line))))
	}
	qt.Check(t, qt.StringContains(lines[0], `"type":"policy","status":"loaded","error":null,"policies":1,"rules":2,`))
	qt.Check(t, qt.StringContains(r.stderr.String(), "guard: 3 alerts = 3 printed + 0 lost\n"))
}

// TestRunFlags checks what becomes of every flag.
func TestRunFlags(t *testing.T) {
	name, other := file(t, head+shadow), file(t, strings.Replace(head, "test", "other", 1)+group)
	audit := file(t, strings.Replace(head, "enforce", "audit", 1)+shadow)
	for _, test := range []struct {
		args   []string
		sets   string
		banner string
	}{
		{[]string{"-p", name}, "test enforce 1 rule", "enforcing 1 rule of 1 policy"},
		{[]string{"--policy", name, "-p", other}, "test enforce 1 rule, other enforce 1 rule", "enforcing 2 rules of 2 policies"},
		{[]string{"-p", name, other}, "test enforce 1 rule, other enforce 1 rule", "enforcing 2 rules of 2 policies"},
		{[]string{name}, "test enforce 1 rule", "enforcing 1 rule of 1 policy"},
		{[]string{"-m", "audit", name}, "test audit 1 rule", "auditing 1 rule of 1 policy"},
		{[]string{"--mode", "enforce", audit}, "test enforce 1 rule", "enforcing 1 rule of 1 policy"},
		{[]string{audit}, "test audit 1 rule", "auditing 1 rule of 1 policy"},
		{[]string{audit, other}, "test audit 1 rule, other enforce 1 rule", "enforcing 1 rule and auditing 1 of 2 policies"},
	} {
		f := newFake()
		_, stderr, code := execute(t, f, append([]string{"--duration", "10ms"}, test.args...)...)
		qt.Check(t, qt.Equals(code, command.ExitOK), qt.Commentf("%s", stderr))
		qt.Check(t, qt.DeepEquals(f.sets, []string{test.sets, ""}))
		qt.Check(t, qt.Equals(stderr, "guard: "+test.banner+", Ctrl-C to end\nguard: tracing, Ctrl-C to end\nguard: 0 alerts = 0 printed + 0 lost\n"))
	}

	f := newFake()
	stdout, stderr, code := execute(t, f, "--quiet", "--duration", "1ms", "--buffer", "64K", "-o", "csv", name)
	qt.Check(t, qt.Equals(code, command.ExitOK))
	qt.Check(t, qt.Equals(stderr, ""))
	qt.Check(t, qt.IsTrue(strings.HasPrefix(stdout, "time,tool,type,")))
	qt.Check(t, qt.Equals(f.opened.Buffer, 64<<10))

	_, stderr, _ = execute(t, newFake(), "--verbose", "--duration", "1ms", name)
	qt.Check(t, qt.StringContains(stderr, "guard: opening files: file_open\n"))
	qt.Check(t, qt.StringContains(stderr, "guard: changing modes and times of files: inode_setattr, path_chmod\n"))
}

func TestRunUsage(t *testing.T) {
	name := file(t, head+shadow)
	broken := file(t, "rules: [")
	twice := file(t, head+shadow+shadow)
	lockout := file(t, head+`  - {id: all, subject: all, action: deny, exec: {paths: "/**"}}`+"\n")
	for _, test := range []struct {
		args []string
		want string // in stderr
	}{
		{nil, "guard: no policies: want --policy FILE\n"},
		{[]string{"-p", "/nonexistent"}, "guard: read policy: open /nonexistent: no such file or directory\n"},
		{[]string{"-p", ""}, `guard: -p: invalid value "": want a value that is not empty (guard run --help lists all flags)`},
		{[]string{name, "--json"}, `guard: unexpected flag "--json": flags come before the files`},
		{[]string{"-m", "strict", name}, `want one of audit, enforce`},
		{[]string{"--uid", "0", name}, "unknown flag --uid (guard run --help lists all flags)"},
		{[]string{"--btf", "/nonexistent", name}, "guard: --btf: read type information /nonexistent:"},
		{[]string{broken}, broken + ":1:8: error: not YAML: "},
		{[]string{broken}, "guard: policies are not enforced: " + broken + ":1:8: not YAML"},
		{[]string{twice}, `the rule "shadow" is there already`},
		{[]string{lockout}, "[lock-out]\nguard: policies are not enforced: "},
		{[]string{"-q", lockout}, "[lock-out]\nguard: policies are not enforced: "},
		{[]string{"--mode", "audit", lockout}, ""}, // it can be watched
	} {
		f := newFake()
		stdout, stderr, code := execute(t, f, append([]string{"--duration", "1ms"}, test.args...)...)
		comment := qt.Commentf("%q: %s", test.args, stderr)
		if test.want == "" {
			qt.Check(t, qt.Equals(code, command.ExitOK), comment)
			continue
		}
		qt.Check(t, qt.Equals(code, command.ExitUsage), comment)
		qt.Check(t, qt.Equals(stdout, ""), comment)
		qt.Check(t, qt.StringContains(stderr, test.want), comment)
		qt.Check(t, qt.Equals(len(f.sets), 0), comment)
	}
}

// TestRunRefused has what the machine says no to, and the exit codes of that.
func TestRunRefused(t *testing.T) {
	name := file(t, head+shadow)
	refuse := func(change func(*fake, *machine)) (string, int) {
		f := newFake()
		m := f.machine()
		change(f, &m)
		var out, errs bytes.Buffer
		code := withRun(runCommandOf(&runConfig{machine: m, reload: make(chan os.Signal)})).Execute(t.Context(), []string{"run", name}, &out, &errs)
		qt.Check(t, qt.Equals(out.String(), "TIME     ACTION RULE             HOOK                    PID COMM            OBJECT\n"[:out.Len()]))
		return errs.String(), code
	}
	need := needs()[:1]
	stderr, code := refuse(func(_ *fake, m *machine) {
		m.privileged = func() error {
			return &preflight.MissingCapability{Command: "guard", Missing: need, Set: need}
		}
	})
	qt.Check(t, qt.Equals(code, command.ExitPrivileges))
	qt.Check(t, qt.Matches(stderr, `guard: missing capability: CAP_BPF \(to load BPF programs and make maps\)\nguard: remedy: run as root, or: setcap .*\n`))

	stderr, code = refuse(func(_ *fake, m *machine) {
		m.open = func(engine.Options) (enforcer, error) {
			return nil, &preflight.MissingFeature{Feature: "hooks", Fix: "boot"}
		}
	})
	qt.Check(t, qt.Equals(code, command.ExitKernel))
	qt.Check(t, qt.Equals(stderr, "guard: this kernel lacks hooks\nguard: remedy: boot\n"))

	stderr, code = refuse(func(_ *fake, m *machine) {
		m.open = func(engine.Options) (enforcer, error) { return nil, syscall.EPERM }
	})
	qt.Check(t, qt.Equals(code, command.ExitKernel))
	qt.Check(t, qt.StringContains(stderr, "guard: this kernel lacks BPF programs on security hooks: operation not permitted\nguard: remedy: "))

	stderr, code = refuse(func(f *fake, _ *machine) { f.attachErr = &preflight.MissingFeature{Feature: "the hook x"} })
	qt.Check(t, qt.Equals(code, command.ExitKernel))
	qt.Check(t, qt.StringContains(stderr, "lacks the hook x"))

	stderr, code = refuse(func(f *fake, _ *machine) {
		f.setErr = policy.Errors{{Pos: policy.Position{File: name, Line: 5, Column: 9}, Msg: "no user bob"}}
	})
	qt.Check(t, qt.Equals(code, command.ExitUsage))
	qt.Check(t, qt.Equals(stderr, "guard: "+name+":5:9: error: no user bob [not-here]\nguard: policies are not enforced: "+name+":5:9: no user bob\n"))

	stderr, code = refuse(func(f *fake, _ *machine) { f.setErr = errors.New("no memory") })
	qt.Check(t, qt.Equals(code, command.ExitFailure))
	qt.Check(t, qt.Equals(stderr, "guard: no memory\n"))
}

// TestCount ends with the last of so many alerts; the others are unread.
func TestCount(t *testing.T) {
	f := newFake()
	f.send(alert(nil), alert(nil), alert(nil), alert(nil), alert(nil))
	stdout, stderr, code := execute(t, f, "--count", "3", "-o", "json", file(t, head+shadow))
	qt.Check(t, qt.Equals(code, command.ExitOK))
	qt.Check(t, qt.Equals(strings.Count(stdout, `"type":"event"`), 3))
	qt.Check(t, qt.StringContains(stderr, "guard: 5 alerts = 3 printed + 0 lost + 2 unread\n"))
}

// TestCheckHost is run --check: nothing is put in force.
func TestCheckHost(t *testing.T) {
	f := newFake()
	stdout, stderr, code := execute(t, f, "--check", file(t, head+shadow))
	qt.Check(t, qt.Equals(code, command.ExitOK))
	qt.Check(t, qt.Equals(stderr, ""))
	qt.Check(t, qt.Matches(stdout, `(?s)guard can run on kernel .*\n  capability CAP_BPF \(to load BPF programs and make maps\): (held|missing)\n.*  security hooks: \d+ of \d+\n.*`))
	qt.Check(t, qt.Equals(len(f.sets), 0))
	qt.Check(t, qt.IsTrue(f.closed))

	f = newFake()
	f.attachErr = &preflight.MissingFeature{Feature: "a hook", Fix: "another kernel"}
	stdout, stderr, code = execute(t, f, "--check", "--json", file(t, head+shadow))
	qt.Check(t, qt.Equals(code, command.ExitKernel))
	qt.Check(t, qt.StringContains(stderr, "lacks a hook"))
	var r hostReport
	qt.Assert(t, qt.IsNil(json.Unmarshal([]byte(stdout), &r)))
	qt.Check(t, qt.Equals(r.ExitCode, command.ExitKernel))
	qt.Check(t, qt.Equals(*r.Error, "this kernel lacks a hook"))
	qt.Check(t, qt.Equals(*r.Remedy, "another kernel"))
	qt.Check(t, qt.IsFalse(r.OK))
}
