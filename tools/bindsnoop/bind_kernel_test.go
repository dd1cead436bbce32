//go:build kernel

package main

import (
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
	"github.com/ringside-tools/ringside/internal/output"
)

// call is a call of the workload, and what must be seen of it.
type call struct {
	args string
	want string // with commas between the events
}

// TestBinds has bindsnoop -E -l watch from every rung, and what all these do.
func TestBinds(t *testing.T) {
	w := watchAll(t)
	t.Run("calls", func(t *testing.T) { testCalls(t, w) })
	t.Run("in use", func(t *testing.T) { testInUse(t, w) })
	t.Run("not permitted", func(t *testing.T) { testNotPermitted(t, w) })
	t.Run("refused", func(t *testing.T) { testRefused(t, w) })
	t.Run("no address", func(t *testing.T) { testNoAddress(t, w) })
	t.Run("others", func(t *testing.T) { testOthers(t, w) })
	t.Run("32-bit", func(t *testing.T) { test32Bit(t, w) })
	t.Run("io_uring", func(t *testing.T) { testIOUring(t, w) })
	t.Run("time and namespace", func(t *testing.T) { testTimeAndNamespace(t, w) })
	for _, a := range w.Stop(t, output.Schema("bindsnoop", schemaVersion, fields)) {
		// Sockets that are no others' business are not even filtered.
		qt.Check(t, qt.IsTrue(a.Filtered < othersN), qt.Commentf("%+v", a))
	}
}

// testCalls has every kind of call, and what becomes of it. PORT stands for the
// port that the workload says it got.
func testCalls(t *testing.T, w kerneltest.Watches) {
	tests := []call{
		{"bind 1 tcp4 127.0.0.1:7171", "bind ok tcp 127.0.0.1:7171"},
		{"bind 1 udp4 0.0.0.0:7172", "bind ok udp 0.0.0.0:7172"},
		{"bind 1 tcp6 [::1]:7173", "bind ok tcp ::1:7173 v6only"},
		{"bind 1 udp6 [::]:7174 v6only", "bind ok udp :::7174 v6only"},
		{"bind 1 tcp6 [::ffff:127.0.0.1]:7175", "bind ok tcp 127.0.0.1:7175"},
		{"bind 1 tcp4 127.0.0.1:1023", "bind ok tcp 127.0.0.1:1023 privileged"},
		{"bind 1 tcp4 127.0.0.1:1024", "bind ok tcp 127.0.0.1:1024"},
		{"bind 1 tcp4 127.0.0.1:65535", "bind ok tcp 127.0.0.1:65535"},

		{"bind 1 tcp4 127.0.0.1:0", "bind ok tcp 127.0.0.1:PORT ephemeral"},
		{"bind 1 udp6 [::1]:0", "bind ok udp ::1:PORT ephemeral v6only"},
		{"bind 1 tcp4 127.0.0.1:0 no_port", "bind ok tcp 127.0.0.1:<nil> ephemeral bind_address_no_port"},
		{"autobind", "listen ok tcp 0.0.0.0:PORT ephemeral"},

		{"listen 1 tcp4 127.0.0.1:7176", "bind ok tcp 127.0.0.1:7176,listen ok tcp 127.0.0.1:7176"},
		{"listen 1 tcp4 127.0.0.1:0", "bind ok tcp 127.0.0.1:PORT ephemeral,listen ok tcp 127.0.0.1:PORT ephemeral"},
		{"listen 1 tcp6 [::]:7177", "bind ok tcp :::7177,listen ok tcp :::7177"},
		{"listen 1 udp4 127.0.0.1:7178", "bind ok udp 127.0.0.1:7178"},
		{"listen 1 mptcp4 127.0.0.1:7179", "bind ok tcp 127.0.0.1:7179,listen ok tcp 127.0.0.1:7179"},
		{"listen 1 mptcp4 127.0.0.1:0", "bind ok tcp 127.0.0.1:PORT ephemeral,listen ok tcp 127.0.0.1:PORT ephemeral"},

		{"bind 1 tcp4 127.0.0.1:7180 freebind transparent reuseaddr reuseport", "bind ok tcp 127.0.0.1:7180 freebind transparent reuseaddr reuseport"},
		{"bind 1 tcp4 192.0.2.7:7181 freebind", "bind ok tcp 192.0.2.7:7181 freebind"},
		{"bind 1 udp4 127.0.0.1:7182 transparent", "bind ok udp 127.0.0.1:7182 transparent"},
		{"bind 1 tcp4 127.0.0.1:7183 reuseaddr loopback", "bind ok tcp 127.0.0.1:7183 reuseaddr on lo"},
		{"bind 1 tcp4 127.0.0.1:7184 reuseport", "bind ok tcp 127.0.0.1:7184 reuseport"},

		{"bind 1 udp4 192.0.2.7:53", "bind EADDRNOTAVAIL udp 192.0.2.7:53 privileged"},
		{"bind 1 tcp6 [2001:db8::7]:7185", "bind EADDRNOTAVAIL tcp 2001:db8::7:7185"},
		{"again 127.0.0.1:7186", "bind ok tcp 127.0.0.1:7186,bind EINVAL tcp 127.0.0.1:7186"},
		{"family", "bind EAFNOSUPPORT tcp :::8080"},
	}
	if !kerneltest.HasMPTCP(t) {
		tests = slices.DeleteFunc(tests, func(test call) bool { return strings.Contains(test.args, "mptcp") })
	}
	pids := make([]int, len(tests))
	for i, test := range tests {
		pid, printed := does(t, workload, strings.Fields(test.args)...)
		pids[i] = pid
		tests[i].want = strings.ReplaceAll(test.want, ":PORT", ":"+printed[0])
	}
	w.Each(t, func(t *testing.T, rung string, w *kerneltest.Watch) {
		for i, test := range tests {
			events := w.Of(pids[i])
			qt.Check(t, qt.DeepEquals(briefs(events), strings.Split(test.want, ",")), qt.Commentf("%s", test.args))
			for _, e := range events {
				backlog := -1
				if e["op"] == "listen" {
					backlog = 37
				}
				qt.Check(t, qt.Equals(number(e["backlog"]), backlog))
				qt.Check(t, qt.Equals(e["exe"], any(lookup(t, workload))))
				qt.Check(t, qt.Equals(e["existing"], any(false)))
			}
		}
	})
}

