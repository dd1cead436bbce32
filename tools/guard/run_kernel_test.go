//go:build kernel

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

const workload = "guard-workload"

// needsHooks skips a test where the kernel does not run programs of security hooks. All
// kernels of the matrix do.
func needsHooks(t *testing.T) {
	t.Helper()
	out, stderr, code := kerneltest.Output(t, kerneltest.Command(t, "guard", "--check"))
	if code == 0 {
		return
	}
	if kerneltest.Kernel() != "" {
		t.Fatalf("kernel %s is known to enforce policies: exit status %d\n%s%s", kerneltest.Kernel(), code, out, stderr)
	}
	t.Skipf("this kernel does not enforce policies: %s", stderr)
}

// enforced writes a policy that is enforced.
func enforced(t *testing.T, rules ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "policy.yaml")
	rewrite(t, name, rules...)
	return name
}

func rewrite(t *testing.T, name string, rules ...string) {
	t.Helper()
	write(t, name, "version: 1\nname: test\nmode: enforce\nrules:\n"+strings.Join(rules, ""))
}

// noRead denies everybody to read a file.
func noRead(id, path string) string {
	return fmt.Sprintf("  - {id: %s, subject: all, action: deny, message: no, file: {paths: %s, access: read}}\n", id, path)
}

// secrets makes files that a policy can be about.
func secrets(t *testing.T, names ...string) (paths []string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, name)
		write(t, path, name)
		paths = append(paths, path)
	}
	return paths
}

// does runs operations of the workload.
func does(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, code := kerneltest.Output(t, kerneltest.Command(t, workload, args...))
	qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	return strings.TrimSuffix(stdout, "\n")
}

// ended checks what guard printed against the schema, its account, and that nothing is
// left, and returns the alerts and the lines about policies.
func ended(t *testing.T, r *kerneltest.Run, before kerneltest.Objects) (alerts, changes []kerneltest.Event) {
	t.Helper()
	qt.Assert(t, qt.Equals(r.Code, 0), qt.Commentf("%s", r.Stderr()))
	s := compiled(t)
	for line := range strings.Lines(r.Stdout()) {
		qt.Assert(t, qt.IsNil(s.Validate([]byte(line))), qt.Commentf("%s", line))
	}
	for _, e := range r.Lines() {
		if e["type"] == "policy" {
			changes = append(changes, e)
		}
	}
	alerts = r.Events(func(kerneltest.Event) bool { return true })
	qt.Check(t, qt.StringContains(r.Stderr(), fmt.Sprintf("guard: %d alerts = %d printed + 0 lost\n", len(alerts), len(alerts))))
	kerneltest.NothingLeft(t, before)
	return alerts, changes
}

func number(n int) json.Number { return json.Number(fmt.Sprint(n)) }

// TestDeny: what is denied fails and is told, once for each; what is not is not.
func TestDeny(t *testing.T) {
	needsHooks(t)
	paths := secrets(t, "secret", "other")
	before := kerneltest.Loaded(t)
	r := kerneltest.Start(t, "guard", "run", "--json", "-p", enforced(t, noRead("secret", paths[0])))
	cmd := kerneltest.Command(t, workload, "open", paths[0], "r", "--", "open", paths[1], "r", "--", "open", paths[0], "w")
	stdout, _, code := kerneltest.Output(t, cmd)
	qt.Assert(t, qt.Equals(code, 0))
	qt.Check(t, qt.Equals(stdout, "open: EPERM\nopen: ok\nopen: ok\n"))
	const more = 12
	for range more {
		qt.Check(t, qt.Equals(does(t, "open", paths[0], "r"), "open: EPERM"))
	}
	r.Stop()
	alerts, changes := ended(t, r, before)
	qt.Assert(t, qt.Equals(len(alerts), 1+more))
	qt.Check(t, qt.Equals(len(changes), 1))
	exe, err := exec.LookPath(workload)
	qt.Assert(t, qt.IsNil(err))
	for key, want := range map[string]any{
		"pid": number(cmd.Process.Pid), "comm": "guard-workload", "policy": "test", "rule": "secret", "message": "no",
		"class": "file", "kind": "read", "hook": "file_open", "action": "deny", "reason": "rule", "errno": "EPERM",
		"exe": exe, "path": paths[0], "path_cut": false, "revision": number(1), "euid": number(0), "userns_level": number(0),
	} {
		qt.Check(t, qt.DeepEquals(alerts[0][key], want), qt.Commentf("%s", key))
	}
	qt.Check(t, qt.Equals(does(t, "open", paths[0], "r"), "open: ok")) // as soon as it has ended
}

// TestAudit is the twin: nothing fails, and the same is told.
//
//vmrun:kernels 6.1
func TestAudit(t *testing.T) {
	needsHooks(t)
	paths := secrets(t, "secret")
	before := kerneltest.Loaded(t)
	r := kerneltest.Start(t, "guard", "run", "--json", "--mode", "audit", "-p", enforced(t, noRead("secret", paths[0])))
	const times = 7
	for range times {
		qt.Check(t, qt.Equals(does(t, "open", paths[0], "r"), "open: ok"))
	}
	r.Stop()
	alerts, _ := ended(t, r, before)
	qt.Assert(t, qt.Equals(len(alerts), times))
	for _, e := range alerts {
		qt.Check(t, qt.Equals(e["action"], any("audit")))
		qt.Check(t, qt.IsNil(e["errno"]))
		qt.Check(t, qt.Equals(e["rule"], any("secret")))
	}
}

