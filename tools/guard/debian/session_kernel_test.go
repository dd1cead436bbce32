//go:build kernel

package debian

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// everything is a policy about every class, for every process.
const everything = `
version: 1
name: everything
mode: audit
defaults:
  all: {file: deny, exec: deny, connect: deny, bind: deny, socket: deny, mount: deny, setuid: deny}
`

// accounts makes what a session needs of a Debian system whose scripts have not run, and
// returns the file of a key that root may log in with.
func accounts(t *testing.T) (key string) {
	t.Helper()
	needsSSH(t)
	for name, text := range map[string]string{
		"/etc/pam.d/common-auth": "auth required pam_permit.so\n", "/etc/pam.d/common-account": "account required pam_permit.so\n",
		"/etc/pam.d/common-session": "session required pam_unix.so\n", "/etc/pam.d/common-password": "password required pam_permit.so\n",
		"/etc/login.defs": "", "/etc/securetty": "", "/etc/shells": "/bin/sh\n",
	} {
		qt.Assert(t, qt.IsNil(os.WriteFile(name, []byte(text), 0o644)))
	}
	key = filepath.Join(t.TempDir(), "key")
	out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput()
	qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", out))
	public, err := os.ReadFile(key + ".pub")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(os.MkdirAll("/root/.ssh", 0o700)))
	qt.Assert(t, qt.IsNil(os.WriteFile("/root/.ssh/authorized_keys", public, 0o600)))
	return key
}

// debian is the path of a program that is not busybox's.
func debian(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"/usr/bin/", "/bin/"} {
		if to, err := filepath.EvalSymlinks(dir + name); err == nil && filepath.Base(to) != "busybox" {
			return dir + name
		}
	}
	t.Fatalf("no %s of Debian", name)
	return ""
}

// TestSessions: under a policy in audit mode that denies everything to all, people log
// in, change to another user and mount, and all of it is told.
func TestSessions(t *testing.T) {
	key := accounts(t)
	policy := installed(t, "everything.yaml", everything)
	r := kerneltest.Start(t, "guard", "run", "--json", "--buffer", "16M", policy)
	server(t, 2222, "127.0.0.1")
	run := func(want, stdin string, args ...string) {
		t.Helper()
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Stdin = strings.NewReader(stdin)
		stdout, stderr, code := kerneltest.Output(t, cmd)
		qt.Check(t, qt.Equals(code, 0), qt.Commentf("%q: %s", args, stderr))
		qt.Check(t, qt.StringContains(stdout, want), qt.Commentf("%q: %s", args, stderr))
	}
	ssh := []string{"ssh", "-p", "2222", "-i", key, "-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes"}
	run("uid=0(root)", "", append(ssh, "root@127.0.0.1", "id")...)
	run("uid=1000(ringside)", "", debian(t, "su"), "-", "ringside", "-c", "id")
	mounted := t.TempDir()
	run("", "", "mount", "-t", "tmpfs", "none", mounted)
	run("", "", "umount", mounted)
	qt.Check(t, qt.Equals(r.Stop(), 0))
	classes := map[string]int{}
	for _, a := range alertsOf(r) {
		classes[fmt.Sprint(a["class"])]++
		if a["action"] != any("audit") || a["reason"] != any("default") || a["errno"] != nil {
			t.Fatalf("not only told: %v", a)
		}
		// Of process 1, what it binds and connects to counts; of the kernel, nothing.
		if a["exe"] == nil || fmt.Sprint(a["pid"]) == "1" && a["class"] != any("bind") && a["class"] != any("connect") {
			t.Errorf("not a process that is one of all: %v", a)
		}
	}
	t.Logf("alerts by class: %v", classes)
	for _, class := range strings.Fields("file exec connect bind socket mount setuid") {
		qt.Check(t, qt.IsTrue(classes[class] > 0), qt.Commentf("%s", class))
	}
}
