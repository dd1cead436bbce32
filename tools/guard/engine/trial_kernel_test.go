//go:build kernel

package engine

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// trial is something that a policy denies, or leaves alone where it names no alerts.
type trial struct {
	do      string   // operations of the workload; "" is an empty word
	denied  string   // what it prints where the policy is enforced; "" for what happens otherwise
	happens string   // and where it is audited; * is any text
	alerts  []string // as about tells them
	audited []string // where there are others then
	before  []string // kernels that do not know how, and deny nothing
	says    string   // what these say
	twice   []string // kernels that ask twice where they are not refused
}

// about tells what an alert is about: hook, rule and object.
func about(a Alert) string {
	rule := a.Rule
	if a.Reason != ByRule {
		rule = string(a.Reason)
	}
	return fmt.Sprintf("%s %s %s", a.Hook, rule, objectText(a))
}

func objectText(a Alert) string {
	o := a.Object
	var parts []string
	switch a.Kind {
	case "connect", "bind":
		switch {
		case o.Addr.IsValid():
			parts = append(parts, o.Addr.String())
		case o.Path == "" && o.Family == unix.AF_UNIX:
			parts = append(parts, "@")
		}
	case "socket":
		parts = append(parts, fmt.Sprint(o.Family), fmt.Sprint(o.SocketType))
	case "mount":
		parts = append(parts, o.Operation, o.FSType)
	case "setuid":
		parts = append(parts, o.Operation, fmt.Sprintf("%d-%d", int32(o.OldID), int32(o.NewID)))
	}
	return strings.TrimSpace(strings.Join(append(parts, o.Path), " "))
}

// commandLine splits a command line; "" is an empty word.
func commandLine(line string) []string {
	all := strings.Fields(line)
	for i, w := range all {
		if w == `""` {
			all[i] = ""
		}
	}
	return all
}

// trials tries each with the policy enforced, and again with it audited.
func (f *fence) trials(lines string, all ...trial) {
	f.t.Helper()
	f.trialsAs("guard-workload", lines, all...)
}

func (f *fence) trialsAs(program, lines string, all ...trial) {
	f.t.Helper()
	for _, mode := range []string{"enforce", "audit"} {
		f.t.Run(mode, func(t *testing.T) {
			g := &fence{f.Manager, t}
			yaml := enforce(lines)
			if mode == "audit" {
				yaml = audit(lines)
			}
			g.set(yaml)
			for _, a := range all {
				g.try(program, a, mode == "enforce")
			}
			g.silent()
		})
	}
}

func (f *fence) try(program string, a trial, enforced bool) {
	f.t.Helper()
	want, alerts := a.happens, a.alerts
	if enforced && a.denied != "" {
		want = a.denied
	} else if !enforced && a.audited != nil {
		alerts = a.audited
	}
	if slices.Contains(a.before, kerneltest.Kernel()) {
		want, alerts = a.says, nil
	}
	if !enforced && slices.Contains(a.twice, kerneltest.Kernel()) {
		alerts = append(slices.Clone(alerts), alerts...)
	}
	got := doAs(f.t, program, commandLine(a.do)...)
	qt.Check(f.t, qt.IsTrue(like(got, want)), qt.Commentf("%s\ngot  %q\nwant %q", a.do, got, want))
	for _, want := range alerts {
		got, ok := f.next()
		if !ok {
			f.t.Errorf("%s: no alert %q", a.do, want)
			continue
		}
		qt.Check(f.t, qt.IsTrue(like(about(got), want)), qt.Commentf("%s\ngot  %q\nwant %q\n%+v", a.do, about(got), want, got))
		qt.Check(f.t, qt.Equals(got.Denied, enforced), qt.Commentf("%s", a.do))
		qt.Check(f.t, qt.Equals(got.Process.Exe != "", true), qt.Commentf("%s", a.do))
	}
	f.none(a.do)
}

// none checks that no alert is there that nobody waited for, and takes it away.
func (f *fence) none(after string) {
	f.t.Helper()
	for {
		select {
		case a := <-f.Alerts():
			f.t.Errorf("%s: an alert that should not be: %s %+v", after, about(a), a)
		default:
			return
		}
	}
}

// like compares a text with one that may have * for any text.
func like(got, want string) bool {
	parts := strings.Split(want, "*")
	if len(parts) == 1 {
		return got == want
	}
	if !strings.HasPrefix(got, parts[0]) {
		return false
	}
	got = got[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, p := range parts[1 : len(parts)-1] {
		_, after, ok := strings.Cut(got, p)
		if !ok {
			return false
		}
		got = after
	}
	return strings.HasSuffix(got, last)
}

// listenUnix listens at a Unix socket until the test ends.
func listenUnix(t *testing.T, kind int, name string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { unix.Close(fd) })
	qt.Assert(t, qt.IsNil(unix.Bind(fd, &unix.SockaddrUnix{Name: name})))
	if kind != unix.SOCK_DGRAM {
		qt.Assert(t, qt.IsNil(unix.Listen(fd, 64)))
	}
}

// localPorts sets the range that the kernel picks ports from, until the test ends.
func localPorts(t *testing.T, low, high int) {
	t.Helper()
	sysctl(t, "ip_unprivileged_port_start", "0") // where the range can begin
	sysctl(t, "ip_local_port_range", fmt.Sprintf("%d %d", low, high))
}

func sysctl(t *testing.T, name, value string) {
	t.Helper()
	file := "/proc/sys/net/ipv4/" + name
	before, err := os.ReadFile(file)
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { qt.Check(t, qt.IsNil(os.WriteFile(file, before, 0o644))) })
	qt.Assert(t, qt.IsNil(os.WriteFile(file, []byte(value), 0o644)))
}

// program copies the workload under another name.
func program(t *testing.T, path string) string {
	t.Helper()
	from, err := exec.LookPath("guard-workload")
	qt.Assert(t, qt.IsNil(err))
	b, err := os.ReadFile(from)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(os.MkdirAll(filepath.Dir(path), 0o755)))
	qt.Assert(t, qt.IsNil(os.WriteFile(path, b, 0o755)))
	return path
}
