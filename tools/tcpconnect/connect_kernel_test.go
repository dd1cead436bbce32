//go:build kernel

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// way is a way of the workload to connect and what must be seen of it.
type way struct {
	args    string
	results string // of the events, in their order
	// What is not so in most cases.
	nonblocking, mptcp, fastopen bool
	only                         string // the rung that can see it; "" for all
	noErrno                      string // the rung that cannot tell the errno
	early                        bool   // failed before it had a source address
	silent                       bool   // the workload is not told what the event tells
	quiet                        int    // events that it says nothing of come first
}

var ways = []way{
	{args: "block 127.0.0.1:0", results: "established"},
	{args: "block 127.0.0.1:1", results: "refused"},
	{args: "block [::1]:0", results: "established"},
	{args: "block [::1]:1", results: "refused"},
	{args: "block [::ffff:127.0.0.1]:0", results: "established"},
	{args: "block [::ffff:127.0.0.1]:1", results: "refused"},
	{args: "nonblock 127.0.0.1:0", results: "established", nonblocking: true},
	{args: "nonblock 127.0.0.1:1", results: "refused", nonblocking: true},
	{args: "bound 127.0.0.1:0", results: "established"},
	{args: "uring 127.0.0.1:0", results: "established"},
	{args: "uring 127.0.0.1:1", results: "refused"},
	{args: "self 127.0.0.1:1", results: "established"},

	// Before anything is sent: no route, and routes that refuse.
	{args: "-ns block 203.0.113.1:80", results: "unreachable", early: true},
	{args: "-ns nonblock 203.0.113.1:80", results: "unreachable", nonblocking: true, early: true},
	{args: "-ns block [::ffff:203.0.113.1]:80", results: "unreachable", early: true},
	{args: "-ns block [2001:db9::1]:80", results: "unreachable", early: true},
	{args: "-ns block 198.51.100.1:80", results: "unreachable", early: true},
	{args: "-ns block 198.51.100.2:80", results: "error", early: true},
	{args: "-ns block 198.51.100.3:80", results: "error", early: true},
	{args: "-ns uring 203.0.113.1:80", results: "unreachable", only: "fexit", early: true},
	{args: "-ns sendto 203.0.113.1:80 refused", results: "unreachable", only: "fexit", fastopen: true, early: true},
	{args: "-ns mptcp 203.0.113.1:80", results: "unreachable", mptcp: true, early: true},
	{args: "cross 127.0.0.1:1", results: "error", early: true},
	// Between SYN_SENT and the SYN: no port is left.
	{args: "-ns ports-taken 127.0.0.1:0", quiet: 1, results: "established error"},
	{args: "-ns ports-taken 127.0.0.1:0 1", quiet: 1, results: "established error", noErrno: "raw_tp"},

	// Later: nobody answers, or nobody is there.
	{args: "-ns timeout 192.0.2.7:80", results: "timeout"},
	{args: "-ns timeout [2001:db8::7]:80", results: "timeout"},
	{args: "-ns block 192.0.2.200:80", results: "unreachable"},

	// The application gives up.
	{args: "-ns close 192.0.2.7:80", results: "aborted", nonblocking: true, silent: true},
	{args: "-ns shutdown 192.0.2.7:80", results: "aborted", nonblocking: true, silent: true},
	{args: "-ns unspec 192.0.2.7:80", results: "aborted", nonblocking: true, silent: true},

	// One attempt each, though connect is called twice.
	{args: "poll 127.0.0.1:0", results: "established", nonblocking: true},
	{args: "poll 127.0.0.1:1", results: "refused", nonblocking: true},
	{args: "again 127.0.0.1:0", results: "established", silent: true},
	{args: "-ns signal 192.0.2.7:80", results: "aborted", silent: true},
	// One for each call.
	{args: "retry 127.0.0.1:1 3", results: "refused refused refused"},
	{args: "-ns retry 203.0.113.1:80 3", results: "unreachable unreachable unreachable", early: true},
	{args: "twice 127.0.0.1:0", results: "established established"},

	{args: "-ns fastopen 127.0.0.1:0", results: "established", fastopen: true},
	{args: "-ns fastopen 127.0.0.1:1 refused", results: "refused", fastopen: true},
	{args: "-ns sendto 127.0.0.1:0", results: "established", fastopen: true},
	{args: "-ns sendto 127.0.0.1:1 refused", results: "refused", fastopen: true},
	{args: "-ns defer 127.0.0.1:0", results: "aborted", fastopen: true, silent: true},

	{args: "mptcp 127.0.0.1:0", results: "established", mptcp: true},
	{args: "mptcp 127.0.0.1:0 both", results: "established", mptcp: true},
	{args: "mptcp [::1]:0 both", results: "established", mptcp: true},
	{args: "mptcp 127.0.0.1:1", results: "refused", mptcp: true},

	// What is no attempt.
	{args: "udp 127.0.0.1:1"},
	{args: "wrong 127.0.0.1:1"},
	{args: "nothing 127.0.0.1:0"},
}

