//go:build kernel

package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// storm has 8 workers make 503 checks each at the same time.
func storm(t *testing.T) {
	t.Helper()
	_, stderr, code := kerneltest.Output(t, kerneltest.Command(t, workload, "storm", "8", "503"))
	qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
}

func isChroot(e kerneltest.Event) bool {
	return kerneltest.Number(e["cap"]) == capChroot && e["syscall"] == "chroot" && e["comm"] == "exe"
}

func TestExactCount(t *testing.T) {
	onEach(t, func(t *testing.T, rung string) {
		r := kerneltest.Start(t, "capable", "--json", "--buffer", "8M", "--rung", rung)
		storm(t)
		qt.Assert(t, qt.Equals(r.Stop(), 0))
		a := r.Account()
		got := len(r.Events(isChroot))
		if rung == "kprobe" {
			// The kernel may forget returns, but not silently.
			qt.Check(t, qt.IsTrue(got <= 8*503 && got+int(a.Lost) >= 8*503), qt.Commentf("%d printed, %d lost", got, a.Lost))
			return
		}
		qt.Check(t, qt.Equals(a.Lost, 0))
		if kerneltest.Kernel() == "newest" {
			// Programs can be preempted there, and on an emulated machine all three
			// copies at the same time; not silently.
			qt.Check(t, qt.IsTrue(got <= 8*503 && got+r.Skipped() >= 8*503), qt.Commentf("%d printed, %d skipped", got, r.Skipped()))
			return
		}
		qt.Check(t, qt.Equals(got, 8*503))
	})
}

// With a reader that stands still the buffer overflows: everything that was
// not printed is counted as lost, to the unit.
//
//vmrun:kernels 5.10 newest
func TestLoss(t *testing.T) {
	runs := make(map[string]*kerneltest.Run)
	for _, transport := range []string{"ring", "perf"} {
		r := kerneltest.Start(t, "capable", "--json", "--transport", transport, "--buffer", "64K", "--fail-on-loss")
		qt.Assert(t, qt.IsNil(r.Cmd.Process.Signal(syscall.SIGSTOP)))
		runs[transport] = r
	}
	storm(t)
	for transport, r := range runs {
		t.Run(transport, func(t *testing.T) {
			qt.Assert(t, qt.IsNil(r.Cmd.Process.Signal(syscall.SIGCONT)))
			qt.Check(t, qt.Equals(r.Stop(), 1), qt.Commentf("--fail-on-loss"))
			a := r.Account()
			qt.Check(t, qt.IsTrue(a.Lost > 1000), qt.Commentf("lost %d", a.Lost))
			seen := int(a.Seen) + r.Skipped() // from 7.0 on, under such a load
			qt.Check(t, qt.IsTrue(seen >= 8*503), qt.Commentf("seen %d", seen))
			qt.Check(t, qt.Equals(uint64(len(r.Events(func(kerneltest.Event) bool { return true }))), a.Printed))
		})
	}
}

//vmrun:kernels 5.10 newest
func TestEndings(t *testing.T) {
	for _, flags := range [][]string{{}, {"--profile"}, {"-K", "-U"}} {
		before := kerneltest.Loaded(t)
		r := kerneltest.Start(t, "capable", flags...)
		programs, _, links := kerneltest.Loaded(t).Without(before)
		qt.Check(t, qt.IsTrue(programs >= 1 && links >= 1), qt.Commentf("%d programs, %d links", programs, links))
		qt.Check(t, qt.Equals(r.Stop(), 0))
		kerneltest.NothingLeft(t, before)
	}
	before := kerneltest.Loaded(t)
	r := kerneltest.Start(t, "capable", "--count", "3", "--json", "--cap", "sys_chroot")
	kerneltest.Command(t, workload, "chroot", "7").Run()
	qt.Check(t, qt.Equals(r.Wait(), 0))
	qt.Check(t, qt.HasLen(r.Lines(), 3))
	r = kerneltest.Start(t, "capable", "--duration", "200ms")
	qt.Check(t, qt.Equals(r.Wait(), 0))
	kerneltest.NothingLeft(t, before)
}

// mode is a way to run with the capabilities that it is documented to need.
type mode struct {
	flags  string
	caps   map[string]uintptr // each of which is needed
	enough []uintptr          // or a set that does
}

