//go:build kernel

package engine_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// TestExample: the example of the documentation does what it says. It has a process of
// its own, which nothing but a signal ends.
func TestExample(t *testing.T) {
	if os.Getenv("GUARD_EXAMPLE") != "" {
		Example()
		return
	}
	program, err := os.Executable()
	qt.Assert(t, qt.IsNil(err))
	example := exec.Command(program, "-test.run", "^TestExample$")
	example.Env = append(os.Environ(), "GUARD_EXAMPLE=1")
	stdout, err := example.StdoutPipe()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(example.Start()))
	defer func() { example.Process.Kill(); example.Wait() }()
	listens := func() (pid int, said string) {
		cmd := kerneltest.Command(t, "guard-workload", "bind", "tcp4", "127.0.0.1:22", "--", "bind", "tcp4", "127.0.0.1:23")
		said, _, _ = kerneltest.Output(t, cmd)
		return cmd.Process.Pid, said
	}
	var pid int
	for deadline, said := time.Now().Add(kerneltest.Patience), ""; said != "bind: EPERM\nbind: ok\n"; pid, said = listens() {
		qt.Assert(t, qt.IsTrue(time.Now().Before(deadline)), qt.Commentf("%s", said))
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	qt.Assert(t, qt.IsNil(err))
	path, err := exec.LookPath("guard-workload")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(line, fmt.Sprintf("%d %s socket_bind 127.0.0.1:22\n", pid, path)))
}
