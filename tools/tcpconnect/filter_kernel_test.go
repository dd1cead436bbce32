//go:build kernel

package main

import (
	"net/netip"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// wait starts a workload that will connect to ADDR:PORT n times.
func wait(t *testing.T, to string, n int, set func(*exec.Cmd)) *kerneltest.Waiter {
	t.Helper()
	return kerneltest.Wait(t, workload, set, to, itoa(n))
}

// finish has a workload do what it waits for, to its end.
func finish(t *testing.T, w *kerneltest.Waiter) {
	t.Helper()
	w.Go(t)
	w.End(t)
}

// filtered is a workload that connects five times to each of two destinations:
// one refuses, and one fails at once, which other programs see.
func filtered() kerneltest.Filtered {
	return kerneltest.Filtered{
		Tool: "tcpconnect", Workload: workload, Flags: []string{"--json"}, Count: 2 * 5,
		Args: func(string) []string { return []string{"127.0.0.1:1", "5", "255.255.255.255:1"} },
	}
}

//vmrun:kernels 6.1
func TestFilterProcess(t *testing.T) { filtered().TestProcess(t, rungs()...) }

//vmrun:kernels 6.1
func TestFilterContainer(t *testing.T) { filtered().TestContainer(t, rungs()...) }

//vmrun:kernels 6.1
func TestFilterFollow(t *testing.T) {
	sh := exec.Command("/bin/sh", "-c", "read go; "+workload+" block 127.0.0.1:1; :")
	stdin, err := sh.StdinPipe()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(sh.Start()))
	t.Cleanup(func() { sh.Process.Kill(); sh.Wait() })
	r := start(t, "", "-p", itoa(sh.Process.Pid), "--follow")
	run(t, workload, "block", "127.0.0.1:1")
	_, err = stdin.Write([]byte("go\n"))
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(sh.Wait()))
	a := stop(t, r)
	qt.Check(t, qt.Equals(a.Printed, 1))
	qt.Check(t, qt.IsTrue(a.Filtered >= 1))
}

// The container is that of the caller, whoever is running when the outcome comes.
func testContainer(t *testing.T, ws kerneltest.Watches) {
	id := strings.Repeat("0123456789abcdef", 4)
	ids := make(map[int]int) // of the cgroup, by process
	for _, to := range []string{"127.0.0.1:0", "127.0.0.1:1", "255.255.255.255:1"} {
		in := wait(t, to, 1, nil)
		var st syscall.Stat_t
		qt.Assert(t, qt.IsNil(syscall.Stat(kerneltest.Cgroup(t, "docker-"+id+".scope", in.PID()), &st)))
		ids[in.PID()] = int(st.Ino)
		finish(t, in)
	}
	out := wait(t, "127.0.0.1:1", 1, nil)
	finish(t, out)
	ws.Each(t, func(t *testing.T, rung string, w *kerneltest.Watch) {
		for pid, cgroup := range ids {
			e := kerneltest.One(t, w.Of(pid))
			qt.Check(t, qt.Equals(e["container_id"], any(id)))
			qt.Check(t, qt.Equals(number(e["cgroup_id"]), cgroup))
		}
		qt.Check(t, qt.IsNil(kerneltest.One(t, w.Of(out.PID()))["container_id"]))
	})
}

// What the command's own filters let pass, of a fixed set of attempts. Not every
// one is on the rung that takes longest to start: which programs see an attempt
// that fails at once depends on the rung, and what they ask does not.
//
//vmrun:kernels 6.1
func TestFilterDestination(t *testing.T) {
	targets := []string{"127.0.0.1:1", "127.0.0.1:7", "127.9.0.1:1", "[::1]:1", "[::1]:7", "[::ffff:127.0.0.1]:1",
		"255.255.255.255:1", "255.255.255.255:7"} // the last two fail at once
	// An address of IPv4 in one of IPv6 is the same destination.
	name := strings.NewReplacer("mapped", "127.0.0.1", "all", "255.255.255.255")
	tests := []struct{ rungs, flags, want string }{
		{"raw_tp", "-4", "127.0.0.1:1 127.0.0.1:7 127.9.0.1:1 mapped:1 all:1 all:7"},
		{"raw_tp", "-6", "[::1]:1 [::1]:7"},
		{"raw_tp", "-P 7", "127.0.0.1:7 [::1]:7 all:7"},
		{"raw_tp", "-P 2,7 -P 3", "127.0.0.1:7 [::1]:7 all:7"},
		{"raw_tp fexit", "--not-port 7", "127.0.0.1:1 127.9.0.1:1 [::1]:1 mapped:1 all:1"},
		{"raw_tp fexit", "-P 1,7 --not-port 7 -6", "[::1]:1"},
		{"raw_tp", "--net 127.0.0.0/16", "127.0.0.1:1 127.0.0.1:7 mapped:1"},
		{"raw_tp", "--net 127.0.0.1,127.9.0.0/24", "127.0.0.1:1 127.0.0.1:7 127.9.0.1:1 mapped:1"},
		{"raw_tp", "--net ::/0", "[::1]:1 [::1]:7"},
		{"raw_tp", "--net 0.0.0.0/0", "127.0.0.1:1 127.0.0.1:7 127.9.0.1:1 mapped:1 all:1 all:7"},
		{"raw_tp fexit", "--net ::1 --net 255.0.0.0/8", "[::1]:1 [::1]:7 all:1 all:7"},
		{"raw_tp", "--net ::ffff:127.9.0.0/112", "127.9.0.1:1"},
		{"raw_tp", "--net 10.0.0.0/8 -P 1", ""},
		{"raw_tp", "--failed --net 255.0.0.0/8", "all:1 all:7"},
		{"raw_tp", "--only refused -P 7", "127.0.0.1:7 [::1]:7"},
		{"raw_tp fexit", "--only unreachable,established", "all:1 all:7"},
		{"raw_tp", "--only timeout", ""},
	}
	for _, rung := range rungs() {
		for _, test := range tests {
			if !strings.Contains(test.rungs, rung) {
				continue
			}
			t.Run(rung+" "+test.flags, func(t *testing.T) {
				r := start(t, rung, strings.Fields(test.flags)...)
				pid := run(t, workload, append([]string{"each"}, targets...)...).pid
				passes(t, r, pid, strings.Fields(name.Replace(test.want)), len(targets))
			})
		}
	}
}

// passes ends the command and checks that of a process just these destinations
// were shown, of so many.
func passes(t *testing.T, r *kerneltest.Run, pid int, want []string, of int) {
	t.Helper()
	a := stop(t, r)
	got, wanted := make(map[string]int), make(map[string]int)
	for _, e := range r.Events(kerneltest.Of(pid)) {
		addr := netip.MustParseAddr(text(e["daddr"]))
		got[netip.AddrPortFrom(addr, uint16(number(e["dport"]))).String()]++
	}
	for _, to := range want {
		wanted[to]++
	}
	qt.Check(t, qt.DeepEquals(got, wanted))
	qt.Check(t, qt.IsTrue(a.Filtered >= uint64(of-len(want))))
}