// TestSwap: SIGHUP changes the policies without a gap, and mistakes change nothing.
//
//vmrun:kernels 6.1
func TestSwap(t *testing.T) {
	needsHooks(t)
	paths := secrets(t, "always", "before", "after")
	name := enforced(t, noRead("always", paths[0]), noRead("before", paths[1]))
	before := kerneltest.Loaded(t)
	r := kerneltest.Start(t, "guard", "run", "--json", name)
	reload := func(told string) {
		t.Helper()
		n := strings.Count(r.Stderr(), told)
		qt.Assert(t, qt.IsNil(r.Cmd.Process.Signal(syscall.SIGHUP)))
		eventually(t, told, func() bool { return strings.Count(r.Stderr(), told) > n })
	}
	all := func() string {
		return does(t, "open", paths[0], "r", "--", "open", paths[1], "r", "--", "open", paths[2], "r")
	}
	qt.Check(t, qt.Equals(all(), "open: EPERM\nopen: EPERM\nopen: ok"))
	opens := loopOpen(t, paths[0])
	rewrite(t, name, noRead("always", paths[0]), noRead("after", paths[2]))
	reload("guard: new policies: ")
	qt.Check(t, qt.Equals(all(), "open: EPERM\nopen: ok\nopen: EPERM"))
	reload("guard: new policies: ")
	counts := opens()
	qt.Check(t, qt.StringContains(counts, "opened=0 "))
	qt.Check(t, qt.Not(qt.StringContains(counts, "EPERM=0")), qt.Commentf("%s", counts))

	write(t, name, "rules: [")
	reload("the new policies are refused, and the old ones stay")
	qt.Check(t, qt.Equals(all(), "open: EPERM\nopen: ok\nopen: EPERM"))
	r.Stop()
	var status []any
	for _, e := range r.Lines() {
		if e["type"] == "policy" {
			status = append(status, e["status"])
		}
	}
	qt.Check(t, qt.DeepEquals(status, []any{"loaded", "loaded", "loaded", "refused"}))
	kerneltest.NothingLeft(t, before)
}

// loopOpen opens a file again and again, until it is asked how often it could.
func loopOpen(t *testing.T, path string) (counts func() string) {
	t.Helper()
	cmd := kerneltest.Command(t, workload, "loop-open", path)
	stdin, err := cmd.StdinPipe()
	qt.Assert(t, qt.IsNil(err))
	var out stream
	cmd.Stdout = &out
	qt.Assert(t, qt.IsNil(cmd.Start()))
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	eventually(t, "opens", func() bool { return strings.Contains(out.String(), "ready") })
	return func() string {
		t.Helper()
		stdin.Close()
		qt.Assert(t, qt.IsNil(cmd.Wait()))
		return out.String()
	}
}

// TestLearnProgram: what is learned of a program lets it do the same again, and no more.
//
//vmrun:kernels 5.10 6.12
func TestLearnProgram(t *testing.T) {
	needsHooks(t)
	paths := secrets(t, "known", "unknown")
	exe := filepath.Join(t.TempDir(), "program")
	source, err := exec.LookPath(workload)
	qt.Assert(t, qt.IsNil(err))
	data, err := os.ReadFile(source)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(os.WriteFile(exe, data, 0o755)))
	name := filepath.Join(t.TempDir(), "learned.yaml")
	before := kerneltest.Loaded(t)
	r := kerneltest.Start(t, "guard", "learn", "--subject-exe", exe, "--write", name)
	act := func(what ...string) string {
		t.Helper()
		stdout, stderr, code := kerneltest.Output(t, exec.Command(exe, what...))
		qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
		return stdout
	}
	known := []string{"read", paths[0], "--", "socket", "inet", "dgram", "--", "bind", "tcp4", "127.0.0.1:7171", "--", "bind-unix", "@guard-known"}
	want := act(known...)
	qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
	kerneltest.NothingLeft(t, before)
	policies, err := policy.ParseFiles(name)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(policies[0].Mode, policy.Audit))

	// A default about identities is about setgroups as well, which 5.10 has no hook for: it
	// would be refused, and so it is not written.
	text, err := os.ReadFile(name)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(strings.Contains(string(text), "# Left out is setuid: deny, "), kerneltest.Kernel() == "5.10"))
	qt.Check(t, qt.Equals(strings.Contains(string(text), "\n    setuid: deny\n"), kerneltest.Kernel() != "5.10"))
	r = kerneltest.Start(t, "guard", "run", "--json", "--mode", "enforce", name)
	qt.Check(t, qt.Equals(act(known...), want))
	qt.Check(t, qt.Equals(act("open", paths[1], "r", "--", "bind", "tcp4", "127.0.0.1:7172", "--", "socket", "packet", "raw", "--", "bind-unix", "@guard-unknown"),
		"open: EPERM\nbind: EPERM\nsocket: EPERM\nbind-unix: EPERM\n"))
	r.Stop()
	alerts, _ := ended(t, r, before)
	var told []string
	for _, e := range alerts {
		qt.Check(t, qt.Equals(e["reason"], any("default")))
		told = append(told, fmt.Sprint(e["class"], " ", e["path"], " ", e["port"]))
	}
	qt.Check(t, qt.DeepEquals(told, []string{"file " + paths[1] + " <nil>", "bind <nil> 7172", "socket <nil> <nil>", "bind @guard-unknown <nil>"}))
}

