//go:build kernel

package debian

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

const sshd = "/usr/sbin/sshd"

// needsSSH makes a server ready to start. The guests have it, as testdata/packages says.
func needsSSH(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(sshd); err != nil && kerneltest.Kernel() == "" {
		t.Skip("no OpenSSH server on this machine: apt-get install openssh-server")
	}
	if kerneltest.Kernel() == "" {
		t.Skip("this would change accounts and keys of the machine: it runs in guests")
	}
	out, err := exec.Command("testdata/server").CombinedOutput()
	qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", out))
}

// refused runs a server to its end, which port 22 must be. cmd is it, or what it runs in.
func refused(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	_, stderr, code := kerneltest.Output(t, cmd)
	qt.Check(t, qt.Equals(code, 255))
	for _, want := range []string{
		"Bind to port 22 on 0.0.0.0 failed: Operation not permitted.",
		"Bind to port 22 on :: failed: Operation not permitted.",
		"Cannot bind any address.",
	} {
		qt.Check(t, qt.StringContains(stderr, want))
	}
	return stderr
}

// server runs a server until the test ends, and returns when it greets.
func server(t *testing.T, port int, at string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(sshd, "-D", "-e", "-p", strconv.Itoa(port))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	qt.Assert(t, qt.IsNil(cmd.Start()))
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for deadline := time.Now().Add(kerneltest.Patience); ; time.Sleep(50 * time.Millisecond) {
		if greets(at, port) {
			return cmd
		}
		if time.Now().After(deadline) {
			cmd.Process.Kill()
			cmd.Wait()
			t.Fatalf("no server on port %d: %s", port, stderr.String())
		}
	}
}

// greets says whether who listens there begins as an SSH server does.
func greets(host string, port int) bool {
	c, err := net.DialTimeout("tcp", net.JoinHostPort(host, strconv.Itoa(port)), 5*time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	b := make([]byte, 8)
	n, _ := c.Read(b)
	return string(b[:n]) == "SSH-2.0-"
}

// containers are counted, so that each has an id of its own.
var containers int

// container is one that testdata/box makes.
type container struct {
	t          *testing.T
	id, cgroup string
}

func newContainer(t *testing.T) *container {
	t.Helper()
	containers++
	id := fmt.Sprintf("c0ffee%058d", containers)
	c := &container{t, id, "/sys/fs/cgroup/docker-" + id + ".scope"}
	t.Cleanup(func() {
		os.WriteFile(filepath.Join(c.cgroup, "cgroup.kill"), []byte("1"), 0) // since 5.14
		for deadline := time.Now().Add(10 * time.Second); os.Remove(c.cgroup) != nil && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond)
		}
	})
	return c
}

// command is one that runs in the container.
func (c *container) command(env []string, args ...string) *exec.Cmd {
	box, err := filepath.Abs("testdata/box")
	qt.Assert(c.t, qt.IsNil(err))
	cmd := exec.Command(box, append([]string{c.id}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	return cmd
}

// interrupt sends all processes of the container what Ctrl-C sends.
func (c *container) interrupt() {
	c.t.Helper()
	b, err := os.ReadFile(filepath.Join(c.cgroup, "cgroup.procs"))
	qt.Assert(c.t, qt.IsNil(err))
	for _, word := range strings.Fields(string(b)) {
		pid, err := strconv.Atoi(word)
		qt.Assert(c.t, qt.IsNil(err))
		unix.Kill(pid, unix.SIGINT)
	}
}

// namespace is the number of a namespace of this process.
func namespace(t *testing.T, name string) int64 {
	t.Helper()
	var st unix.Stat_t
	qt.Assert(t, qt.IsNil(unix.Stat("/proc/self/ns/"+name, &st)))
	return int64(st.Ino)
}

// binds checks that alerts are those of one server, in the order in which it tried.
func binds(t *testing.T, alerts []kerneltest.Event, want map[string]any) {
	t.Helper()
	qt.Assert(t, qt.HasLen(alerts, 2))
	addresses := map[string]int{}
	for _, a := range alerts {
		addresses[fmt.Sprintf("%v %v %v", a["addr"], a["port"], a["proto"])]++
		for key, v := range want {
			qt.Check(t, qt.Equals(fmt.Sprint(a[key]), fmt.Sprint(v)), qt.Commentf("%s", key))
		}
	}
	qt.Check(t, qt.DeepEquals(addresses, map[string]int{"0.0.0.0 22 tcp": 1, ":: 22 tcp": 1}))
	qt.Check(t, qt.Equals(fmt.Sprint(alerts[0]["pid"]), fmt.Sprint(alerts[1]["pid"])))
}
