package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/tools/guard/engine"
)

// TestPersist: with --persist the policies are never taken out of force, and it is told
// how to do that.
func TestPersist(t *testing.T) {
	for _, test := range []struct {
		args       []string
		dir, flags string
	}{
		{[]string{"--persist"}, "/sys/fs/bpf/guard", ""},
		{[]string{"--persist", "--pin-dir", "/sys/fs/bpf/web"}, "/sys/fs/bpf/web", " --pin-dir /sys/fs/bpf/web"},
	} {
		name := file(t, head+shadow)
		r := start(t, newFake(), append(test.args, "--json", name)...)
		qt.Check(t, qt.DeepEquals(r.pinned, []string{test.dir}))
		qt.Check(t, qt.Equals(r.stderr.String(), "guard: enforcing 1 rule of 1 policy, pinned at "+test.dir+"\nguard: tracing, Ctrl-C to end\n"))
		write(t, name, head+shadow+group)
		r.reload <- syscall.SIGHUP
		eventually(t, "new policies", func() bool { return len(r.setSoFar()) == 2 })
		r.send(alert(nil), alert(nil))
		r.stop()
		qt.Check(t, qt.Equals(r.end(), command.ExitOK))
		qt.Check(t, qt.DeepEquals(r.sets, []string{"test enforce 1 rule", "test enforce 2 rules"}))
		qt.Check(t, qt.Equals(strings.Count(r.stdout.String(), `"type":"event"`), 2))
		qt.Check(t, qt.IsTrue(strings.HasSuffix(r.stderr.String(), "guard: 2 alerts = 2 printed + 0 lost\n"+
			"guard: the policies stay in force: guard status"+test.flags+" tells of them, guard detach"+test.flags+" takes them away\n")), qt.Commentf("%s", r.stderr.String()))
	}

	// The negative twin is TestRun: an empty set comes at the end, and nothing is pinned.
	f := newFake()
	_, stderr, code := execute(t, f, "--duration", "1ms", file(t, head+shadow))
	qt.Check(t, qt.Equals(code, command.ExitOK))
	qt.Check(t, qt.HasLen(f.pinned, 0))
	qt.Check(t, qt.DeepEquals(f.sets, []string{"test enforce 1 rule", ""}))
	qt.Check(t, qt.Not(qt.StringContains(stderr, "stay in force")))
}

// TestPersistEnds: --count, a flood, and a disk that is full end the command and not the
// policies.
func TestPersistEnds(t *testing.T) {
	f := newFake()
	f.send(alert(nil), alert(nil), alert(nil))
	_, stderr, code := execute(t, f, "--persist", "--quiet", "--count", "2", file(t, head+shadow))
	qt.Check(t, qt.Equals(code, command.ExitOK))
	qt.Check(t, qt.Equals(stderr, ""))
	qt.Check(t, qt.DeepEquals(f.sets, []string{"test enforce 1 rule"}))

	f = newFake()
	f.send(alert(nil))
	var errs bytes.Buffer
	c := withRun(runCommandOf(&runConfig{machine: f.machine()}))
	code = c.Execute(t.Context(), []string{"run", "--json", "--persist", file(t, head+shadow)}, failing{}, &errs)
	qt.Check(t, qt.Equals(code, command.ExitFailure))
	qt.Check(t, qt.DeepEquals(f.sets, []string{"test enforce 1 rule"}))
	qt.Check(t, qt.StringContains(errs.String(), "guard: the policies stay in force: "))

	// More alerts come all the time, since the policies stay: it ends all the same.
	r := start(t, newFake(), "--persist", file(t, head+shadow))
	ended := make(chan bool)
	go func() {
		for {
			select {
			case <-ended:
				return
			case <-time.After(time.Millisecond):
				r.send(alert(nil))
			}
		}
	}()
	r.stop()
	qt.Check(t, qt.Equals(r.end(), command.ExitOK))
	close(ended)
}

