//go:build kernel

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// storm binds in 17 threads, 100 sockets each.
const stormSize = 1700

func storm(t *testing.T) int {
	t.Helper()
	cmd := kerneltest.Command(t, workload, "threads", "17")
	_, stderr, code := kerneltest.Output(t, cmd)
	qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	return cmd.Process.Pid
}

// Every bind is there once, by either buffer: both look at the same storm.
func TestExactCount(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		runs := make(map[string]*kerneltest.Run)
		for _, transport := range []string{"ring", "perf"} {
			runs[transport] = kerneltest.Start(t, "bindsnoop", "--json", "--rung", rung, "--transport", transport)
		}
		pid := storm(t)
		for transport, r := range runs {
			t.Run(transport, func(t *testing.T) {
				qt.Assert(t, qt.Equals(r.Stop(), 0))
				a := r.Account()
				got := len(r.Events(of(pid)))
				if kernel == "newest" {
					// It can preempt all three copies of a program, and perf buffers give
					// up where three of their callers were; not silently. A skipped run
					// need not have been an event.
					told := int(a.Lost) + r.Skipped()
					qt.Check(t, qt.IsTrue(got <= stormSize && got >= stormSize-min(told, 50)), qt.Commentf("%d events: %s", got, r.Stderr()))
				} else {
					qt.Check(t, qt.Equals(a.Lost, 0), qt.Commentf("%s", r.Stderr()))
					qt.Check(t, qt.Equals(got, stormSize))
				}
				validate(t, r)
			})
		}
	})
}

// With a reader that stands still the buffer overflows: everything that was
// not printed is counted as lost, to the unit.
//
//vmrun:kernels 5.10 newest
func TestLoss(t *testing.T) {
	runs := make(map[string]*kerneltest.Run)
	for _, rung := range rungs() {
		runs[rung] = kerneltest.Start(t, "bindsnoop", "--json", "--rung", rung, "--buffer", "64K", "--fail-on-loss")
		qt.Assert(t, qt.IsNil(runs[rung].Cmd.Process.Signal(syscall.SIGSTOP)))
	}
	storm(t)
	for rung, r := range runs {
		qt.Assert(t, qt.IsNil(r.Cmd.Process.Signal(syscall.SIGCONT)))
		qt.Check(t, qt.Equals(r.Stop(), 1), qt.Commentf("--fail-on-loss %s", rung))
		a := r.Account()
		qt.Check(t, qt.IsTrue(a.Lost > 500), qt.Commentf("lost %d", a.Lost))
		qt.Check(t, qt.IsTrue(a.Seen >= stormSize), qt.Commentf("seen %d", a.Seen))
		validate(t, r)
		var told uint64
		for _, e := range r.Lines() {
			if e["type"] == "lost" {
				told += uint64(number(e["lost"]))
			}
		}
		qt.Check(t, qt.Equals(told, a.Lost))
	}
}

//vmrun:kernels 5.10 newest
func TestEndings(t *testing.T) {
	one := func() { exec.Command(lookup(t, workload), "bind", "1", "udp4", "127.0.0.1:7231").Run() }
	eachRung(t, func(t *testing.T, rung string) {
		before := kerneltest.Loaded(t)
		r := kerneltest.Start(t, "bindsnoop", "-E", "-l", "--rung", rung)
		programs, _, links := kerneltest.Loaded(t).Without(before)
		qt.Check(t, qt.IsTrue(programs >= 1 && links >= 1), qt.Commentf("%d programs, %d links", programs, links))
		qt.Check(t, qt.Equals(r.Stop(), 0))
		kerneltest.NothingLeft(t, before)
	})
	t.Run("count", func(t *testing.T) {
		r := kerneltest.Start(t, "bindsnoop", "--count", "3", "--json", "--rung", "raw_tp")
		for range 7 {
			one()
		}
		qt.Check(t, qt.Equals(r.Wait(), 0))
		qt.Check(t, qt.Equals(len(r.Lines()), 3))
	})
	t.Run("closed pipe", func(t *testing.T) {
		before := kerneltest.Loaded(t)
		read, write, err := os.Pipe()
		qt.Assert(t, qt.IsNil(err))
		cmd := kerneltest.Command(t, "bindsnoop", "--rung", "raw_tp")
		cmd.Stdout = write
		r := kerneltest.StartCmd(t, cmd)
		write.Close()
		one()
		var b [16]byte
		_, err = read.Read(b[:])
		qt.Assert(t, qt.IsNil(err))
		read.Close()
		qt.Check(t, qt.Equals(r.Wait(), 0))
		kerneltest.NothingLeft(t, before)
	})
}

