//go:build kernel

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

const testPins = "/sys/fs/bpf/guard-command"

// about asks guard about what is pinned.
func about(t *testing.T, what string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return kerneltest.Output(t, kerneltest.Command(t, "guard", append([]string{what, "--pin-dir", testPins}, args...)...))
}

// clean takes away what a test that failed has left.
func clean(t *testing.T) {
	t.Cleanup(func() {
		cmd := kerneltest.Command(t, "guard", "detach", "-q", "--pin-dir", testPins)
		cmd.Run()
	})
}

// TestPersists: what is pinned is enforced when guard was killed, status tells of it, the
// next one takes it over, and detach ends it.
func TestPersists(t *testing.T) {
	needsHooks(t)
	clean(t)
	paths := secrets(t, "secret", "later", "other")
	name := enforced(t, noRead("secret", paths[0]))
	before := kerneltest.Loaded(t)
	reads := func() string {
		return does(t, "open", paths[0], "r", "--", "unlink", paths[1]+"-none", "--", "open", paths[2], "r")
	}
	_, stderr, code := about(t, "status") // nothing yet
	qt.Check(t, qt.Equals(code, 1))
	qt.Check(t, qt.StringContains(stderr, "nothing is pinned at "+testPins))
	_, stderr, code = about(t, "detach")
	qt.Check(t, qt.Equals(code, 1))
	qt.Check(t, qt.StringContains(stderr, "nothing is pinned at "+testPins))

	run := func() *kerneltest.Run {
		return kerneltest.Start(t, "guard", "run", "--json", "--persist", "--pin-dir", testPins, name)
	}
	r := run()
	_, stderr, code = about(t, "detach") // not while it runs
	qt.Check(t, qt.Equals(code, 1))
	qt.Check(t, qt.Matches(stderr, `guard: detach: another guard \(process \d+\) is in charge of .*\nguard: remedy: end it first \(kill \d+\): .*\n`))
	second := kerneltest.Command(t, "guard", "run", "--persist", "--pin-dir", testPins, name)
	_, stderr, code = kerneltest.Output(t, second) // nor another one
	qt.Check(t, qt.Equals(code, 1))
	qt.Check(t, qt.StringContains(stderr, "is in charge of"))
	qt.Check(t, qt.Equals(reads(), "open: EPERM\nunlink: ENOENT\nopen: ok"))

	// A hook that comes with SIGHUP is pinned as well.
	rewrite(t, name, noRead("secret", paths[0]), "  - {id: later, subject: all, action: deny, file: {paths: "+paths[1]+", access: delete}}\n")
	qt.Assert(t, qt.IsNil(r.Cmd.Process.Signal(syscall.SIGHUP)))
	eventually(t, "new policies", func() bool { return strings.Contains(r.Stderr(), "guard: new policies: ") })
	qt.Assert(t, qt.IsNil(r.Cmd.Process.Kill()))
	qt.Assert(t, qt.Equals(r.Wait(), 128+int(syscall.SIGKILL)))
	const unread = 3
	for range unread {
		qt.Check(t, qt.Equals(does(t, "open", paths[0], "r", "--", "open", paths[2], "r"), "open: EPERM\nopen: ok"))
	}
	qt.Check(t, qt.Equals(does(t, "unlink", paths[1]), "unlink: EPERM"))

	stdout, _, code := about(t, "status")
	qt.Assert(t, qt.Equals(code, 0))
	qt.Check(t, qt.Matches(stdout, `pinned at `+testPins+` since .*, revision 2
guard: none runs, and nobody reads alerts
alerts: 5, 0 lost
in doubt: 0 paths unresolved, 0 decisions without memory, 0 skipped by the kernel
hooks: (?s:.*)
MODE    RULES POLICY
enforce     2 test
`), qt.Commentf("%s", stdout))
	for _, hook := range []string{"file_open", "path_unlink"} {
		qt.Check(t, qt.StringContains(stdout, hook))
	}
	stdout, _, _ = about(t, "status", "--json")
	qt.Check(t, qt.IsNil(compiled(t).Validate([]byte(stdout))))

	// The next one takes over while somebody tries all the time.
	opens := loopOpen(t, paths[0])
	r = run()
	counts := opens()
	qt.Check(t, qt.StringContains(counts, "opened=0 "))
	qt.Check(t, qt.Not(qt.StringContains(counts, "EPERM=0")))
	stdout, _, _ = about(t, "status")
	qt.Check(t, qt.StringContains(stdout, "guard: process "))
	qt.Check(t, qt.Not(qt.StringContains(stdout, "older: ")))
	qt.Check(t, qt.Equals(does(t, "unlink", paths[1]), "unlink: EPERM"))
	qt.Check(t, qt.Equals(r.Stop(), 0))
	qt.Check(t, qt.StringContains(r.Stderr(), "guard: the policies stay in force: "))
	qt.Check(t, qt.IsTrue(len(r.Events(func(e kerneltest.Event) bool { return e["rule"] == "later" })) == 1)) // alerts come again
	qt.Check(t, qt.Equals(reads(), "open: EPERM\nunlink: ENOENT\nopen: ok"))

	stdout, stderr, code = about(t, "detach")
	qt.Check(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	qt.Check(t, qt.Equals(stdout, "out of force, and no more pinned at "+testPins+":\n  test: enforce, 2 rules\n"))
	qt.Check(t, qt.Equals(does(t, "open", paths[0], "r", "--", "unlink", paths[1]), "open: ok\nunlink: ok"))
	_, err := os.Stat(testPins)
	qt.Check(t, qt.ErrorIs(err, os.ErrNotExist))
	_, _, code = about(t, "status")
	qt.Check(t, qt.Equals(code, 1))
	kerneltest.NothingLeft(t, before)
}

// TestTwo: of two guards that know nothing of each other both enforce, and to deny wins.
//
//vmrun:kernels 6.1
func TestTwo(t *testing.T) {
	needsHooks(t)
	paths := secrets(t, "first", "second", "other")
	all := func() string {
		return does(t, "open", paths[0], "r", "--", "open", paths[1], "r", "--", "open", paths[2], "r")
	}
	allow := "  - {id: allow, subject: all, action: allow, file: {paths: " + paths[1] + ", access: read}}\n"
	before := kerneltest.Loaded(t)
	first := kerneltest.Start(t, "guard", "run", "--json", enforced(t, noRead("first", paths[0]), allow))
	qt.Check(t, qt.Equals(all(), "open: EPERM\nopen: ok\nopen: ok"))
	second := kerneltest.Start(t, "guard", "run", "--json", enforced(t, noRead("second", paths[1])))
	qt.Check(t, qt.Equals(all(), "open: EPERM\nopen: EPERM\nopen: ok"))
	qt.Check(t, qt.Equals(first.Stop(), 0))
	qt.Check(t, qt.Equals(all(), "open: ok\nopen: EPERM\nopen: ok"))
	second.Stop()
	alerts, _ := ended(t, second, before)
	qt.Check(t, qt.HasLen(alerts, 2))
	qt.Check(t, qt.HasLen(first.Events(func(kerneltest.Event) bool { return true }), 2))
	qt.Check(t, qt.Equals(all(), "open: ok\nopen: ok\nopen: ok"))
}

var errorLines = regexp.MustCompile(`(?m)^guard: .*\nguard: remedy: .*\n\z`)

// TestNoPinDir: the file system of BPF is mounted where it is not, and what is in the way
// of pinning is told before anything is in force.
//
//vmrun:kernels 6.1
func TestNoPinDir(t *testing.T) {
	needsHooks(t)
	clean(t)
	const fs = "/sys/fs/bpf"
	paths := secrets(t, "secret")
	name := enforced(t, noRead("secret", paths[0]))
	before := kerneltest.Loaded(t)
	fails := func(dir string, code int, want string) {
		t.Helper()
		_, stderr, got := kerneltest.Output(t, kerneltest.Command(t, "guard", "run", "--persist", "--pin-dir", dir, name))
		qt.Check(t, qt.Equals(got, code), qt.Commentf("%s", stderr))
		qt.Check(t, qt.StringContains(stderr, want))
		qt.Check(t, qt.Satisfies(stderr, errorLines.MatchString))
		qt.Check(t, qt.Equals(does(t, "open", paths[0], "r"), "open: ok"))
	}
	fails(filepath.Join(t.TempDir(), "pins"), 2, "no directory of its own in a BPF file system")
	fails("pins", 2, "no absolute path")
	if err := unix.Unmount(fs, 0); err != nil && err != unix.EINVAL {
		t.Skipf("it is used by others: %v", err)
	}
	r := kerneltest.Start(t, "guard", "run", "--json", "--persist", "--pin-dir", testPins, name)
	qt.Check(t, qt.Equals(r.Stop(), 0))
	qt.Check(t, qt.Equals(does(t, "open", paths[0], "r"), "open: EPERM"))
	_, _, code := about(t, "detach", "--quiet")
	qt.Check(t, qt.Equals(code, 0))

	fails(fs+"/a.b", 1, "name one without dots")
	qt.Assert(t, qt.IsNil(unix.Mount("", fs, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")))
	t.Cleanup(func() { unix.Mount("", fs, "", unix.MS_REMOUNT, "") })
	fails(testPins, 1, "read-only file system\nguard: remedy: mount -o remount,rw "+fs)
	_, _, code = about(t, "status")
	qt.Check(t, qt.Equals(code, 1))
	kerneltest.NothingLeft(t, before)
}

// TestLeastPrivilegePins looks, and detaches, with the capabilities that are asked for.
//
//vmrun:kernels 5.10 6.12
func TestLeastPrivilegePins(t *testing.T) {
	needsHooks(t)
	clean(t)
	paths := secrets(t, "secret")
	r := kerneltest.Start(t, "guard", "run", "--persist", "--pin-dir", testPins, enforced(t, noRead("secret", paths[0])))
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	as := func(what string, caps ...uintptr) (string, int) {
		cmd := kerneltest.Command(t, "guard", what, "--pin-dir", testPins)
		kerneltest.OrdinaryUser(t, cmd, caps...)
		_, stderr, code := kerneltest.Output(t, cmd)
		return stderr, code
	}
	for _, what := range []string{"status", "detach"} {
		stderr, code := as(what)
		qt.Check(t, qt.Equals(code, 4), qt.Commentf("%s", stderr))
	}
	stderr, code := as("status", unix.CAP_BPF, unix.CAP_DAC_READ_SEARCH)
	qt.Check(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	qt.Check(t, qt.Equals(does(t, "open", paths[0], "r"), "open: EPERM"))
	stderr, code = as("detach", unix.CAP_BPF, unix.CAP_DAC_READ_SEARCH, unix.CAP_DAC_OVERRIDE)
	qt.Check(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	eventually(t, "out of force", func() bool { return does(t, "open", paths[0], "r") == "open: ok" })
}

// TestSelfProtects: root cannot end it but by guard, which can.
//
//vmrun:kernels 5.10 6.12
func TestSelfProtects(t *testing.T) {
	needsHooks(t)
	clean(t)
	paths := secrets(t, "secret", "later")
	name := enforced(t, noRead("secret", paths[0]))
	before := kerneltest.Loaded(t)
	r := kerneltest.Start(t, "guard", "run", "--json", "--persist", "--self-protect", "--pin-dir", testPins, name)
	pid := strconv.Itoa(r.Cmd.Process.Pid)
	qt.Check(t, qt.StringContains(r.Stderr(), "pinned at "+testPins+" and protected\n"))
	instances, err := filepath.Glob(testPins + "/*")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(instances, 1))
	qt.Check(t, qt.Equals(does(t, "kill", pid, "KILL", "--", "kill", pid, "HUP", "--", "ptrace-attach", pid, "--", "rmdir", instances[0], "--", "open", paths[0], "r", "--", "kill", pid, "0"),
		"kill: EPERM\nkill: EPERM\nptrace-attach: EPERM\nrmdir: EPERM\nopen: EPERM\nkill: ok"))
	stdout, stderr, code := about(t, "status")
	qt.Check(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	qt.Check(t, qt.Matches(stdout, `(?s).*\nguard: process `+pid+` runs and reads alerts\n.*\nenforce +\d+ self-protect\n`))

	rewrite(t, name, noRead("secret", paths[0]), noRead("later", paths[1]))
	_, stderr, code = about(t, "reload")
	qt.Check(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	eventually(t, "new policies", func() bool { return strings.Contains(r.Stderr(), "guard: new policies: ") })
	qt.Check(t, qt.Equals(does(t, "open", paths[1], "r", "--", "kill", pid, "TERM"), "open: EPERM\nkill: EPERM"))

	_, stderr, code = about(t, "detach", "--stop")
	qt.Check(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	qt.Check(t, qt.Equals(r.Wait(), 0))
	eventually(t, "out of force", func() bool { return does(t, "open", paths[0], "r") == "open: ok" })
	rules := make(map[string]int)
	for _, e := range r.Events(func(e kerneltest.Event) bool { return e["policy"] == "self-protect" }) {
		rules[e["rule"].(string)]++
		qt.Check(t, qt.Equals(e["action"], any("deny")))
	}
	qt.Check(t, qt.DeepEquals(rules, map[string]int{"signal": 3, "trace": 1, "pins": 1}))
	kerneltest.NothingLeft(t, before)

	// What is not protected is killed.
	r = kerneltest.Start(t, "guard", "run", "--json", "--persist", "--pin-dir", testPins, name)
	qt.Check(t, qt.Equals(does(t, "kill", strconv.Itoa(r.Cmd.Process.Pid), "KILL"), "kill: ok"))
	qt.Check(t, qt.Equals(r.Wait(), 128+int(syscall.SIGKILL)))
}
