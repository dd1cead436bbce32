//go:build kernel

package main

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// hanging is a workload whose connect gets no answer.
func hanging(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := kerneltest.Command(t, workload, "-ns", "hang", "192.0.2.7:80")
	stdout, err := cmd.StdoutPipe()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(cmd.Start()))
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(line, "connecting\n"))
	return cmd
}

// sleeping waits until a process waits in connect.
func sleeping(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	for deadline := time.Now().Add(kerneltest.Patience); ; time.Sleep(time.Millisecond) {
		// The state follows the name in parentheses.
		b, err := os.ReadFile("/proc/" + itoa(cmd.Process.Pid) + "/stat")
		qt.Assert(t, qt.IsNil(err))
		if _, rest, _ := strings.Cut(string(b), ") "); strings.HasPrefix(rest, "S") && synSent(t, cmd) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not wait", cmd)
		}
	}
}

// synSent reports whether there is a connection on its way in the namespace.
func synSent(t *testing.T, cmd *exec.Cmd) bool {
	t.Helper()
	b, err := os.ReadFile("/proc/" + itoa(cmd.Process.Pid) + "/net/tcp")
	qt.Assert(t, qt.IsNil(err))
	return strings.Contains(string(b), "070200C0:0050 02 ") // 192.0.2.7:80, TCP_SYN_SENT
}

// A process that is killed while it connects has aborted; its death is no
// success, and the row is that of the process.
func testKilled(t *testing.T, ws kerneltest.Watches) {
	var pids []int
	for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		cmd := hanging(t)
		sleeping(t, cmd)
		qt.Assert(t, qt.IsNil(cmd.Process.Signal(sig)))
		cmd.Wait()
		pids = append(pids, cmd.Process.Pid)
	}
	ws.Each(t, func(t *testing.T, rung string, w *kerneltest.Watch) {
		for _, pid := range pids {
			e := kerneltest.One(t, w.Of(pid))
			qt.Check(t, qt.Equals(e["daddr"], any("192.0.2.7")))
			qt.Check(t, qt.Equals(e["result"], any("aborted")))
			qt.Check(t, qt.Equals(e["comm"], any(workload[:15])))
			qt.Check(t, qt.IsTrue(number(e["sport"]) > 0))
			qt.Check(t, qt.IsTrue(number(e["latency_ns"]) > 0))
		}
	})
}

// A process that is stopped and goes on makes no second attempt.
func testStopped(t *testing.T, ws kerneltest.Watches) {
	cmd := hanging(t)
	sleeping(t, cmd)
	for range 3 {
		qt.Assert(t, qt.IsNil(cmd.Process.Signal(syscall.SIGSTOP)))
		var status syscall.WaitStatus
		_, err := syscall.Wait4(cmd.Process.Pid, &status, syscall.WUNTRACED, nil)
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.IsNil(cmd.Process.Signal(syscall.SIGCONT)))
		sleeping(t, cmd)
	}
	cmd.Process.Kill()
	cmd.Wait()
	ws.Each(t, func(t *testing.T, rung string, w *kerneltest.Watch) {
		qt.Check(t, qt.Equals(len(w.Of(cmd.Process.Pid)), 1))
	})
}

// What has no outcome yet is told at the end, without one; with --only it has
// none of the results that are asked for.
//
//vmrun:kernels 6.1
func TestUnfinished(t *testing.T) {
	r := start(t, "")
	filtered := start(t, "raw_tp", "--failed", "--comm", workload[:15])
	cmd := hanging(t)
	sleeping(t, cmd)
	var ns syscall.Stat_t
	qt.Assert(t, qt.IsNil(syscall.Stat("/proc/"+itoa(cmd.Process.Pid)+"/ns/net", &ns)))
	a := stop(t, r)
	events := of(r, cmd.Process.Pid)
	qt.Assert(t, qt.Equals(len(events), 1))
	qt.Check(t, qt.IsNil(events[0]["result"]))
	qt.Check(t, qt.IsNil(events[0]["ret"]))
	qt.Check(t, qt.IsNil(events[0]["latency_ns"]))
	qt.Check(t, qt.Equals(events[0]["saddr"], any("192.0.2.1")))
	qt.Check(t, qt.Equals(number(events[0]["netns"]), int(ns.Ino)))
	qt.Check(t, qt.IsTrue(a.Printed >= 1))
	a = stop(t, filtered)
	qt.Check(t, qt.Equals(a.Filtered, 1))
	qt.Check(t, qt.Equals(a.Printed, 0))
}

// tables are the maps of a command in which attempts wait for their outcome and
// calls for their end.
type tables struct{ pending, calls *ebpf.Map }

func tablesOf(t *testing.T, before kerneltest.Objects) tables {
	t.Helper()
	return tables{kerneltest.FindMap(t, "pending", before), kerneltest.FindMap(t, "calls", before)}
}

func entries(m *ebpf.Map) (n int) {
	var key uint64
	for err := m.NextKey(nil, &key); err == nil; err = m.NextKey(key, &key) {
		n++
	}
	return n
}

// empty waits until there is nothing in them.
func (m tables) empty(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(kerneltest.Patience); entries(m.pending)+entries(m.calls) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d attempts and %d calls are still in the maps", entries(m.pending), entries(m.calls))
		}
	}
}

// Nothing of all the attempts before stays in the maps, nor of one that is killed.
func testForgotten(t *testing.T, of map[string]tables) {
	for _, m := range of {
		m.empty(t)
	}
	cmd := hanging(t)
	sleeping(t, cmd)
	for _, m := range of {
		qt.Check(t, qt.Equals(entries(m.pending), 1))
	}
	cmd.Process.Kill()
	cmd.Wait()
	for _, m := range of {
		m.empty(t)
	}
}
