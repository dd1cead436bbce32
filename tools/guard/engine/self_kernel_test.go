//go:build kernel

package engine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

const selfPins = "/sys/fs/bpf/guard-self-test"

// TestUnpinner is none: TestProtect runs it in a process of its own, as guard's program.
func TestUnpinner(t *testing.T) {
	dir := os.Getenv("GUARD_UNPIN")
	if dir == "" {
		return
	}
	gone, err := Unpin(dir)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNotNil(gone))
}

// unpinner is a command that unpins, run by others words before it.
func unpinner(words ...string) *exec.Cmd {
	words = append(words, "/proc/self/exe", "-test.run", "^TestUnpinner$")
	if len(words) > 3 { // /proc/self is somebody else there
		words[len(words)-3], _ = os.Readlink("/proc/self/exe")
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = append(os.Environ(), "GUARD_UNPIN="+selfPins)
	return cmd
}

// TestProtect: root cannot take guard away by other means than guard.
//
//vmrun:kernels 5.10 6.12
func TestProtect(t *testing.T) {
	dir := t.TempDir()
	secret, other := write(t, dir+"/secret", "s"), write(t, dir+"/name", "")
	before := unshared(t)
	bystander := hold(t, "wait")
	m, err := New(Options{})
	qt.Assert(t, qt.IsNil(err))
	f := &fence{m, t}
	closed := false
	t.Cleanup(func() {
		if !closed {
			m.Close()
		}
		Unpin(selfPins)
		os.Remove(selfPins)
	})
	f.set(enforce(`
rules:
  - {id: r, subject: all, file: {paths: [` + secret + `], access: read}, action: deny}
`))
	qt.Assert(t, qt.IsNil(m.Pin(selfPins)))
	f.alwaysDenied(secret)

	ours := kerneltest.Loaded(t)
	var programs, maps, links []string
	for id := range ours.Programs {
		if !before.Programs[id] {
			programs = append(programs, fmt.Sprint(id))
		}
	}
	for id := range ours.Maps {
		if !before.Maps[id] {
			maps = append(maps, fmt.Sprint(id))
		}
	}
	for id := range ours.Links {
		if !before.Links[id] {
			links = append(links, fmt.Sprint(id))
		}
	}
	qt.Assert(t, qt.IsTrue(len(programs) > 5 && len(maps) > 30 && len(links) > 5), qt.Commentf("%d programs, %d maps, %d links", len(programs), len(maps), len(links)))
	instance := m.pinned
	self := fmt.Sprint(os.Getpid())
	exe, err := os.Readlink("/proc/self/exe")
	qt.Assert(t, qt.IsNil(err))

	type attempt struct{ do, rule, happens string }
	attempts := []attempt{
		{"kill " + self + " WINCH", "signal", "kill: ok"},
		{"pidfd-kill " + self + " WINCH", "signal", "pidfd-kill: ok"},
		{"pidfd-getfd " + self + " 0 nothing", "trace", "pidfd-getfd: ok*"},
		{"obj-get " + instance + "/" + pinnedMap + "counters", "map", "obj-get: ok"},
		{"bpf-map-by-id " + maps[0], "map", "bpf-map-by-id: ok"},
		{"bpf-prog-by-id " + programs[0], "program", "bpf-prog-by-id: ok"},
	}
	for _, a := range attempts { // without protection, they do
		got := do(t, commandLine(a.do)...)
		qt.Check(t, qt.IsTrue(like(got, a.happens)), qt.Commentf("%s: %q", a.do, got))
	}
	f.silent()

	qt.Assert(t, qt.IsNil(m.Protect()))
	attempts = append(attempts,
		attempt{"open /proc/sys/kernel/ftrace_enabled w", "switch", "open: ok"},
		attempt{"kill " + self + " KILL", "signal", "kill: ok"},
		attempt{"pidfd-kill " + self + " STOP", "signal", "pidfd-kill: ok"},
		attempt{"ptrace-attach " + self, "trace", "ptrace-attach: ok"},
		attempt{"unlink " + instance + "/" + pinnedLink + "file_open", "pins", "unlink: ok"},
		attempt{"rename " + instance + " " + selfPins + "/x", "pins", "rename: ok"},
		attempt{"rmdir " + instance, "pins", "rmdir: ok"},
		attempt{"umount /sys/fs/bpf detach", "umount", "umount: ok"},
		attempt{"umount /sys detach", "umount", "umount: ok"},
		attempt{"chmod " + exe + " 0", "executable", "chmod: ok"},
		attempt{"rename " + exe + " " + exe + ".x", "executable", "rename: ok"})
	for _, a := range attempts {
		last := a.happens[strings.LastIndex(a.happens, "\n")+1:]
		op, _, _ := strings.Cut(last, ":")
		want := a.happens[:len(a.happens)-len(last)] + op + ": EPERM"
		got := do(t, commandLine(a.do)...)
		qt.Check(t, qt.IsTrue(got == want || strings.HasPrefix(got, want+" ")), qt.Commentf("%s: %q", a.do, got))
		alert, ok := f.next()
		if qt.Check(t, qt.IsTrue(ok), qt.Commentf("%s: no alert", a.do)) {
			qt.Check(t, qt.Equals(alert.Policy+" "+alert.Rule, SelfPolicy+" "+a.rule), qt.Commentf("%s", a.do))
			qt.Check(t, qt.IsTrue(alert.Denied))
		}
		f.drain()
	}
	// All of our objects, and only these.
	current := kerneltest.Loaded(t)
	denied := 0
	for id := range current.Maps {
		if !before.Maps[id] && do(t, "bpf-map-by-id", fmt.Sprint(id)) == "bpf-map-by-id: EPERM" {
			denied++
		}
		f.drain()
	}
	_, newMaps, _ := current.Without(before)
	qt.Check(t, qt.Equals(denied, newMaps))
	denied = 0
	for id := range current.Programs {
		if !before.Programs[id] && do(t, "bpf-prog-by-id", fmt.Sprint(id)) == "bpf-prog-by-id: EPERM" {
			denied++
		}
		f.drain()
	}
	newPrograms, _, _ := current.Without(before)
	qt.Check(t, qt.Equals(denied, newPrograms))
	for _, id := range links { // the kernel takes none of these off
		got := do(t, "bpf-link-detach-by-id", id)
		qt.Check(t, qt.IsTrue(got == "bpf-link-detach-by-id: ENOTSUP" || got == "bpf-link-detach-by-id: ENOENT BPF_LINK_GET_FD_BY_ID"), qt.Commentf("%s", got))
	}
	f.alwaysDenied(secret)

	// Others go on as they were.
	foreign, err := ebpf.NewMap(&ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1})
	qt.Assert(t, qt.IsNil(err))
	info, err := foreign.Info()
	qt.Assert(t, qt.IsNil(err))
	id, _ := info.ID()
	for _, a := range []string{"kill " + self + " 0", "kill " + self + " CONT", "kill " + bystander.pid() + " WINCH", "bpf-map-by-id " + fmt.Sprint(id), "unlink " + other,
		"ptrace-attach " + bystander.pid(), "open /proc/sys/kernel/panic w", "mountns umount /dev detach"} {
		got := do(t, commandLine(a)...)
		qt.Check(t, qt.IsTrue(strings.HasSuffix(got, ": ok")), qt.Commentf("%s: %q", a, got))
	}
	foreign.Close()
	f.silent()

	// The way out, for guard's program as long as nobody traces it.
	stdout, _, code := kerneltest.Output(t, unpinner(lookWorkload(t), "exec-traced"))
	qt.Check(t, qt.Equals(code, 0))
	qt.Check(t, qt.StringContains(stdout, "exec-traced: ok 1"))
	all, err := instances(selfPins)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.HasLen(all, 1))
	f.drain()
	qt.Assert(t, qt.IsNil(m.Close()))
	closed = true
	qt.Check(t, qt.Equals(do(t, "open", secret), "open: EPERM"))
	qt.Check(t, qt.Equals(do(t, "unlink", filepath.Join(instance, pinnedLink+"file_open")), "unlink: EPERM"))
	stdout, stderr, code := kerneltest.Output(t, unpinner())
	qt.Check(t, qt.Equals(code, 0), qt.Commentf("%s%s", stdout, stderr))
	*m = Manager{}
	runtime.GC()
	kerneltest.NothingLeft(t, before)
	qt.Check(t, qt.Equals(do(t, "open", secret), "open: ok"))
}

