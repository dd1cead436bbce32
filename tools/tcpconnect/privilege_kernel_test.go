//go:build kernel

package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// The documented capabilities are enough on every rung and in every mode, and
// each of them is needed.
//
//vmrun:kernels 5.10 newest
func TestLeastPrivilege(t *testing.T) {
	caps := privileges()
	for _, rung := range rungs() {
		for _, flags := range []string{"", "--json --result", "-c -s -P 1,7 --net 127.0.0.0/8,255.0.0.0/8"} {
			t.Run("with all "+rung+" "+flags, func(t *testing.T) {
				cmd := kerneltest.Command(t, "tcpconnect", append(strings.Fields(flags), "--rung", rung)...)
				kerneltest.OrdinaryUser(t, cmd, without(caps, "")...)
				r := kerneltest.StartCmd(t, cmd)
				run(t, workload, "block", "127.0.0.1:1")
				run(t, workload, "block", "255.255.255.255:1")
				qt.Check(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
				qt.Check(t, qt.IsTrue(r.Account().Printed >= 2))
				qt.Check(t, qt.StringContains(r.Stdout(), "127.0.0.1"))
				qt.Check(t, qt.StringContains(r.Stdout(), "255.255.255.255"))
			})
		}
		if rung != rungs()[0] {
			continue // what is missing is told before a rung is chosen
		}
		for missing := range caps {
			t.Run("without "+missing+" "+rung, func(t *testing.T) {
				cmd := kerneltest.Command(t, "tcpconnect", "--rung", rung)
				kerneltest.OrdinaryUser(t, cmd, without(caps, missing)...)
				stdout, stderr, code := kerneltest.Output(t, cmd)
				qt.Check(t, qt.Equals(stdout, ""))
				refused(t, stderr, code, missing)
			})
		}
	}
}

// -d takes one more, for its best rung: it does not go without in silence.
//
//vmrun:kernels 5.10 newest
func TestLeastPrivilegeNames(t *testing.T) {
	caps := privileges()
	caps["CAP_NET_ADMIN"] = unix.CAP_NET_ADMIN
	cmd := kerneltest.Command(t, "tcpconnect", "-d", "--check", "--json")
	kerneltest.OrdinaryUser(t, cmd, without(caps, "")...)
	stdout, stderr, code := kerneltest.Output(t, cmd)
	qt.Check(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	qt.Check(t, qt.StringContains(stdout, `"name":"answers of DNS","rung":"cgroup_skb"`))

	cmd = kerneltest.Command(t, "tcpconnect", "-d")
	kerneltest.OrdinaryUser(t, cmd, without(caps, "CAP_NET_ADMIN")...)
	stdout, stderr, code = kerneltest.Output(t, cmd)
	qt.Check(t, qt.Equals(stdout, ""))
	refused(t, stderr, code, "CAP_NET_ADMIN")

	cmd = kerneltest.Command(t, "tcpconnect", "-d", "--rung", "raw_tp")
	kerneltest.OrdinaryUser(t, cmd, without(caps, "CAP_NET_ADMIN")...)
	r := kerneltest.StartCmd(t, cmd)
	run(t, workload, "block", "127.0.0.1:1")
	qt.Check(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
	qt.Check(t, qt.StringContains(r.Stdout(), "localhost"))
}

// refused checks how the command says that a capability is missing.
func refused(t *testing.T, stderr string, code int, missing string) {
	t.Helper()
	qt.Check(t, qt.Equals(code, 4), qt.Commentf("%s", stderr))
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	qt.Assert(t, qt.HasLen(lines, 2))
	qt.Check(t, qt.StringContains(lines[0], missing))
	qt.Check(t, qt.StringContains(lines[1], "setcap "))
}

// privileges are what the command takes on this kernel.
func privileges() map[string]uintptr {
	caps := map[string]uintptr{"CAP_BPF": unix.CAP_BPF, "CAP_PERFMON": unix.CAP_PERFMON}
	if kerneltest.Kernel() == "5.10" {
		caps["CAP_SYS_RESOURCE"] = unix.CAP_SYS_RESOURCE
	}
	return caps
}

// without leaves one out.
func without(caps map[string]uintptr, name string) (list []uintptr) {
	for n, c := range caps {
		if n != name {
			list = append(list, c)
		}
	}
	return list
}

// Soon after it traces, the command holds no capability that it does not need.
//
//vmrun:kernels 5.10 newest
func TestPrivilegesAreDropped(t *testing.T) {
	r := kerneltest.Start(t, "tcpconnect", "--rung", "raw_tp")
	const onlyBPF = "CapEff:\t0000008000000000\n"
	for deadline := time.Now().Add(kerneltest.Patience); ; time.Sleep(time.Millisecond) {
		b, err := os.ReadFile("/proc/" + itoa(r.Cmd.Process.Pid) + "/status")
		qt.Assert(t, qt.IsNil(err))
		if strings.Contains(string(b), onlyBPF) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("still holds more than CAP_BPF:\n%s", b)
		}
	}
	qt.Check(t, qt.Equals(r.Stop(), 0))
}