func TestPersistRefused(t *testing.T) {
	name := file(t, head+shadow)
	for _, test := range []struct {
		args       []string
		free, pin  error
		code, sets int
		want       string
	}{
		{[]string{"--pin-dir", "/sys/fs/bpf/x"}, nil, nil, 2, 0, "guard: --pin-dir: only with --persist\n"},
		{[]string{"--self-protect"}, nil, nil, 2, 0, "guard: --self-protect: only with --persist: "},
		{[]string{"--persist", "--duration", "1s"}, nil, nil, 2, 0, "guard: --duration: not with --persist, "},
		{[]string{"--persist", "--pin-dir", ""}, nil, nil, 2, 0, `guard: --pin-dir: invalid value "": `},
		{[]string{"--persist", "--pin-dir", "/tmp/x"}, &engine.PinDirError{Dir: "/tmp/x", Msg: "no BPF file system", Fix: "mount one"}, nil, 2, 0,
			"guard: --pin-dir: pin below /tmp/x: no BPF file system\nguard: remedy: mount one\n"},
		{[]string{"--persist"}, &engine.PinDirError{Dir: "/sys/fs/bpf/guard", Msg: "make the directory", Fix: "mount -o remount,rw /sys/fs/bpf", Err: syscall.EROFS}, nil, 1, 0,
			"guard: pin below /sys/fs/bpf/guard: make the directory: read-only file system\nguard: remedy: mount -o remount,rw /sys/fs/bpf\n"},
		{[]string{"--persist"}, &engine.Taken{Dir: "/sys/fs/bpf/guard", PID: 17}, nil, 1, 0,
			"guard: another guard (process 17) is in charge of what is pinned below /sys/fs/bpf/guard\nguard: remedy: end it first (kill 17): "},
		{[]string{"--persist"}, nil, &engine.Taken{Dir: "/sys/fs/bpf/guard"}, 1, 1, "guard: another guard is in charge "}, // that was faster
		{[]string{"--persist"}, nil, errors.New("pin map note: no memory"), 1, 1, "guard: pin map note: no memory\n"},
	} {
		f := newFake()
		f.freeErr, f.pinErr = test.free, test.pin
		_, stderr, code := execute(t, f, append(test.args, name)...)
		comment := qt.Commentf("%q: %s", test.args, stderr)
		qt.Check(t, qt.Equals(code, test.code), comment)
		qt.Check(t, qt.StringContains(stderr, test.want), comment)
		qt.Check(t, qt.Not(qt.StringContains(stderr, "stay in force:")), comment)
		qt.Check(t, qt.Not(qt.StringContains(stderr, "tracing")), comment)
		qt.Check(t, qt.HasLen(f.sets, test.sets), comment)
		qt.Check(t, qt.Equals(f.closed, test.free != nil || test.pin != nil), comment)
	}
}

// TestSelfProtect: it is protected when it is pinned, or nothing is told to be.
func TestSelfProtect(t *testing.T) {
	f := newFake()
	f.send(alert(nil))
	_, stderr, code := execute(t, f, "--persist", "--self-protect", "--count", "1", file(t, head+shadow))
	qt.Check(t, qt.Equals(code, command.ExitOK))
	qt.Check(t, qt.StringContains(stderr, "pinned at /sys/fs/bpf/guard and protected\n"))
	qt.Check(t, qt.IsTrue(f.protected))

	f = newFake()
	f.send(alert(nil))
	_, _, _ = execute(t, f, "--persist", "--count", "1", file(t, head+shadow))
	qt.Check(t, qt.IsFalse(f.protected))

	f = newFake()
	f.protectErr = errors.New("no memory")
	_, stderr, code = execute(t, f, "--persist", "--self-protect", file(t, head+shadow))
	qt.Check(t, qt.Equals(code, command.ExitFailure))
	qt.Check(t, qt.StringContains(stderr, "guard: protect what enforces: no memory\n"))
	qt.Check(t, qt.Not(qt.StringContains(stderr, "tracing")))
}

// TestReload: a guard that runs is told to read its files, and one that does not is not.
func TestReloadCommand(t *testing.T) {
	s := pinnedStatus()
	var told []string
	p := pins{
		may:    func([]preflight.Need) error { return nil },
		status: func(string) (*engine.Status, error) { return s, nil },
		signal: func(pid int, sig syscall.Signal) error { told = append(told, fmt.Sprint(pid, sig)); return nil },
	}
	run := func() (stderr string, code int) {
		var out, errs bytes.Buffer
		code = withRun(reloadCommandOf(&reloadConfig{pins: p})).Execute(t.Context(), []string{"reload"}, &out, &errs)
		return errs.String(), code
	}
	stderr, code := run()
	qt.Check(t, qt.Equals(code, command.ExitOK), qt.Commentf("%s", stderr))
	qt.Check(t, qt.DeepEquals(told, []string{"4711 hangup"}))
	for _, test := range []struct {
		manager *engine.ManagerStatus
		want    string
	}{
		{nil, "guard: no guard runs for what is pinned at /sys/fs/bpf/guard: "},
		{&engine.ManagerStatus{}, "guard: reload: the guard that runs is in another pid namespace: "},
	} {
		s.Manager = test.manager
		stderr, code := run()
		qt.Check(t, qt.Equals(code, command.ExitFailure))
		qt.Check(t, qt.StringContains(stderr, test.want))
	}
	qt.Check(t, qt.HasLen(told, 1))
}