func (f *fence) alwaysDenied(secret string) {
	f.t.Helper()
	qt.Check(f.t, qt.Equals(do(f.t, "open", secret), "open: EPERM"))
	qt.Check(f.t, qt.Equals(f.alert().Rule, "r"))
}

// TestFtraceSwitch: the kernel's switch that takes programs off security hooks is out of
// reach where a policy is enforced, and only there.
//
//vmrun:kernels 5.10 6.12
func TestFtraceSwitch(t *testing.T) {
	dir := t.TempDir()
	secret, other := write(t, dir+"/secret", "s"), write(t, dir+"/name", "")
	lines := `
rules:
  - {id: r, subject: all, file: {paths: [` + secret + `], access: read}, action: deny}
`
	f := start(t, enforce(lines))
	const file = "/proc/sys/kernel/ftrace_enabled"
	bound := "mountns mount-bind " + file + " " + other + " -- open " + other + " w"
	procfs := "mountns mount proc " + dir + " -- open " + dir + "/sys/kernel/ftrace_enabled w"
	told := []string{"file_open switch *"}
	for _, a := range []trial{
		{do: "write " + file + " 0", denied: "write: EPERM", alerts: told},
		{do: bound, denied: "mount-bind: ok\nopen: EPERM", alerts: told},
		{do: procfs, denied: "mount: ok\nopen: EPERM", alerts: told},
		{do: "open " + file + " r", denied: "open: ok"},
		{do: "open /proc/sys/kernel/panic w", denied: "open: ok"},
	} {
		f.try("guard-workload", a, true)
	}
	f.alwaysDenied(secret)

	// What it would do; we may. Some kernels keep it themselves while a program needs it.
	off := os.WriteFile(file, []byte("0"), 0o644)
	if errors.Is(off, unix.EBUSY) || errors.Is(off, unix.EOPNOTSUPP) {
		qt.Check(t, qt.IsTrue(kerneltest.Kernel() == "5.10" || kerneltest.Kernel() == "newest"), qt.Commentf("%v", off))
		f.alwaysDenied(secret)
	} else {
		qt.Assert(t, qt.IsNil(off))
		got := do(t, "open", secret)
		_, err := New(Options{})
		qt.Assert(t, qt.IsNil(os.WriteFile(file, []byte("1"), 0o644)))
		qt.Check(t, qt.ErrorMatches(err, ".*kernel.ftrace_enabled is 0.*"))
		qt.Check(t, qt.Equals(got, "open: ok"))
	}
	f.drain()
	f.alwaysDenied(secret)

	f.set(audit(lines)) // nothing is refused that could be taken away
	qt.Check(t, qt.Equals(do(t, "open", file, "w"), "open: ok"))
}
