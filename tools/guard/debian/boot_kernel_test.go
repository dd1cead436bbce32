//go:build kernel

package debian

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// terminal is a console: what is written on it, and a way to type.
type terminal struct {
	name   string // of the device that programs have
	master *os.File

	mu   sync.Mutex
	text bytes.Buffer
}

func openTerminal(t *testing.T) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	qt.Assert(t, qt.IsNil(err))
	fd := int(master.Fd())
	qt.Assert(t, qt.IsNil(unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	qt.Assert(t, qt.IsNil(err))
	c := &terminal{name: fmt.Sprintf("/dev/pts/%d", number), master: master}
	slave, err := os.OpenFile(c.name, os.O_RDWR|unix.O_NOCTTY, 0) // it is not hung up while we have it
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { slave.Close(); master.Close() })
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := master.Read(b)
			c.mu.Lock()
			c.text.Write(b[:n])
			c.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return c
}

func (c *terminal) written() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.String()
}

// until waits for what is written to contain a text.
func (c *terminal) until(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(kerneltest.Patience); !strings.Contains(c.written(), text); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%q was not written, but %s", text, c.written())
		}
	}
}

// systemd configures what boots in a container of the test: somebody is logged in on
// its console, and what a disk that no script of its packages has seen cannot do is
// left out.
func systemd(t *testing.T) (path string) {
	t.Helper()
	etc := "/etc/systemd/system/"
	qt.Assert(t, qt.IsNil(os.MkdirAll(etc+"console-getty.service.d", 0o755)))
	for name, target := range map[string]string{
		"default.target": "/lib/systemd/system/multi-user.target", "ldconfig.service": "/dev/null",
		"systemd-modules-load.service": "/dev/null", "systemd-resolved.service": "/dev/null",
		"systemd-networkd.service": "/dev/null", "systemd-timesyncd.service": "/dev/null",
		"systemd-firstboot.service": "/dev/null", "ssh.service": "/dev/null",
	} {
		qt.Assert(t, qt.IsNil(os.Symlink(target, etc+name)))
	}
	qt.Assert(t, qt.IsNil(os.WriteFile("/etc/machine-id", []byte(strings.Repeat("c0ffee00", 4)+"\n"), 0o444)))
	getty := "[Service]\nExecStart=\nExecStart=/sbin/agetty --autologin ringside --noclear --keep-baud console 115200 dumb\n"
	qt.Assert(t, qt.IsNil(os.WriteFile(etc+"console-getty.service.d/login.conf", []byte(getty), 0o644)))
	for _, path := range []string{"/usr/lib/systemd/systemd", "/lib/systemd/systemd"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Fatal("no systemd in the guest")
	return ""
}

// TestBoots: under a policy in audit mode that denies everything to all, a system boots
// in a container, and somebody logs in at its console; all of it is told.
func TestBoots(t *testing.T) {
	accounts(t)
	path := systemd(t)
	policy := installed(t, "everything.yaml", everything)
	r := kerneltest.Start(t, "guard", "run", "--json", "--buffer", "64M", policy)
	c, console := newContainer(t), openTerminal(t)
	cmd := c.command([]string{"container=docker", "BOX_CONSOLE=" + console.name}, path)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	qt.Assert(t, qt.IsNil(cmd.Start()))
	ended := false
	end := func() {
		if !ended {
			ended = true
			cmd.Process.Kill() // and with it, all of the container
			cmd.Wait()
			removeBelow(c.cgroup)
		}
	}
	t.Cleanup(end)
	console.until(t, "$ ")
	// The answer is not what is typed, which is echoed.
	_, err := console.master.WriteString("echo \"state:$(systemctl is-system-running --wait)\" \"user:$(id -un)\" \"first:$(cat /proc/1/comm)\"\n")
	qt.Assert(t, qt.IsNil(err))
	console.until(t, "first:systemd\r\n")
	qt.Check(t, qt.StringContains(console.written(), "state:running user:ringside first:systemd"))
	end()
	qt.Check(t, qt.Equals(r.Stop(), 0))
	qt.Check(t, qt.StringContains(r.Stderr(), " printed + 0 lost"))
	classes, programs := map[string]int{}, map[string]bool{}
	for _, a := range alertsOf(r) {
		if a["action"] != any("audit") || a["reason"] != any("default") || a["errno"] != nil {
			t.Fatalf("not only told: %v", a)
		}
		if a["container_id"] == any(c.id) {
			classes[fmt.Sprint(a["class"])]++
			programs[filepath.Base(fmt.Sprint(a["exe"]))] = true
		}
	}
	t.Logf("alerts by class: %v", classes)
	for _, class := range strings.Fields("file exec connect bind socket mount setuid") {
		qt.Check(t, qt.IsTrue(classes[class] > 0), qt.Commentf("%s", class))
	}
	for _, program := range strings.Fields("systemd systemd-journald systemd-logind dbus-daemon agetty login") {
		qt.Check(t, qt.IsTrue(programs[program]), qt.Commentf("%s in %v", program, programs))
	}
}

// removeBelow removes a cgroup with those below it, which must have no processes.
func removeBelow(dir string) {
	for range 100 {
		left := false
		filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			left = left || err == nil
			return nil
		})
		if !left {
			return
		}
		exec.Command("find", dir, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";").Run()
		time.Sleep(50 * time.Millisecond)
	}
}
