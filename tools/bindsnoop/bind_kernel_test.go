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
)

// call is a call of the workload, and what must be seen of it.
type call struct {
	args string
	want string // with commas between the events
}

// TestCalls has every kind of call, and what becomes of it. PORT stands for the
// port that the workload says it got.
func TestCalls(t *testing.T) {
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
	eachRung(t, func(t *testing.T, rung string) {
		r := kerneltest.Start(t, "bindsnoop", "--json", "-E", "-l", "--rung", rung)
		type result struct {
			pid  int
			want string
		}
		var results []result
		tests := tests
		if !kerneltest.HasMPTCP(t) {
			tests = slices.DeleteFunc(slices.Clone(tests), func(test call) bool { return strings.Contains(test.args, "mptcp") })
		}
		for _, test := range tests {
			cmd := kerneltest.Command(t, workload, strings.Fields(test.args)...)
			stdout, stderr, code := kerneltest.Output(t, cmd)
			qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
			port, _, _ := strings.Cut(stdout, "\n")
			results = append(results, result{cmd.Process.Pid, strings.ReplaceAll(test.want, ":PORT", ":"+port)})
		}
		qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
		qt.Check(t, qt.Equals(r.Account().Lost, 0))
		validate(t, r.Stdout())
		for i, result := range results {
			events := r.Events(of(result.pid))
			qt.Check(t, qt.DeepEquals(briefs(events), strings.Split(result.want, ",")), qt.Commentf("%s", tests[i].args))
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
func TestInUse(t *testing.T) {
	holder, port := hold(t, "tcp4", "127.0.0.1:0", nil)
	defer holder.close()
	eachRung(t, func(t *testing.T, rung string) {
		events, _, _ := run(t, "-E --rung "+rung, workload, "bind", "1", "tcp4", "127.0.0.1:"+port)
		e := one(t, events)
		qt.Check(t, qt.Equals(brief(e), "bind EADDRINUSE tcp 127.0.0.1:"+port))
		qt.Check(t, qt.Equals(number(e["ret"]), -int(syscall.EADDRINUSE)))
		qt.Check(t, qt.IsNil(e["ephemeral"]))
	})
}

// An ordinary user may not have a privileged port.
func TestNotPermitted(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		r := kerneltest.Start(t, "bindsnoop", "--json", "-E", "--rung", rung)
		cmd := kerneltest.Command(t, workload, "bind", "1", "tcp4", "127.0.0.1:81")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
		stdout, _, _ := kerneltest.Output(t, cmd)
		qt.Assert(t, qt.Equals(r.Stop(), 0))
		qt.Assert(t, qt.Equals(strings.TrimSpace(stdout), "EACCES"))
		e := one(t, r.Events(of(cmd.Process.Pid)))
		qt.Check(t, qt.Equals(brief(e), "bind EACCES tcp 127.0.0.1:81 privileged"))
		qt.Check(t, qt.Equals(number(e["uid"]), 1000))
	})
}

// What a security module refuses never comes to the socket.
func TestRefused(t *testing.T) {
	stdout, _, _ := kerneltest.Output(t, kerneltest.Command(t, workload, "refused", "127.0.0.1:7187"))
	if strings.TrimSpace(stdout) == "none" {
		if kernel == "6.12" || kernel == "newest" || kernel == "arm64-6.12" {
			t.Fatal("this kernel is known to have Landlock for networks")
		}
		t.Skip("no Landlock for networks")
	}
	eachRung(t, func(t *testing.T, rung string) {
		events, printed, _ := run(t, "-E -l --rung "+rung, workload, "refused", "127.0.0.1:7187")
		qt.Assert(t, qt.DeepEquals(printed, []string{"EACCES"}))
		qt.Check(t, qt.DeepEquals(briefs(events), []string{"bind EACCES tcp 127.0.0.1:7187"}))
	})
}

// What is no address at all: the call fails before it comes to the socket's own
// function, so that only the exit of the call tells of it.
func TestNoAddress(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		for args, want := range map[string]string{"fault": "bind EFAULT tcp <nil>:<nil>", "short": "bind EINVAL tcp <nil>:<nil>"} {
			events, _, _ := run(t, "-E --rung "+rung, workload, args)
			if rung == "fexit" && args == "fault" {
				qt.Check(t, qt.HasLen(events, 0))
				continue
			}
			qt.Check(t, qt.Equals(brief(one(t, events)), want))
		}
	})
}

