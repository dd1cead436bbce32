//go:build kernel

package debian

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// TestContainer: a server in a container is refused by guard on the machine, which tells
// the container, and what the machine knows the process by.
func TestContainer(t *testing.T) {
	needsSSH(t)
	r := kerneltest.Start(t, "guard", "run", "--json", noSSH)
	c := newContainer(t)
	refused(t, c.command(nil, sshd, "-D", "-e"))
	// That it would run there, and is alone.
	stdout, stderr, code := kerneltest.Output(t, c.command(nil, "sh", "-c", "echo $$ $(hostname); cat /proc/self/cgroup; "+sshd+" -t"))
	qt.Check(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	qt.Check(t, qt.StringContains(stdout, "1 box\n0::/\n"))
	qt.Check(t, qt.Equals(r.Stop(), 0))
	alerts := alertsOf(r)
	binds(t, alerts, denied(map[string]any{"container_id": c.id}))
	qt.Check(t, qt.IsTrue(kerneltest.Number(alerts[0]["pid"]) > 1))
	qt.Check(t, qt.IsTrue(kerneltest.Number(alerts[0]["mntns"]) != namespace(t, "mnt")))
	qt.Check(t, qt.IsTrue(kerneltest.Number(alerts[0]["cgroup_id"]) > 1))
}

// TestContainerAllowed: without guard the same container listens.
func TestContainerAllowed(t *testing.T) {
	needsSSH(t)
	stdout, stderr, _ := kerneltest.Output(t, newContainer(t).command(nil, "sh", "-c",
		sshd+" -D -e & sleep 3; cat /proc/net/tcp /proc/net/tcp6; kill %1"))
	qt.Check(t, qt.StringContains(stdout, "00000000:0016 00000000:0000 0A"), qt.Commentf("%s", stderr))
	qt.Check(t, qt.StringContains(stdout, strings.Repeat("0", 32)+":0016 "+strings.Repeat("0", 32)+":0000 0A"))
}

// caps is what guard has in a container, as root without all else.
func caps() string {
	caps := "BOX_CAPS=+bpf,+perfmon,+dac_read_search"
	switch kerneltest.Kernel() {
	case "5.10": // whose Debian has no names for the newer ones
		caps = "BOX_CAPS=+cap_39,+cap_38,+dac_read_search,+sys_resource"
	}
	return caps
}

// TestGuardInContainer: guard in a container of its own, with three capabilities, keeps
// the machine and another container from the port, and tells what the machine knows
// them by.
func TestGuardInContainer(t *testing.T) {
	needsSSH(t)
	before := kerneltest.Loaded(t)
	c := newContainer(t)
	policy := installed(t, "no-ssh.yaml", "")
	r := kerneltest.StartCmd(t, c.command([]string{caps()}, "guard", "run", "--json", policy))
	cmd := exec.Command(sshd, "-D", "-e")
	refused(t, cmd)
	other := newContainer(t)
	refused(t, other.command(nil, sshd, "-D", "-e"))
	server(t, 2222, "::1")
	c.interrupt()
	qt.Check(t, qt.Equals(r.Wait(), 0))
	alerts := alertsOf(r)
	qt.Assert(t, qt.HasLen(alerts, 4))
	binds(t, alerts[:2], denied(map[string]any{"pid": cmd.Process.Pid, "ppid": os.Getpid(), "container_id": nil, "mntns": namespace(t, "mnt")}))
	binds(t, alerts[2:], denied(map[string]any{"container_id": other.id}))
	kerneltest.NothingLeft(t, before)
	server(t, 22, "127.0.0.1")
}

// installed writes a policy where containers find it too: the example, or the text.
func installed(t *testing.T, name, text string) string {
	t.Helper()
	if text == "" {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		qt.Assert(t, qt.IsNil(err))
		text = string(b)
	}
	path := "/etc/" + name
	qt.Assert(t, qt.IsNil(os.WriteFile(path, []byte(text), 0o644)))
	return path
}

// TestHiddenHost: what guard in a container cannot know of the machine, it refuses to
// enforce, and says what it takes.
func TestHiddenHost(t *testing.T) {
	needsSSH(t)
	for i, test := range []struct{ subject, rule, says string }{
		{"all", "file: {paths: /etc/shadow}", "paths, users and groups of policies are those of the host, .*--pid=host"},
		{"all", "exec: {paths: '/tmp/**'}", "paths, users and groups .*"},
		{"{exe: /usr/sbin/sshd}", "bind: {}", "paths, users and groups .*"},
		{"{exe: '**/sshd'}", "bind: {}", "subjects by exe are also processes that run already, .*--pid=host"},
		{"{uid: ringside}", "bind: {}", "paths, users and groups .*"},
		{"{cgroup: /x}", "bind: {}", "cgroups and containers of policies are those of the host, and /sys/fs/cgroup are those of this container: .*--cgroupns=host.*"},
		{"{container: c0ffee000000}", "bind: {}", "cgroups and containers .*"},
	} {
		policy := installed(t, "hidden.yaml", "version: 1\nname: hidden\nmode: enforce\nrules:\n  - {id: r, subject: "+test.subject+", action: deny, "+test.rule+"}\n")
		_, stderr, code := kerneltest.Output(t, newContainer(t).command([]string{caps()}, "guard", "run", "--quiet", policy))
		qt.Check(t, qt.IsTrue(code == 1 || code == 2), qt.Commentf("%d: exit status %d", i, code))
		qt.Check(t, qt.Matches(stderr, "(?s).*"+test.says+".*"), qt.Commentf("%d", i))
	}
}

// TestSeenHost: with the processes of the machine, a container sees its files, users,
// cgroups and containers too.
func TestSeenHost(t *testing.T) {
	needsSSH(t)
	box := newContainer(t)
	secret := "/etc/walk-secret"
	qt.Assert(t, qt.IsNil(os.WriteFile(secret, []byte("s"), 0o644)))
	held := kerneltest.Wait(t, "guard-workload", nil, "listen", "tcp4", "127.0.0.1:2223")
	kerneltest.Cgroup(t, "walk", held.PID())
	policy := installed(t, "seen.yaml", fmt.Sprintf(`
version: 1
name: seen
mode: enforce
subjects:
  box: {container: %s}
  walk: {cgroup: /ringside-test/walk}
  user: {uid: ringside}
rules:
  - {id: secret, subject: all, action: deny, file: {paths: %s, access: read}}
  - {id: box, subject: box, action: deny, bind: {ports: 2224}}
  - {id: walk, subject: walk, action: deny, bind: {ports: 2223}}
  - {id: user, subject: user, action: deny, bind: {ports: 2225}}
`, box.id[:12], secret))
	// Its cgroup is there as long as somebody is in it.
	stay := box.command(nil, "sleep", "1000")
	qt.Assert(t, qt.IsNil(stay.Start()))
	t.Cleanup(func() { stay.Process.Kill(); stay.Wait() })
	for deadline := time.Now().Add(kerneltest.Patience); ; time.Sleep(20 * time.Millisecond) {
		if b, _ := os.ReadFile(box.cgroup + "/cgroup.procs"); len(b) > 0 {
			break
		}
		qt.Assert(t, qt.IsTrue(time.Now().Before(deadline)))
	}
	in := newContainer(t)
	env := []string{caps() + ",+sys_ptrace", "BOX_UNSHARE=--mount --net --uts --ipc --cgroup"}
	r := kerneltest.StartCmd(t, in.command(env, "guard", "run", "--json", policy))
	does := func(cmd *exec.Cmd) string {
		stdout, stderr, _ := kerneltest.Output(t, cmd)
		return stdout + stderr
	}
	workload := func(args ...string) *exec.Cmd { return kerneltest.Command(t, "guard-workload", args...) }
	held.Go(t)
	held.End(t)
	qt.Check(t, qt.Equals(does(workload("open", secret, "r", "--", "listen", "tcp4", "127.0.0.1:2223", "--", "listen", "tcp4", "127.0.0.1:2224")),
		"open: EPERM\nlisten: ok 2223\nlisten: ok 2224\n"))
	qt.Check(t, qt.Equals(does(workload("as", "1000:1000", "bind", "tcp4", "127.0.0.1:2225")), "bind: EPERM\n"))
	qt.Check(t, qt.Equals(does(box.command(nil, "guard-workload", "bind", "tcp4", "0.0.0.0:2224", "--", "bind", "tcp4", "0.0.0.0:2223")), "bind: EPERM\nbind: ok\n"))
	in.interrupt()
	qt.Check(t, qt.Equals(r.Wait(), 0))
	var rules []string
	for _, a := range alertsOf(r) {
		rules = append(rules, fmt.Sprint(a["rule"]))
	}
	qt.Check(t, qt.DeepEquals(rules, []string{"walk", "secret", "user", "box"}))
}
