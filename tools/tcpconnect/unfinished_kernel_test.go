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
func TestKilled(t *testing.T) {
	for _, rung := range rungs(t) {
		r := start(t, rung)
		for _, sig := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
			cmd := hanging(t)
			sleeping(t, cmd)
			qt.Assert(t, qt.IsNil(cmd.Process.Signal(sig)))
			cmd.Wait()
		}
		stop(t, r)
		events := r.Events(func(e kerneltest.Event) bool { return e["daddr"] == "192.0.2.7" })
		qt.Assert(t, qt.Equals(len(events), 2))
		for _, e := range events {
			qt.Check(t, qt.Equals(e["result"], any("aborted")))
			qt.Check(t, qt.Equals(e["comm"], any(workload[:15])))
			qt.Check(t, qt.IsTrue(number(e["sport"]) > 0))
			qt.Check(t, qt.IsTrue(number(e["latency_ns"]) > 0))
		}
	}
}

// A process that is stopped and goes on makes no second attempt.
func TestStopped(t *testing.T) {
	for _, rung := range rungs(t) {
		r := start(t, rung)
		cmd := hanging(t)
		sleeping(t, cmd)
		for range 3 {
			qt.Assert(t, qt.IsNil(cmd.Process.Signal(syscall.SIGSTOP)))
			var ws syscall.WaitStatus
			_, err := syscall.Wait4(cmd.Process.Pid, &ws, syscall.WUNTRACED, nil)
			qt.Assert(t, qt.IsNil(err))
			qt.Assert(t, qt.IsNil(cmd.Process.Signal(syscall.SIGCONT)))
			sleeping(t, cmd)
		}
		cmd.Process.Kill()
		cmd.Wait()
		stop(t, r)
		qt.Check(t, qt.Equals(len(of(r, cmd.Process.Pid)), 1))
	}
}

// What has no outcome yet is told at the end, without one; with --only it has
// none of the results that are asked for.
func TestUnfinished(t *testing.T) {
	r := start(t, "")
	filtered := start(t, "", "--failed", "--comm", workload[:15])
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

// Nothing of an attempt stays in the maps once it has ended.
func TestForgotten(t *testing.T) {
	for _, rung := range rungs(t) {
		before := kerneltest.Loaded(t)
		r := start(t, rung, "--comm", workload[:15])
		pending, calls := kerneltest.FindMap(t, "pending", before), kerneltest.FindMap(t, "calls", before)
		for _, w := range possible(t) {
			if !strings.Contains(w.args, "timeout") {
				run(t, workload, strings.Fields(w.args)...)
			}
		}
		cmd := hanging(t)
		sleeping(t, cmd)
		var key uint64
		entries := func(m *ebpf.Map) (n int) {
			for err := m.NextKey(nil, &key); err == nil; err = m.NextKey(key, &key) {
				n++
			}
			return n
		}
		qt.Check(t, qt.Equals(entries(pending), 1))
		cmd.Process.Kill()
		cmd.Wait()
		for deadline := time.Now().Add(kerneltest.Patience); entries(pending)+entries(calls) > 0; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d attempts and %d calls are still in the maps", entries(pending), entries(calls))
			}
		}
		stop(t, r)
	}
}