// Failures are not shown unless asked for, listens neither.
func TestDefault(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		events, _, a := run(t, "--rung "+rung, workload, "again", "127.0.0.1:7188")
		qt.Check(t, qt.DeepEquals(briefs(events), []string{"bind ok tcp 127.0.0.1:7188"}))
		qt.Check(t, qt.IsTrue(a.Filtered >= 1))
		events, _, a = run(t, "--rung "+rung, workload, "listen", "3", "tcp4", "127.0.0.1:7189")
		qt.Check(t, qt.Equals(len(events), 3))
		qt.Check(t, qt.IsTrue(a.Filtered >= 3))
	})
}

// Sockets that are neither TCP nor UDP are not there, nor what is no socket: they
// are not even filtered.
func TestOthers(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		events, _, a := run(t, "-E -l --rung "+rung, workload, "others", "31")
		qt.Check(t, qt.Equals(len(events), 0), qt.Commentf("%v", briefs(events)))
		qt.Check(t, qt.IsTrue(a.Seen < 31), qt.Commentf("%d seen", a.Seen))
	})
}

// A 32-bit program has other numbers, and on x86 a call for all of them.
func Test32Bit(t *testing.T) {
	if err := exec.Command(lookup(t, workload32), "others", "0").Run(); err != nil {
		if kernel != "" && kernel != "arm64-6.12" {
			t.Fatalf("this kernel is known to run 32-bit programs: %v", err)
		}
		t.Skip("this machine does not run 32-bit programs")
	}
	eachRung(t, func(t *testing.T, rung string) {
		events, _, _ := run(t, "-E -l --rung "+rung, workload32, "listen", "7", "tcp4", "127.0.0.1:7190")
		qt.Assert(t, qt.Equals(len(events), 14))
		qt.Check(t, qt.DeepEquals(briefs(events[:2]), []string{"bind ok tcp 127.0.0.1:7190", "listen ok tcp 127.0.0.1:7190"}))
		events, _, _ = run(t, "-E --rung "+rung, workload32, "bind", "3", "udp6", "[2001:db8::7]:7191")
		qt.Assert(t, qt.Equals(len(events), 3))
		qt.Check(t, qt.Equals(brief(events[0]), "bind EADDRNOTAVAIL udp 2001:db8::7:7191"))
		if runtime.GOARCH == "amd64" {
			events, _, _ = run(t, "-E -l --rung "+rung, workload32, "socketcall", "127.0.0.1:7192")
			qt.Check(t, qt.DeepEquals(briefs(events), []string{"bind ok tcp 127.0.0.1:7192", "listen ok tcp 127.0.0.1:7192"}))
		}
	})
}

// io_uring calls the socket itself, past the system calls.
func TestIOUring(t *testing.T) {
	stdout, _, _ := kerneltest.Output(t, kerneltest.Command(t, workload, "uring", "127.0.0.1:7193"))
	if strings.Join(strings.Fields(stdout), " ") != "0 0" {
		if kernel == "6.12" || kernel == "newest" || kernel == "arm64-6.12" {
			t.Fatalf("this kernel is known to bind by io_uring: %s", stdout)
		}
		t.Skipf("no bind by io_uring: %s", stdout)
	}
	eachRung(t, func(t *testing.T, rung string) {
		events, _, _ := run(t, "-E -l --rung "+rung, workload, "uring", "127.0.0.1:7193")
		want := []string{"bind ok tcp 127.0.0.1:7193", "listen ok tcp 127.0.0.1:7193"}
		if rung == "raw_tp" {
			want = []string{} // and --check says so
		}
		qt.Check(t, qt.DeepEquals(briefs(events), want))
	})
}

// An event is of the time when it happened, and of its network namespace.
func TestTimeAndNamespace(t *testing.T) {
	r := kerneltest.Start(t, "bindsnoop", "--json")
	began := time.Now()
	cmd := kerneltest.Command(t, workload, "bind", "1", "tcp4", "0.0.0.0:7194")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	_, _, code := kerneltest.Output(t, cmd)
	qt.Assert(t, qt.Equals(code, 0))
	ended := time.Now()
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	e := one(t, r.Events(of(cmd.Process.Pid)))
	when, err := time.Parse(time.RFC3339Nano, e["time"].(string))
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsTrue(!when.Before(began) && when.Before(ended)), qt.Commentf("%s since %s", when, began))
	qt.Check(t, qt.IsTrue(number(e["netns"]) > 0 && number(e["netns"]) != int(newInterfaces().netns)))

	events, _, _ := run(t, "", workload, "bind", "1", "tcp4", "127.0.0.1:7195")
	qt.Check(t, qt.Equals(number(one(t, events)["netns"]), int(newInterfaces().netns)))
}
