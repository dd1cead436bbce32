//go:build kernel

package debian

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

const noSSH = "testdata/no-ssh.yaml"

// denied is what all alerts of a server say.
func denied(more map[string]any) map[string]any {
	want := map[string]any{
		"comm": "sshd", "exe": sshd, "policy": "no-ssh", "rule": "ssh", "message": "nobody listens on port 22", "class": "bind",
		"hook": "socket_bind", "action": "deny", "errno": "EPERM", "reason": "rule", "uid": 0, "userns_level": 0,
	}
	for k, v := range more {
		want[k] = v
	}
	return want
}

func alertsOf(r *kerneltest.Run) []kerneltest.Event {
	return r.Events(func(kerneltest.Event) bool { return true })
}

// TestHost: a server on the machine is refused, told and no more than that: another
// port is its own, and port 22 is when guard has ended.
func TestHost(t *testing.T) {
	needsSSH(t)
	before := kerneltest.Loaded(t)
	r := kerneltest.Start(t, "guard", "run", "--json", noSSH)
	cmd := exec.Command(sshd, "-D", "-e")
	refused(t, cmd)
	qt.Check(t, qt.IsFalse(greets("127.0.0.1", 22)))
	server(t, 2222, "127.0.0.1")
	qt.Check(t, qt.IsTrue(greets("::1", 2222)))
	qt.Check(t, qt.Equals(r.Stop(), 0))
	binds(t, alertsOf(r), denied(map[string]any{"pid": cmd.Process.Pid, "container_id": nil, "mntns": namespace(t, "mnt")}))
	kerneltest.NothingLeft(t, before)
	server(t, 22, "::1")
	qt.Check(t, qt.IsTrue(greets("127.0.0.1", 22)))
}

// TestAudit is the twin: the server listens, and the same is told, as is that it
// listens.
func TestAudit(t *testing.T) {
	needsSSH(t)
	r := kerneltest.Start(t, "guard", "run", "--json", "--mode", "audit", noSSH)
	cmd := server(t, 22, "127.0.0.1")
	qt.Check(t, qt.IsTrue(greets("::1", 22)))
	qt.Check(t, qt.Equals(r.Stop(), 0))
	count := map[string]int{}
	for _, a := range alertsOf(r) {
		count[fmt.Sprintf("%v %v %v %v %v %v", a["pid"], a["action"], a["errno"], a["hook"], a["addr"], a["port"])]++
	}
	want := map[string]int{}
	for _, hook := range []string{"socket_bind", "socket_listen"} {
		for _, addr := range []string{"0.0.0.0", "::"} {
			want[fmt.Sprintf("%d audit <nil> %s %s 22", cmd.Process.Pid, hook, addr)] = 1
		}
	}
	qt.Check(t, qt.DeepEquals(count, want))
}

// TestListening: a server that listened before goes on; one that takes its place does not.
func TestListening(t *testing.T) {
	needsSSH(t)
	old := server(t, 22, "127.0.0.1")
	r := kerneltest.Start(t, "guard", "run", "--json", noSSH)
	qt.Check(t, qt.IsTrue(greets("127.0.0.1", 22)))
	old.Process.Kill()
	old.Wait()
	refused(t, exec.Command(sshd, "-D", "-e"))
	qt.Check(t, qt.Equals(r.Stop(), 0))
	binds(t, alertsOf(r), denied(nil))
}

// TestRoutes: nobody has another way to the port, by himself.
func TestRoutes(t *testing.T) {
	needsSSH(t)
	r := kerneltest.Start(t, "guard", "run", "--json", noSSH)
	uring, alerts := "EPERM", 9
	if k := kerneltest.Kernel(); k == "5.10" || k == "6.1" { // io_uring does not bind before 6.11
		uring, alerts = "EINVAL", 8
	}
	cmd := kerneltest.Command(t, "guard-workload",
		"listen", "tcp4", "0.0.0.0:22", "--", "listen", "tcp4", "127.0.0.1:22", "--", "listen", "tcp6", "[::]:22", "--", "listen", "tcp6", "[::1]:22", "--",
		"listen", "tcp6", "[::ffff:0.0.0.0]:22", "--", "bind", "udp4", "0.0.0.0:22", "--", "bind-unspec", "tcp4", "22", "--",
		"bind-uring", "tcp6", "[::]:22", "--", "bind-range", "22", "22", "--", "listen", "tcp4", "0.0.0.0:2022", "--", "listen-unbound", "tcp6")
	stdout, stderr, code := kerneltest.Output(t, cmd)
	qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	want := strings.Repeat("listen: EPERM bind\n", 5) + "bind: EPERM\nbind-unspec: EPERM\nbind-uring: " + uring + "\nbind-range: EPERM bind\nlisten: ok 2022\nlisten-unbound: ok "
	qt.Check(t, qt.IsTrue(strings.HasPrefix(stdout, want)), qt.Commentf("%s", stdout))
	qt.Check(t, qt.Equals(r.Stop(), 0))
	got := alertsOf(r)
	qt.Check(t, qt.HasLen(got, alerts))
	for _, a := range got {
		qt.Check(t, qt.Equals(a["rule"], any("ssh")))
		qt.Check(t, qt.Equals(a["comm"], any("guard-workload")))
	}
}
