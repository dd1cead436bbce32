//go:build kernel

package main

import (
	"encoding/json"
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

// storm runs `true storm` count times in 16 workers.
func storm(t *testing.T, count string) {
	t.Helper()
	cmd := kerneltest.Command(t, workload, "repeat", "/bin/true", count, "16", "true", "storm")
	_, _, code := kerneltest.Output(t, cmd)
	qt.Assert(t, qt.Equals(code, 0))
}

// marked counts the successful execs with mark among their first two arguments.
func marked(r *kerneltest.Run, mark string) int {
	return len(r.Events(func(e kerneltest.Event) bool {
		argv, _ := e["args"].([]any)
		return number(e["ret"]) == 0 && len(argv) > 1 && (argv[0] == mark || argv[1] == mark)
	}))
}

// both starts execsnoop with either buffer, for the same execs.
func both(t *testing.T, flags ...string) map[string]*kerneltest.Run {
	t.Helper()
	runs := make(map[string]*kerneltest.Run)
	for _, transport := range []string{"ring", "perf"} {
		runs[transport] = kerneltest.Start(t, "execsnoop", append([]string{"--json", "--transport", transport}, flags...)...)
	}
	return runs
}

func TestExactCount(t *testing.T) {
	runs := both(t)
	storm(t, "401")
	for transport, r := range runs {
		t.Run(transport, func(t *testing.T) {
			qt.Assert(t, qt.Equals(r.Stop(), 0))
			a := r.Account()
			if transport == "ring" || os.Getenv("RINGSIDE_KERNEL") != "newest" {
				qt.Check(t, qt.Equals(a.Lost, 0))
			}
			// bpf_perf_event_output gives up (EBUSY) where three of its callers
			// were preempted on a CPU, which tracepoints allow from 7.0 on.
			qt.Check(t, qt.Equals(marked(r, "storm")+int(a.Lost), 401))
			validate(t, r)
		})
	}
}

// With a reader that stands still the buffer overflows: everything that was
// not printed is counted as lost, to the unit.
//
//vmrun:kernels 5.10 newest
func TestLoss(t *testing.T) {
	const execs = 701 // more than the buffers of two CPUs hold
	runs := both(t, "--buffer", "64K", "--fail-on-loss")
	for _, r := range runs {
		qt.Assert(t, qt.IsNil(r.Cmd.Process.Signal(syscall.SIGSTOP)))
	}
	storm(t, itoa(execs))
	for transport, r := range runs {
		t.Run(transport, func(t *testing.T) {
			qt.Assert(t, qt.IsNil(r.Cmd.Process.Signal(syscall.SIGCONT)))
			qt.Check(t, qt.Equals(r.Stop(), 1), qt.Commentf("--fail-on-loss"))
			a := r.Account()
			qt.Check(t, qt.IsTrue(a.Lost > 50), qt.Commentf("lost %d", a.Lost))
			qt.Check(t, qt.IsTrue(a.Seen >= execs+1), qt.Commentf("seen %d", a.Seen))
			validate(t, r)
			var told uint64
			for _, e := range r.Lines() {
				if e["type"] == "lost" {
					told += uint64(number(e["lost"]))
				}
			}
			qt.Check(t, qt.Equals(told, a.Lost))
			qt.Check(t, qt.Equals(uint64(len(r.Events(func(kerneltest.Event) bool { return true }))), a.Printed))
		})
	}
}

//vmrun:kernels 5.10 newest
func TestEndings(t *testing.T) {
	self := lookup(t, workload)
	execOne := func() { exec.Command(self, "args", "/dev/null").Run() }

	t.Run("interrupt", func(t *testing.T) {
		before := kerneltest.Loaded(t)
		r := kerneltest.Start(t, "execsnoop", "-x")
		programs, _, links := kerneltest.Loaded(t).Without(before)
		qt.Check(t, qt.IsTrue(programs >= 1 && links >= 1), qt.Commentf("%d programs, %d links", programs, links))
		qt.Check(t, qt.Equals(r.Stop(), 0))
		kerneltest.NothingLeft(t, before)
	})
	t.Run("terminate", func(t *testing.T) {
		r := kerneltest.Start(t, "execsnoop")
		qt.Assert(t, qt.IsNil(r.Cmd.Process.Signal(syscall.SIGTERM)))
		qt.Check(t, qt.Equals(r.Wait(), 0))
	})
	t.Run("duration", func(t *testing.T) {
		r := kerneltest.Start(t, "execsnoop", "--duration", "300ms")
		qt.Check(t, qt.Equals(r.Wait(), 0))
	})
	t.Run("count", func(t *testing.T) {
		r := kerneltest.Start(t, "execsnoop", "--count", "3", "--json")
		for range 7 {
			execOne()
		}
		qt.Check(t, qt.Equals(r.Wait(), 0))
		qt.Check(t, qt.HasLen(r.Lines(), 3))
	})
	t.Run("closed pipe", func(t *testing.T) {
		before := kerneltest.Loaded(t)
		read, write, err := os.Pipe()
		qt.Assert(t, qt.IsNil(err))
		cmd := kerneltest.Command(t, "execsnoop")
		cmd.Stdout = write
		r := kerneltest.StartCmd(t, cmd)
		write.Close()
		execOne()
		var b [16]byte
		_, err = read.Read(b[:])
		qt.Assert(t, qt.IsNil(err))
		read.Close() // and no further exec is needed for it to notice
		qt.Check(t, qt.Equals(r.Wait(), 0))
		kerneltest.NothingLeft(t, before)
	})
	t.Run("full disk", func(t *testing.T) {
		before := kerneltest.Loaded(t)
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		qt.Assert(t, qt.IsNil(err))
		defer full.Close()
		cmd := kerneltest.Command(t, "execsnoop", "--json") // no head line to fail on
		cmd.Stdout = full
		r := kerneltest.StartCmd(t, cmd)
		execOne()
		qt.Check(t, qt.Equals(r.Wait(), 1))
		qt.Check(t, qt.StringContains(r.Stderr(), "no space left on device"))
		kerneltest.NothingLeft(t, before)
	})
}

// A line is there at once, through a pipe as on a terminal.
//
//vmrun:kernels 6.1
func TestPipeIsPrompt(t *testing.T) {
	self := lookup(t, workload)
	read, write, err := os.Pipe()
	qt.Assert(t, qt.IsNil(err))
	cmd := kerneltest.Command(t, "execsnoop", "--json")
	cmd.Stdout = write
	r := kerneltest.StartCmd(t, cmd)
	write.Close()
	exec.Command(self, "args", "/dev/null").Run()
	read.SetReadDeadline(time.Now().Add(kerneltest.Patience))
	var e kerneltest.Event
	qt.Assert(t, qt.IsNil(json.NewDecoder(read).Decode(&e)))
	go func() { // what else comes must not block it
		b := make([]byte, 4096)
		for {
			if _, err := read.Read(b); err != nil {
				return
			}
		}
	}()
	qt.Check(t, qt.Equals(r.Stop(), 0))
}

func TestCheck(t *testing.T) {
	before := kerneltest.Loaded(t)
	stdout, stderr, code := kerneltest.Output(t, kerneltest.Command(t, "execsnoop", "-x", "--check", "--json"))
	qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	kerneltest.NothingLeft(t, before)
	var report struct {
		OK    bool `json:"ok"`
		Hooks []struct {
			Name string  `json:"name"`
			Rung *string `json:"rung"`
		} `json:"hooks"`
	}
	qt.Assert(t, qt.IsNil(json.Unmarshal([]byte(stdout), &report)))
	qt.Check(t, qt.IsTrue(report.OK))
	qt.Assert(t, qt.HasLen(report.Hooks, 2))
	rung := *report.Hooks[1].Rung
	t.Logf("failed execs: %s", rung)
	// What this kernel is known to have must not be given up silently.
	want := map[string]string{"5.10": "raw_tp", "6.1": "raw_tp", "6.12": "fexit", "newest": "fexit", "arm64-6.12": "fexit"}[os.Getenv("RINGSIDE_KERNEL")]
	if want != "" {
		qt.Check(t, qt.Equals(rung, want))
	}
}

// The documented capabilities are enough, and each of them is needed.
//
//vmrun:kernels 5.10 newest
func TestLeastPrivilege(t *testing.T) {
	caps := map[string]uintptr{"CAP_BPF": unix.CAP_BPF, "CAP_PERFMON": unix.CAP_PERFMON}
	if os.Getenv("RINGSIDE_KERNEL") == "5.10" {
		caps["CAP_SYS_RESOURCE"] = unix.CAP_SYS_RESOURCE
	}
	without := func(name string) (list []uintptr) {
		for n, c := range caps {
			if n != name {
				list = append(list, c)
			}
		}
		return list
	}
	self := lookup(t, workload)
	for _, flags := range [][]string{{}, {"-x", "--json"}} {
		t.Run("with all "+strings.Join(flags, " "), func(t *testing.T) {
			cmd := kerneltest.Command(t, "execsnoop", flags...)
			kerneltest.OrdinaryUser(t, cmd, without("")...)
			r := kerneltest.StartCmd(t, cmd)
			exec.Command(self, "args", "/dev/null", "seen").Run()
			qt.Check(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
			r.Account()
			qt.Check(t, qt.StringContains(r.Stdout(), "/dev/null"))
		})
		for missing := range caps {
			t.Run("without "+missing+" "+strings.Join(flags, " "), func(t *testing.T) {
				cmd := kerneltest.Command(t, "execsnoop", flags...)
				kerneltest.OrdinaryUser(t, cmd, without(missing)...)
				began := time.Now()
				stdout, stderr, code := kerneltest.Output(t, cmd)
				took := time.Since(began)
				qt.Check(t, qt.Equals(code, 4), qt.Commentf("%s", stderr))
				qt.Check(t, qt.Equals(stdout, ""))
				lines := strings.Split(strings.TrimSpace(stderr), "\n")
				qt.Assert(t, qt.HasLen(lines, 2))
				qt.Check(t, qt.StringContains(lines[0], missing))
				for other := range caps {
					if other != missing {
						qt.Check(t, qt.IsFalse(strings.Contains(lines[0], other)))
					}
				}
				qt.Check(t, qt.StringContains(lines[1], "setcap "))
				qt.Check(t, qt.StringContains(lines[1], "--cap-add "+strings.TrimPrefix(missing, "CAP_")))
				// A second on real hardware; an emulated machine gets more.
				limit := time.Second
				if os.Getenv("RINGSIDE_VM") != "" {
					limit = 5 * time.Second
				}
				qt.Check(t, qt.IsTrue(took < limit), qt.Commentf("took %v", took))
			})
		}
	}
}

// CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON.
//
//vmrun:kernels 5.10 newest
func TestSysAdminSuffices(t *testing.T) {
	caps := []uintptr{unix.CAP_SYS_ADMIN}
	if os.Getenv("RINGSIDE_KERNEL") == "5.10" {
		caps = append(caps, unix.CAP_SYS_RESOURCE)
	}
	cmd := kerneltest.Command(t, "execsnoop", "-x", "--json")
	kerneltest.OrdinaryUser(t, cmd, caps...)
	r := kerneltest.StartCmd(t, cmd)
	exec.Command(lookup(t, workload), "args", "/dev/null").Run()
	qt.Check(t, qt.Equals(r.Stop(), 0))
	qt.Check(t, qt.IsTrue(r.Account().Printed >= 1))
}

// Once it traces, the command holds no capability that it does not need.
func TestPrivilegesAreDropped(t *testing.T) {
	r := kerneltest.Start(t, "execsnoop")
	b, err := os.ReadFile("/proc/" + itoa(r.Cmd.Process.Pid) + "/status")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.StringContains(string(b), "CapEff:\t0000008000000000\n")) // CAP_BPF
	qt.Check(t, qt.Equals(r.Stop(), 0))
}

// Type information from a file serves as well as the kernel's own; a file
// that is none is told before anything is loaded.
//
//vmrun:kernels 5.10 6.12
func TestExternalTypes(t *testing.T) {
	btf, err := os.ReadFile("/sys/kernel/btf/vmlinux")
	qt.Assert(t, qt.IsNil(err))
	file := write(t, "vmlinux.btf", string(btf), 0o644)
	r := kerneltest.Start(t, "execsnoop", "-x", "--json", "--btf", file)
	exec.Command("/bin/true", "external").Run()
	qt.Check(t, qt.Equals(r.Stop(), 0))
	qt.Check(t, qt.Equals(marked(r, "external"), 1))

	for _, bad := range []string{"/nonexistent", write(t, "text", "not BTF", 0o644)} {
		stdout, stderr, code := kerneltest.Output(t, kerneltest.Command(t, "execsnoop", "--btf", bad))
		qt.Check(t, qt.Equals(code, 2))
		qt.Check(t, qt.Equals(stdout, ""))
		qt.Check(t, qt.StringContains(stderr, "--btf: "))
		qt.Check(t, qt.Equals(strings.Count(stderr, "\n"), 1), qt.Commentf("%s", stderr))
	}
}