// TestAttempts has tcpconnect watch from every rung, and what all these do.
func TestAttempts(t *testing.T) {
	ws := make(kerneltest.Watches)
	tables := make(map[string]tables)
	for _, rung := range rungs() {
		before := kerneltest.Loaded(t)
		ws[rung] = kerneltest.NewWatch(start(t, rung), func(tb testing.TB) int {
			cmd := kerneltest.Command(tb, workload, "block", "127.0.0.1:1")
			qt.Assert(tb, qt.IsNil(cmd.Run()))
			return cmd.Process.Pid
		})
		tables[rung] = tablesOf(t, before)
	}
	t.Run("ways", func(t *testing.T) { testWays(t, ws, workload) })
	t.Run("32-bit", func(t *testing.T) {
		if !runs32(t) {
			t.Skip("this kernel runs no 32-bit programs")
		}
		testWays(t, ws, workload32) // who have other system calls
	})
	t.Run("denied by cgroup", func(t *testing.T) { testDeniedByCgroup(t, ws) })
	t.Run("denied by security module", func(t *testing.T) { testDeniedBySecurityModule(t, ws) })
	t.Run("container", func(t *testing.T) { testContainer(t, ws) })
	t.Run("killed", func(t *testing.T) { testKilled(t, ws) })
	t.Run("stopped", func(t *testing.T) { testStopped(t, ws) })
	t.Run("forgotten", func(t *testing.T) { testForgotten(t, tables) })
	for _, a := range ws.Stop(t, document()) {
		qt.Check(t, qt.Equals(a.Filtered, 0))
	}
}

// testWays checks what is seen of every way to connect.
func testWays(t *testing.T, ws kerneltest.Watches, program string) {
	ways := possible(t)
	var runs []done
	for _, w := range ways {
		runs = append(runs, run(t, program, strings.Fields(w.args)...))
	}
	ws.Each(t, func(t *testing.T, rung string, watch *kerneltest.Watch) {
		for i, w := range ways {
			t.Run(strings.ReplaceAll(w.args, " ", ","), func(t *testing.T) { w.check(t, rung, program, runs[i], watch.Of(runs[i].pid)) })
		}
	})
}

// check compares the events of a way with what it must be and with what the
// workload was told.
func (w *way) check(t *testing.T, rung, program string, d done, events []kerneltest.Event) {
	want := strings.Fields(w.results)
	if w.only != "" && w.only != rung {
		want = nil
	}
	var got []string
	for _, e := range events {
		got = append(got, text(e["result"]))
	}
	qt.Assert(t, qt.Equals(strings.Join(got, " "), strings.Join(want, " ")), qt.Commentf("%v", events))
	protocol := "tcp"
	if w.mptcp {
		protocol = "mptcp"
	}
	words := strings.Fields(strings.TrimPrefix(w.args, "-ns "))
	addr, port, version := destination(t, words[1])
	for i, e := range events {
		qt.Check(t, qt.Equals(e["daddr"], any(addr)))
		qt.Check(t, qt.Equals(number(e["ip_version"]), version))
		switch {
		case words[0] == "self":
			qt.Check(t, qt.Equals(number(e["dport"]), number(e["sport"])))
		case port != 0:
			qt.Check(t, qt.Equals(number(e["dport"]), port))
		default:
			qt.Check(t, qt.IsTrue(number(e["dport"]) > 1023), qt.Commentf("dport %v", e["dport"]))
		}
		qt.Check(t, qt.Equals(e["protocol"], any(protocol)))
		qt.Check(t, qt.Equals(e["fastopen"], any(w.fastopen)))
		// MPTCP's own socket has the file; which of the two is asked depends on the kernel.
		if !w.mptcp || e["blocking"] != nil {
			qt.Check(t, qt.Equals(e["blocking"], any(!w.nonblocking)))
		}
		qt.Check(t, qt.Equals(text(e["comm"]), filepath.Base(program)[:15]))
		qt.Check(t, qt.Equals(number(e["tid"]), number(e["pid"])))
		qt.Check(t, qt.Equals(number(e["ppid"]), os.Getpid()))

		qt.Check(t, qt.Equals(e["saddr"] == nil, w.early))
		if w.early {
			qt.Check(t, qt.IsNil(e["sport"]))
			qt.Check(t, qt.IsNil(e["latency_ns"]))
		} else if strings.HasPrefix(addr, "127.") {
			qt.Check(t, qt.Equals(e["saddr"], any("127.0.0.1")))
		}
		switch text(e["result"]) {
		case "established":
			qt.Check(t, qt.Equals(number(e["ret"]), 0))
			qt.Check(t, qt.IsNil(e["error"]))
			qt.Check(t, qt.IsTrue(number(e["latency_ns"]) > 100))
		case "aborted":
			qt.Check(t, qt.IsNil(e["ret"]))
			qt.Check(t, qt.IsNil(e["error"]))
		default:
			if w.noErrno != rung {
				qt.Check(t, qt.IsTrue(number(e["ret"]) < -1))
			}
		}
		if w.quiet > i || i-w.quiet >= len(d.said) {
			continue
		}
		said := d.said[i-w.quiet]
		if number(e["sport"]) > 0 {
			qt.Check(t, qt.Equals(number(e["sport"]), said.port))
		}
		if !w.silent && w.noErrno != rung {
			qt.Check(t, qt.Equals(text(e["error"]), said.errno))
		}
	}
}