func modesOf(rung string) []mode {
	if rung == "kprobe" {
		// Debian's kernels let only CAP_SYS_ADMIN use perf events, and so kprobes.
		all := []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SYS_RESOURCE, unix.CAP_SYSLOG}
		return []mode{{flags: "", enough: all}, {flags: "-K", enough: all}, {flags: "--profile", enough: all}}
	}
	base := func(more ...string) map[string]uintptr {
		caps := map[string]uintptr{"CAP_BPF": unix.CAP_BPF, "CAP_PERFMON": unix.CAP_PERFMON}
		if kerneltest.Kernel() == "5.10" {
			caps["CAP_SYS_RESOURCE"] = unix.CAP_SYS_RESOURCE
		}
		for _, name := range more {
			caps[name] = map[string]uintptr{"CAP_SYSLOG": unix.CAP_SYSLOG, "CAP_SYS_PTRACE": unix.CAP_SYS_PTRACE, "CAP_DAC_READ_SEARCH": unix.CAP_DAC_READ_SEARCH}[name]
		}
		return caps
	}
	var syslog []string
	if rung == "raw_tp" {
		syslog = []string{"CAP_SYSLOG"}
	}
	return []mode{
		{flags: "", caps: base(syslog...)},
		{flags: "-v", caps: base()},
		{flags: "-K -v", caps: base("CAP_SYSLOG")},
		{flags: "-U", caps: base(append(syslog, "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH")...)},
		{flags: "--profile", caps: base(syslog...)},
	}
}

// The documented capabilities are enough, and each of them is needed.
//
//vmrun:kernels 5.10 newest
func TestLeastPrivilege(t *testing.T) {
	onEach(t, func(t *testing.T, rung string) {
		refused := make(map[string]bool)
		for _, m := range modesOf(rung) {
			without := func(name string) (list []uintptr) {
				for n, c := range m.caps {
					if n != name {
						list = append(list, c)
					}
				}
				return list
			}
			flags := append(strings.Fields(m.flags), "--rung", rung)
			cmd := kerneltest.Command(t, "capable", flags...)
			kerneltest.OrdinaryUser(t, cmd, append(without(""), m.enough...)...)
			r := kerneltest.StartCmd(t, cmd)
			kerneltest.Output(t, kerneltest.Command(t, workload, "chroot", "1"))
			qt.Check(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s: %s", m.flags, r.Stderr()))
			qt.Check(t, qt.StringContains(strings.ToUpper(r.Stdout()), "SYS_CHROOT"), qt.Commentf("%s", m.flags))
			if rung != rungs(t)[0] && m.flags != "" {
				continue // what is missing is told before a rung is chosen
			}
			for missing := range m.caps {
				if refused[missing] {
					continue // as in the mode before
				}
				refused[missing] = true
				cmd := kerneltest.Command(t, "capable", flags...)
				kerneltest.OrdinaryUser(t, cmd, without(missing)...)
				stdout, stderr, code := kerneltest.Output(t, cmd)
				qt.Check(t, qt.Equals(code, 4), qt.Commentf("%s without %s: %s", m.flags, missing, stderr))
				qt.Check(t, qt.Equals(stdout, ""))
				first, remedy, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
				qt.Check(t, qt.StringContains(first, missing))
				qt.Check(t, qt.StringContains(remedy, "setcap "))
			}
		}
	})
}

// Once it traces, the command holds no capability that it does not need.
//
//vmrun:kernels 5.10 newest
func TestPrivilegesAreDropped(t *testing.T) {
	for flags, want := range map[string]string{"": "0000008000000000", "-U": "0000008000080004"} {
		r := kerneltest.Start(t, "capable", strings.Fields(flags)...)
		b, err := os.ReadFile("/proc/" + itoa(r.Cmd.Process.Pid) + "/status")
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.StringContains(string(b), "CapEff:\t"+want+"\n"))
		qt.Check(t, qt.Equals(r.Stop(), 0))
	}
}

// A line is there at once, through a pipe as on a terminal, and a reader that
// leaves ends the command.
//
//vmrun:kernels 6.1
func TestPipe(t *testing.T) {
	read, write, err := os.Pipe()
	qt.Assert(t, qt.IsNil(err))
	cmd := kerneltest.Command(t, "capable", "--json", "--cap", "sys_chroot")
	cmd.Stdout = write
	r := kerneltest.StartCmd(t, cmd)
	write.Close()
	exec.Command(kerneltest.Command(t, workload).Path, "chroot", "1").Run()
	read.SetReadDeadline(time.Now().Add(kerneltest.Patience))
	var b [64]byte
	_, err = read.Read(b[:])
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.StringContains(string(b[:]), `{"time":"`))
	read.Close()
	qt.Check(t, qt.Equals(r.Wait(), 0))
}