// TestDetachStop: the guard that runs is ended before its pins are removed.
func TestDetachStop(t *testing.T) {
	s := pinnedStatus()
	var done []string
	p := pins{
		may:    func([]preflight.Need) error { return nil },
		status: func(string) (*engine.Status, error) { return s, nil },
		signal: func(pid int, sig syscall.Signal) error {
			done = append(done, fmt.Sprint(pid, sig))
			s = pinnedStatus()
			s.Manager = nil
			return nil
		},
		remove: func(string) (*engine.Status, error) { done = append(done, "removed"); return s, nil },
	}
	_, stderr, code := asked(t, p, "detach", "--stop")
	qt.Check(t, qt.Equals(code, command.ExitOK), qt.Commentf("%s", stderr))
	qt.Check(t, qt.DeepEquals(done, []string{"4711 terminated", "removed"}))
	done = nil
	_, _, code = asked(t, p, "detach", "--stop") // none runs any more
	qt.Check(t, qt.Equals(code, command.ExitOK))
	qt.Check(t, qt.DeepEquals(done, []string{"removed"}))
}

// pinnedStatus is what a guard of two policies has left.
func pinnedStatus() *engine.Status {
	return &engine.Status{
		Revision: 3, Since: time.Date(2026, 3, 1, 12, 0, 0, 7, time.UTC),
		Policies: []engine.PolicyStatus{{Name: "web", Mode: "enforce", Rules: 4}, {Name: "base", Mode: "audit", Rules: 1}},
		Hooks:    []engine.Hook{engine.FileOpen, engine.SocketBind},
		Alerts:   1234, Lost: 17, Unresolved: 5, NoMemory: 2, Skipped: 3, Manager: &engine.ManagerStatus{PID: 4711}, Older: 1,
	}
}

// asked runs a command about what is pinned.
func asked(t *testing.T, p pins, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	if p.may == nil {
		p.may = func([]preflight.Need) error { return nil }
	}
	var out, errs bytes.Buffer
	code = withRun(statusCommandOf(&statusConfig{pins: p}), detachCommandOf(&detachConfig{pins: p})).Execute(t.Context(), args, &out, &errs)
	return out.String(), errs.String(), code
}

func TestStatus(t *testing.T) {
	var dir string
	s := pinnedStatus()
	p := pins{status: func(d string) (*engine.Status, error) { dir = d; return s, nil }}
	stdout, stderr, code := asked(t, p, "status")
	qt.Check(t, qt.Equals(code, command.ExitOK))
	qt.Check(t, qt.Equals(stderr, ""))
	qt.Check(t, qt.Equals(dir, engine.DefaultPinDir))
	qt.Check(t, qt.Equals(stdout, `pinned at /sys/fs/bpf/guard since 2026-03-01T12:00:00Z, revision 3
guard: process 4711 runs and reads alerts
older: 1 more, of guards that were killed as they took over; they are in force as well, until the next one
alerts: 1234, 17 lost
in doubt: 5 paths unresolved, 2 decisions without memory, 3 skipped by the kernel
hooks: file_open, socket_bind
MODE    RULES POLICY
enforce     4 web
audit       1 base
`))

	schema := compiled(t)
	for _, args := range [][]string{{"--json"}, {"-o", "json"}} {
		stdout, _, code = asked(t, p, append([]string{"status", "--pin-dir", "/sys/fs/bpf/x"}, args...)...)
		qt.Check(t, qt.Equals(code, command.ExitOK))
		qt.Check(t, qt.Equals(dir, "/sys/fs/bpf/x"))
		lines := strings.Split(strings.TrimSpace(stdout), "\n")
		qt.Assert(t, qt.HasLen(lines, 2))
		for _, line := range lines {
			qt.Check(t, qt.IsNil(schema.Validate([]byte(line))), qt.Commentf("%s", line))
		}
		var got map[string]any
		qt.Assert(t, qt.IsNil(json.Unmarshal([]byte(lines[0]), &got)))
		delete(got, "time")
		qt.Check(t, qt.DeepEquals(got, map[string]any{
			"tool": "guard", "type": "status", "policy": "web", "mode": "enforce", "rules": 4.0, "pin_dir": "/sys/fs/bpf/x", "revision": 3.0,
			"since": "2026-03-01T12:00:00.000000007Z", "manager_alive": true, "manager_pid": 4711.0, "hooks": []any{"file_open", "socket_bind"},
			"alerts": 1234.0, "alerts_lost": 17.0, "unresolved": 5.0, "no_memory": 2.0, "skipped": 3.0, "older": 1.0, "cut": []any{},
		}))
	}

	// Nobody reads, nothing is older, and names are too many.
	s.Manager, s.Older = nil, 0
	s.Policies = []engine.PolicyStatus{{Name: "900 policies", Rules: 1800}}
	stdout, _, _ = asked(t, p, "status")
	qt.Check(t, qt.StringContains(stdout, "\nguard: none runs, and nobody reads alerts\nalerts: "))
	stdout, _, _ = asked(t, p, "status", "--json")
	qt.Check(t, qt.IsNil(schema.Validate([]byte(stdout))))
	qt.Check(t, qt.StringContains(stdout, `"policy":"900 policies","mode":null,"rules":1800,`))
	qt.Check(t, qt.StringContains(stdout, `"manager_alive":false,"manager_pid":null,`))
	s.Manager = &engine.ManagerStatus{}
	stdout, _, _ = asked(t, p, "status")
	qt.Check(t, qt.StringContains(stdout, "guard: runs and reads alerts, in another pid namespace\n"))
	stdout, _, _ = asked(t, p, "status", "--json")
	qt.Check(t, qt.StringContains(stdout, `"manager_alive":true,"manager_pid":null,`))
}