// TestExitCodes has the ends that come before anything is loaded.
//
//vmrun:kernels 6.1
func TestExitCodes(t *testing.T) {
	name := enforced(t, noRead("secret", "/nonexistent"))
	lockout := enforced(t, "  - {id: all, subject: all, action: deny, exec: {paths: \"/**\"}}\n")
	before := kerneltest.Loaded(t)
	for _, test := range []struct {
		what string
		args []string
		user bool
		code int
		want string
	}{
		{"no policy", []string{"run"}, false, 2, "guard: no policies: want --policy FILE\n"},
		{"a lock-out", []string{"run", lockout}, false, 2, "guard: policies are not enforced: "},
		{"without privileges", []string{"run", name}, true, 4, "guard: missing capability: CAP_BPF"},
		{"without privileges, with a mistake", []string{"run", lockout}, true, 2, "guard: policies are not enforced: "},
		{"learning without privileges", []string{"learn", "-e", "/bin/sh"}, true, 4, "guard: remedy: run as root, or: setcap cap_bpf,cap_perfmon,cap_dac_read_search=ep "},
		{"checking without privileges", []string{"check", "-q", name}, true, 0, ""},
	} {
		cmd := kerneltest.Command(t, "guard", test.args...)
		if test.user {
			for _, file := range []string{name, lockout} { // an ordinary user must come to the files
				for dir := file; dir != os.TempDir() && len(dir) > 1; dir = filepath.Dir(dir) {
					qt.Assert(t, qt.IsNil(os.Chmod(dir, 0o755)))
				}
			}
			kerneltest.OrdinaryUser(t, cmd)
		}
		_, stderr, code := kerneltest.Output(t, cmd)
		qt.Check(t, qt.Equals(code, test.code), qt.Commentf("%s: %s", test.what, stderr))
		qt.Check(t, qt.StringContains(stderr, test.want), qt.Commentf("%s", test.what))
	}
	kerneltest.NothingLeft(t, before)
}

// TestNoHooks: a kernel that does not enforce says so, with what would mend it.
func TestNoHooks(t *testing.T) {
	_, _, code := kerneltest.Output(t, kerneltest.Command(t, "guard", "--check"))
	if code == 0 {
		t.Skip("this kernel enforces policies")
	}
	_, stderr, code := kerneltest.Output(t, kerneltest.Command(t, "guard", "run", enforced(t, noRead("secret", "/nonexistent"))))
	qt.Check(t, qt.Equals(code, 3))
	qt.Check(t, qt.Matches(stderr, `(?s).*guard: this kernel lacks .*\nguard: remedy: .*\n`))
}

// TestLeastPrivilege enforces as an ordinary user with the capabilities that it asks for.
//
//vmrun:kernels 5.10 6.12
func TestLeastPrivilege(t *testing.T) {
	needsHooks(t)
	paths := secrets(t, "secret")
	name := enforced(t, noRead("secret", paths[0]))
	before := kerneltest.Loaded(t)
	cmd := kerneltest.Command(t, "guard", "run", "--json", name)
	var caps []uintptr
	for _, n := range preflight.NeedsAt(needs(), era()) {
		caps = append(caps, uintptr(n.Cap))
	}
	kerneltest.OrdinaryUser(t, cmd, caps...)
	r := kerneltest.StartCmd(t, cmd)
	qt.Check(t, qt.Equals(does(t, "open", paths[0], "r"), "open: EPERM"))
	r.Stop()
	alerts, _ := ended(t, r, before)
	qt.Check(t, qt.Equals(len(alerts), 1))
}

func era() preflight.Era {
	if kerneltest.Kernel() == "5.10" {
		return preflight.Era58
	}
	return preflight.Era511
}

// TestKilled: nothing is left, and nothing denied, by a guard that could not clean up.
//
//vmrun:kernels 5.10 6.12
func TestKilled(t *testing.T) {
	needsHooks(t)
	paths := secrets(t, "secret")
	before := kerneltest.Loaded(t)
	r := kerneltest.Start(t, "guard", "run", enforced(t, noRead("secret", paths[0])))
	qt.Check(t, qt.Equals(does(t, "open", paths[0], "r"), "open: EPERM"))
	qt.Assert(t, qt.IsNil(r.Cmd.Process.Kill()))
	r.Wait()
	kerneltest.NothingLeft(t, before)
	qt.Check(t, qt.Equals(does(t, "open", paths[0], "r"), "open: ok"))
}