// A port that somebody has is refused, and a listener keeps another away.
func testInUse(t *testing.T, w kerneltest.Watches) {
	holder, port := hold(t, "tcp4", "127.0.0.1:0", nil)
	defer holder.close()
	pid, _ := does(t, workload, "bind", "1", "tcp4", "127.0.0.1:"+port)
	w.Each(t, func(t *testing.T, rung string, w *kerneltest.Watch) {
		e := one(t, w.Of(pid))
		qt.Check(t, qt.Equals(brief(e), "bind EADDRINUSE tcp 127.0.0.1:"+port))
		qt.Check(t, qt.Equals(number(e["ret"]), -int(syscall.EADDRINUSE)))
		qt.Check(t, qt.IsNil(e["ephemeral"]))
	})
}

// An ordinary user may not have a privileged port.
func testNotPermitted(t *testing.T, w kerneltest.Watches) {
	cmd := kerneltest.Command(t, workload, "bind", "1", "tcp4", "127.0.0.1:81")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
	stdout, _, _ := kerneltest.Output(t, cmd)
	qt.Assert(t, qt.Equals(strings.TrimSpace(stdout), "EACCES"))
	w.Each(t, func(t *testing.T, rung string, w *kerneltest.Watch) {
		e := one(t, w.Of(cmd.Process.Pid))
		qt.Check(t, qt.Equals(brief(e), "bind EACCES tcp 127.0.0.1:81 privileged"))
		qt.Check(t, qt.Equals(number(e["uid"]), 1000))
	})
}

// What a security module refuses never comes to the socket.
func testRefused(t *testing.T, w kerneltest.Watches) {
	pid, printed := does(t, workload, "refused", "127.0.0.1:7187")
	if slices.Equal(printed, []string{"none"}) {
		if kernel == "6.12" || kernel == "newest" || kernel == "arm64-6.12" {
			t.Fatal("this kernel is known to have Landlock for networks")
		}
		t.Skip("no Landlock for networks")
	}
	qt.Assert(t, qt.DeepEquals(printed, []string{"EACCES"}))
	w.Each(t, func(t *testing.T, rung string, w *kerneltest.Watch) {
		qt.Check(t, qt.DeepEquals(briefs(w.Of(pid)), []string{"bind EACCES tcp 127.0.0.1:7187"}))
	})
}

// What is no address at all: the call fails before it comes to the socket's own
// function, so that only the exit of the call tells of it.
func testNoAddress(t *testing.T, w kerneltest.Watches) {
	fault, _ := does(t, workload, "fault")
	short, _ := does(t, workload, "short")
	w.Each(t, func(t *testing.T, rung string, w *kerneltest.Watch) {
		want := []string{"bind EFAULT tcp <nil>:<nil>"}
		if rung == "fexit" {
			want = []string{}
		}
		qt.Check(t, qt.DeepEquals(briefs(w.Of(fault)), want))
		qt.Check(t, qt.DeepEquals(briefs(w.Of(short)), []string{"bind EINVAL tcp <nil>:<nil>"}))
	})
}

// othersN is how many of the sockets below there are, and more than may be seen of
// other processes.
const othersN = 31