// TestDetach tells what was taken away.
func TestDetach(t *testing.T) {
	var dir string
	p := pins{remove: func(d string) (*engine.Status, error) { dir = d; return pinnedStatus(), nil }}
	stdout, stderr, code := asked(t, p, "detach")
	qt.Check(t, qt.Equals(code, command.ExitOK))
	qt.Check(t, qt.Equals(stderr, ""))
	qt.Check(t, qt.Equals(dir, engine.DefaultPinDir))
	qt.Check(t, qt.Equals(stdout, "out of force, and no more pinned at /sys/fs/bpf/guard:\n  web: enforce, 4 rules\n  base: audit, 1 rule\n"))
	stdout, _, code = asked(t, p, "detach", "-q", "--pin-dir", "/sys/fs/bpf/x")
	qt.Check(t, qt.Equals(code, command.ExitOK))
	qt.Check(t, qt.Equals(stdout, ""))
	qt.Check(t, qt.Equals(dir, "/sys/fs/bpf/x"))
	p.remove = func(string) (*engine.Status, error) { return new(engine.Status), nil }
	stdout, _, code = asked(t, p, "detach")
	qt.Check(t, qt.Equals(code, command.ExitOK))
	qt.Check(t, qt.Equals(stdout, "out of force: what was pinned at /sys/fs/bpf/guard, which could not be read\n"))
}

// TestPinnedRefused has what both commands cannot do.
func TestPinnedRefused(t *testing.T) {
	for _, test := range []struct {
		was  *engine.Status
		err  error
		code int
		want string
	}{
		{nil, nil, 1, "guard: nothing is pinned at /sys/fs/bpf/guard: "},
		{nil, &engine.Taken{Dir: "/sys/fs/bpf/guard", PID: 17}, 1, "(process 17) is in charge of what is pinned below /sys/fs/bpf/guard\nguard: remedy: end it first (kill 17): "},
		{nil, errors.New("list pins: \x1b"), 1, `list pins: \x1b`},
	} {
		answer := func(string) (*engine.Status, error) { return test.was, test.err }
		for _, name := range []string{"status", "detach"} {
			stdout, stderr, code := asked(t, pins{status: answer, remove: answer}, name)
			qt.Check(t, qt.Equals(code, test.code))
			qt.Check(t, qt.Equals(stdout, ""))
			qt.Check(t, qt.StringContains(stderr, test.want))
		}
	}
	_, stderr, code := asked(t, pins{status: func(string) (*engine.Status, error) { return nil, fs.ErrNotExist }}, "status")
	qt.Check(t, qt.Equals(code, 1))
	qt.Check(t, qt.StringContains(stderr, "nothing is pinned"))

	// Privileges are asked for before anything is looked at.
	for name, want := range map[string]string{
		"status": "cap_bpf,cap_dac_read_search", "detach": "cap_bpf,cap_dac_read_search,cap_dac_override",
	} {
		may := func(n []preflight.Need) error {
			return &preflight.MissingCapability{Command: "guard", Missing: n[:1], Set: n}
		}
		_, stderr, code := asked(t, pins{may: may}, name)
		qt.Check(t, qt.Equals(code, command.ExitPrivileges))
		qt.Check(t, qt.StringContains(stderr, "setcap "+want+"=ep"))
	}
	for _, args := range [][]string{{"status", "x"}, {"detach", "x"}, {"status", "--pin-dir", ""}, {"status", "-o", "csv"}, {"detach", "--json"}} {
		_, _, code := asked(t, pins{}, args...)
		qt.Check(t, qt.Equals(code, command.ExitUsage), qt.Commentf("%q", args))
	}
}