// TestCheck: what a kernel is known to have must not be given up silently.
func TestCheck(t *testing.T) {
	before := kerneltest.Loaded(t)
	stdout, stderr, code := kerneltest.Output(t, kerneltest.Command(t, "bindsnoop", "--check", "--json"))
	qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	kerneltest.NothingLeft(t, before)
	var report struct {
		OK    bool `json:"ok"`
		Hooks []struct {
			Rung  *string  `json:"rung"`
			Blind []string `json:"cannot_see"`
		} `json:"hooks"`
	}
	qt.Assert(t, qt.IsNil(json.Unmarshal([]byte(stdout), &report)))
	qt.Check(t, qt.IsTrue(report.OK))
	qt.Assert(t, qt.Equals(len(report.Hooks), 1))
	rung := *report.Hooks[0].Rung
	t.Logf("binds and listens: %s", rung)
	if kernel != "" {
		qt.Check(t, qt.Equals(rung, "fexit"))
	}
	qt.Check(t, qt.Equals(len(report.Hooks[0].Blind) > 0, rung == "raw_tp"))
}

// The documented capabilities are enough, and each of them is needed.
//
//vmrun:kernels 5.10 newest
func TestLeastPrivilege(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		for _, flags := range [][]string{{"--json"}, {"--json", "--existing"}} {
			if rung != rungs()[0] && len(flags) > 1 {
				continue // what was there before is not read from a rung
			}
			caps := map[string]uintptr{"CAP_BPF": unix.CAP_BPF, "CAP_PERFMON": unix.CAP_PERFMON}
			if kernel == "5.10" {
				caps["CAP_SYS_RESOURCE"] = unix.CAP_SYS_RESOURCE
			}
			if len(flags) > 1 {
				caps["CAP_SYS_PTRACE"], caps["CAP_DAC_READ_SEARCH"] = unix.CAP_SYS_PTRACE, unix.CAP_DAC_READ_SEARCH
			}
			without := func(name string) (list []uintptr) {
				for n, c := range caps {
					if n != name {
						list = append(list, c)
					}
				}
				return list
			}
			flags := append(flags, "--rung", rung)
			held, port := hold(t, "tcp4", "127.0.0.1:0", nil) // of another user: root
			cmd := kerneltest.Command(t, "bindsnoop", flags...)
			kerneltest.OrdinaryUser(t, cmd, without("")...)
			r := kerneltest.StartCmd(t, cmd)
			exec.Command(lookup(t, workload), "bind", "1", "udp4", "127.0.0.1:7232").Run()
			status, err := os.ReadFile("/proc/" + itoa(r.Cmd.Process.Pid) + "/status")
			qt.Assert(t, qt.IsNil(err))
			qt.Check(t, qt.StringContains(string(status), "CapEff:\t0000008000000000\n")) // CAP_BPF
			qt.Check(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
			r.Account()
			qt.Check(t, qt.StringContains(r.Stdout(), `"port":7232,`))
			if len(caps) > 3 || kernel != "5.10" && len(caps) > 2 {
				e := one1(t, r.Events(of(held.cmd.Process.Pid)))
				qt.Check(t, qt.Equals(e["port"].(json.Number).String(), port))
				qt.Check(t, qt.Equals(e["exe"], any(lookup(t, workload))))
			}
			held.close()
			if rung != rungs()[0] {
				continue // what is missing is told before a rung is chosen
			}
			for missing := range caps {
				cmd := kerneltest.Command(t, "bindsnoop", flags...)
				kerneltest.OrdinaryUser(t, cmd, without(missing)...)
				stdout, stderr, code := kerneltest.Output(t, cmd)
				qt.Check(t, qt.Equals(code, 4), qt.Commentf("without %s: %s", missing, stderr))
				qt.Check(t, qt.Equals(stdout, ""))
				first, _, _ := strings.Cut(stderr, "\n")
				qt.Check(t, qt.StringContains(first, missing))
			}
		}
	})
}