// Sockets that are neither TCP nor UDP are not there, nor what is no socket: they
// are not even filtered, as the account tells.
func testOthers(t *testing.T, w kerneltest.Watches) {
	pid, _ := does(t, workload, "others", itoa(othersN))
	w.Each(t, func(t *testing.T, rung string, w *kerneltest.Watch) {
		qt.Check(t, qt.DeepEquals(briefs(w.Of(pid)), []string{}))
	})
}

// A 32-bit program has other numbers, and on x86 a call for all of them.
func test32Bit(t *testing.T, w kerneltest.Watches) {
	if err := exec.Command(lookup(t, workload32), "others", "0").Run(); err != nil {
		if kernel != "" && kernel != "arm64-6.12" {
			t.Fatalf("this kernel is known to run 32-bit programs: %v", err)
		}
		t.Skip("this machine does not run 32-bit programs")
	}
	listens, _ := does(t, workload32, "listen", "7", "tcp4", "127.0.0.1:7190")
	away, _ := does(t, workload32, "bind", "3", "udp6", "[2001:db8::7]:7191")
	var old int
	if runtime.GOARCH == "amd64" {
		old, _ = does(t, workload32, "socketcall", "127.0.0.1:7192")
	}
	w.Each(t, func(t *testing.T, rung string, w *kerneltest.Watch) {
		events := w.Of(listens)
		qt.Assert(t, qt.Equals(len(events), 14))
		qt.Check(t, qt.DeepEquals(briefs(events[:2]), []string{"bind ok tcp 127.0.0.1:7190", "listen ok tcp 127.0.0.1:7190"}))
		events = w.Of(away)
		qt.Assert(t, qt.Equals(len(events), 3))
		qt.Check(t, qt.Equals(brief(events[0]), "bind EADDRNOTAVAIL udp 2001:db8::7:7191"))
		if old != 0 {
			qt.Check(t, qt.DeepEquals(briefs(w.Of(old)), []string{"bind ok tcp 127.0.0.1:7192", "listen ok tcp 127.0.0.1:7192"}))
		}
	})
}

// io_uring calls the socket itself, past the system calls.
func testIOUring(t *testing.T, w kerneltest.Watches) {
	pid, printed := does(t, workload, "uring", "127.0.0.1:7193")
	if strings.Join(printed, " ") != "0 0" {
		if kernel == "6.12" || kernel == "newest" || kernel == "arm64-6.12" {
			t.Fatalf("this kernel is known to bind by io_uring: %s", printed)
		}
		t.Skipf("no bind by io_uring: %s", printed)
	}
	w.Each(t, func(t *testing.T, rung string, w *kerneltest.Watch) {
		want := []string{"bind ok tcp 127.0.0.1:7193", "listen ok tcp 127.0.0.1:7193"}
		if rung == "raw_tp" {
			want = []string{} // and --check says so
		}
		qt.Check(t, qt.DeepEquals(briefs(w.Of(pid)), want))
	})
}

// An event is of the time when it happened, and of its network namespace.
func testTimeAndNamespace(t *testing.T, w kerneltest.Watches) {
	began := time.Now()
	cmd := kerneltest.Command(t, workload, "bind", "1", "tcp4", "0.0.0.0:7194")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	_, _, code := kerneltest.Output(t, cmd)
	qt.Assert(t, qt.Equals(code, 0))
	ended := time.Now()
	here, _ := does(t, workload, "bind", "1", "tcp4", "127.0.0.1:7195")
	w.Each(t, func(t *testing.T, rung string, w *kerneltest.Watch) {
		e := one(t, w.Of(cmd.Process.Pid))
		when, err := time.Parse(time.RFC3339Nano, e["time"].(string))
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.IsTrue(!when.Before(began) && when.Before(ended)), qt.Commentf("%s since %s", when, began))
		qt.Check(t, qt.IsTrue(number(e["netns"]) > 0 && number(e["netns"]) != int(newInterfaces().netns)))
		qt.Check(t, qt.Equals(number(one(t, w.Of(here))["netns"]), int(newInterfaces().netns)))
	})
}

// Failures are not shown unless asked for, listens neither.
//
//vmrun:kernels 6.1
func TestDefault(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		r := kerneltest.Start(t, "bindsnoop", "--json", "--rung", rung)
		again, _ := does(t, workload, "again", "127.0.0.1:7188")
		listen, _ := does(t, workload, "listen", "3", "tcp4", "127.0.0.1:7189")
		qt.Assert(t, qt.Equals(r.Stop(), 0))
		qt.Check(t, qt.DeepEquals(briefs(r.Events(of(again))), []string{"bind ok tcp 127.0.0.1:7188"}))
		qt.Check(t, qt.Equals(len(r.Events(of(listen))), 3))
		qt.Check(t, qt.IsTrue(r.Account().Filtered >= 1+3))
		validate(t, r)
	})
}
