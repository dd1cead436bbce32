package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
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

// TestReload: SIGHUP reads the files again. What is wrong with them is told, and leaves
// the old policies.
func TestReload(t *testing.T) {
	name := file(t, head+shadow)
	r := start(t, newFake(), "--json", "--mode", "audit", name)
	step := func(text, told string) {
		t.Helper()
		write(t, name, text)
		before := len(r.stdout.String())
		r.reload <- syscall.SIGHUP
		eventually(t, told, func() bool {
			return strings.Contains(r.stderr.String(), told) && strings.HasSuffix(r.stdout.String()[before:], "\n")
		})
	}
	step(head+shadow+group, "guard: new policies: auditing 2 rules of 1 policy\n")
	step("rules: [", "guard: the new policies are refused, and the old ones stay: policies are not enforced: "+name+":1:8: not YAML")
	step(head+group+group, `the rule "group" is there already`)
	qt.Check(t, qt.IsNil(os.Remove(name)))
	before := len(r.stdout.String())
	r.reload <- syscall.SIGHUP
	eventually(t, "a file that is gone", func() bool { return len(r.stdout.String()) > before })
	r.fake.mu.Lock()
	r.setErr = errors.New("no memory")
	r.fake.mu.Unlock()
	step(head+group, "guard: the new policies are refused, and the old ones stay: no memory\n")
	r.fake.mu.Lock()
	r.setErr = nil
	r.fake.mu.Unlock()
	step(head+group, "guard: new policies: auditing 1 rule of 1 policy\n")
	r.send(alert(nil))
	r.stop()
	qt.Check(t, qt.Equals(r.end(), command.ExitOK))
	qt.Check(t, qt.DeepEquals(r.sets, []string{"test audit 1 rule", "test audit 2 rules", "test audit 1 rule", ""}))

	var status []string
	s := compiled(t)
	for line := range strings.Lines(r.stdout.String()) {
		qt.Check(t, qt.IsNil(s.Validate([]byte(line))), qt.Commentf("%s", line))
		var e struct {
			Type, Status, Error string
			Rules               *int
		}
		qt.Assert(t, qt.IsNil(json.Unmarshal([]byte(line), &e)))
		if e.Type != "policy" {
			continue
		}
		qt.Check(t, qt.Equals(e.Error != "", e.Status == "refused"))
		status = append(status, e.Status)
	}
	qt.Check(t, qt.DeepEquals(status, []string{"loaded", "loaded", "refused", "refused", "refused", "refused", "loaded"}))
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

// TestLoss: what is lost is told as it happens, and at the end.
func TestLoss(t *testing.T) {
	lose := func(f *fake, n uint64) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.seen, f.lost = f.seen+n, f.lost+n
	}
	r := start(t, newFake(), "--json", file(t, head+shadow))
	lose(r.fake, 7)
	eventually(t, "loss in JSON", func() bool { return strings.Contains(r.stdout.String(), `"type":"lost","lost":7,"lost_total":7}`) })
	lose(r.fake, 4)
	r.stop()
	qt.Check(t, qt.Equals(r.end(), command.ExitOK))
	qt.Check(t, qt.StringContains(r.stdout.String(), `"type":"lost","lost":4,"lost_total":11}`))
	qt.Check(t, qt.StringContains(r.stderr.String(), "guard: 11 alerts = 0 printed + 11 lost\n"))

	r = begin(t, newFake(), "-q", "--fail-on-loss", file(t, head+shadow))
	eventually(t, "policies", func() bool { return len(r.setSoFar()) > 0 })
	lose(r.fake, 3)
	r.stop()
	qt.Check(t, qt.Equals(r.end(), command.ExitFailure))
	qt.Check(t, qt.StringContains(r.stderr.String(), "guard: lost 3 alerts (3 so far): --buffer takes a larger size than 1048576; verdicts do not depend on it\nguard: 3 alerts = 0 printed + 3 lost\nguard: alerts were lost (--fail-on-loss)\n"))
}

// TestClosedPipe: a reader that left ends the command, with an alert or without.
func TestClosedPipe(t *testing.T) {
	for _, alerts := range [][]engine.Alert{nil, {alert(nil)}} {
		f := newFake()
		rd, wr, err := os.Pipe()
		qt.Assert(t, qt.IsNil(err))
		var errs stream
		code := make(chan int, 1)
		c := withRun(runCommandOf(&runConfig{machine: f.machine(), reload: make(chan os.Signal)}))
		name := file(t, head+shadow)
		go func() { code <- c.Execute(t.Context(), []string{"run", "--json", name}, wr, &errs) }()
		eventually(t, "tracing", func() bool { return strings.Contains(errs.String(), "tracing") })
		rd.Close()
		f.send(alerts...)
		select {
		case got := <-code:
			qt.Check(t, qt.Equals(got, command.ExitOK))
		case <-time.After(10 * time.Second):
			t.Fatal("it does not end")
		}
		qt.Check(t, qt.IsTrue(f.closed))
		wr.Close()
	}
}

// failing cannot be written to any more.
type failing struct{ io.Writer }

func (failing) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestFullDisk(t *testing.T) {
	f := newFake()
	f.send(alert(nil))
	var errs bytes.Buffer
	c := withRun(runCommandOf(&runConfig{machine: f.machine(), reload: make(chan os.Signal)}))
	code := c.Execute(t.Context(), []string{"run", "--json", file(t, head+shadow)}, failing{}, &errs)
	qt.Check(t, qt.Equals(code, command.ExitFailure))
	qt.Check(t, qt.StringContains(errs.String(), "guard: write output: no space left on device\n"))
	qt.Check(t, qt.IsTrue(f.closed))
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
