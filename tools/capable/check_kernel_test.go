//go:build kernel

package main

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

const (
	workload   = "capable-workload"
	workload32 = "capable-workload32" // a 32-bit program
)

const (
	capSetuid  = 7
	capSetpcap = 8
	capRaw     = 13
	capChroot  = 18
	capAdmin   = 21
	capSyslog  = 34
)

// rungs are those that the kernel must have, the one that it must choose first.
func rungs(t *testing.T) []string {
	t.Helper()
	switch kerneltest.Kernel() {
	case "5.10", "6.1", "6.12", "arm64-6.12":
		return kerneltest.Rungs("fexit", "kprobe")
	case "newest":
		return []string{"fexit", "kprobe", "raw_tp"}
	}
	var have []string
	for _, rung := range []string{"fexit", "kprobe", "raw_tp"} {
		_, _, code := kerneltest.Output(t, kerneltest.Command(t, "capable", "--check", "--rung", rung))
		if code == 0 {
			have = append(have, rung)
		}
	}
	qt.Assert(t, qt.Not(qt.HasLen(have, 0)), qt.Commentf("this kernel has no rung"))
	return have
}

// onEach runs a test on every rung that the kernel has.
func onEach(t *testing.T, test func(t *testing.T, rung string)) {
	for _, rung := range rungs(t) {
		t.Run(rung, func(t *testing.T) { test(t, rung) })
	}
}

// checks runs a workload under capable --json and returns the checks of that
// process for one capability.
func checks(t *testing.T, flags string, program string, set func(*exec.Cmd), cap int64, args ...string) []kerneltest.Event {
	t.Helper()
	r := kerneltest.Start(t, "capable", append(strings.Fields(flags), "--json")...)
	cmd := kerneltest.Command(t, program, args...)
	if set != nil {
		set(cmd)
	}
	kerneltest.Output(t, cmd)
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	qt.Check(t, qt.Equals(r.Account().Lost, 0))
	r.Validate(newCommand().Documents["schema"]())
	return r.Events(func(e kerneltest.Event) bool {
		return kerneltest.Of(cmd.Process.Pid)(e) && kerneltest.Number(e["cap"]) == cap
	})
}

func asUser(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
}

// knownBy checks how audit is known on a rung.
func knownBy(t *testing.T, rung string, e kerneltest.Event) {
	t.Helper()
	source := "arg"
	if rung == "raw_tp" {
		source = "caller"
	}
	qt.Check(t, qt.Equals(e["audit_source"], any(source)))
}

func TestCheckReport(t *testing.T) {
	stdout, _, code := kerneltest.Output(t, kerneltest.Command(t, "capable", "--check", "--json"))
	qt.Assert(t, qt.Equals(code, 0))
	var report struct {
		Hooks []struct{ Rung string }
	}
	qt.Assert(t, qt.IsNil(json.Unmarshal([]byte(stdout), &report)))
	qt.Check(t, qt.Equals(report.Hooks[0].Rung, rungs(t)[0]))
	t.Logf("capability checks: %s", report.Hooks[0].Rung)
}

// watch starts capable with flags on a rung. There is one at a time, since all
// that one does to start is a load for another.
func watch(t *testing.T, rung string, flags ...string) kerneltest.Watches {
	t.Helper()
	r := kerneltest.Start(t, "capable", append([]string{"--json", "--rung", rung}, flags...)...)
	w := kerneltest.NewWatch(r, func(tb testing.TB) int {
		cmd := kerneltest.Command(tb, workload, "chroot", "1")
		qt.Assert(tb, qt.IsNil(cmd.Run()))
		return cmd.Process.Pid
	})
	w.MayLose = rung == "kprobe"
	return kerneltest.Watches{rung: w}
}

// TestChecks has capable watch what all these do, on each rung.
func TestChecks(t *testing.T) {
	onEach(t, func(t *testing.T, rung string) {
		w := watch(t, rung)
		t.Run("allowed", func(t *testing.T) { testAllowed(t, w) })
		t.Run("thread", func(t *testing.T) { testThread(t, w) })
		t.Run("32-bit", func(t *testing.T) { test32Bit(t, w) })
		t.Run("setid", func(t *testing.T) { testSetid(t, w) })
		t.Run("user namespace", func(t *testing.T) { testUserNamespace(t, w) })
		t.Run("not audited", func(t *testing.T) { testNotAudited(t, w) })
		t.Run("overridden", func(t *testing.T) { testOverridden(t, w, false) })
		w.Stop(t, newCommand().Documents["schema"]())
	})
}

// TestVerbose is the same for what is shown with -v alone.
func TestVerbose(t *testing.T) {
	onEach(t, func(t *testing.T, rung string) {
		w := watch(t, rung, "-v")
		t.Run("not audited", func(t *testing.T) { testNotAuditedShown(t, w) })
		t.Run("overridden", func(t *testing.T) { testOverridden(t, w, true) })
		w.Stop(t, newCommand().Documents["schema"]())
	})
}

// does runs a workload to its end, and returns its process.
func does(t *testing.T, program string, args ...string) int {
	t.Helper()
	cmd := kerneltest.Command(t, program, args...)
	kerneltest.Output(t, cmd)
	return cmd.Process.Pid
}

// of are the checks of a process for one capability.
func of(w *kerneltest.Watch, pid int, cap int64) []kerneltest.Event {
	return slices.DeleteFunc(w.Of(pid), func(e kerneltest.Event) bool { return kerneltest.Number(e["cap"]) != cap })
}

func testAllowed(t *testing.T, ws kerneltest.Watches) {
	pid := does(t, workload, "chroot", "101")
	ws.Each(t, func(t *testing.T, rung string, w *kerneltest.Watch) {
		events := of(w, pid, capChroot)
		qt.Assert(t, qt.Equals(len(events), 101))
		for _, e := range events {
			qt.Check(t, qt.Equals(e["allowed"], any(true)))
			qt.Check(t, qt.Equals(kerneltest.Number(e["ret"]), 0))
			qt.Check(t, qt.Equals(e["cap_name"], any("CAP_SYS_CHROOT")))
			qt.Check(t, qt.Equals(e["syscall"], any("chroot")))
			qt.Check(t, qt.Equals(e["audit"], any(true)))
			qt.Check(t, qt.Equals(e["insetid"], any(false)))
			qt.Check(t, qt.Equals(e["overridden"], any(false)))
			qt.Check(t, qt.Equals(e["current_userns"], e["target_userns"]))
			qt.Check(t, qt.IsNil(e["kstack"])) // which are asked for
			qt.Check(t, qt.IsNil(e["ustack"]))
			knownBy(t, rung, e)
		}
	})
}

func TestDenied(t *testing.T) {
	onEach(t, func(t *testing.T, rung string) {
		r := kerneltest.Start(t, "capable", "--denied", "--json", "--rung", rung)
		denied := kerneltest.Command(t, workload, "chroot", "1")
		asUser(denied)
		kerneltest.Output(t, denied)
		granted := does(t, workload, "chroot", "7")
		qt.Assert(t, qt.Equals(r.Stop(), 0))
		qt.Check(t, qt.Equals(r.Account().Lost, 0))
		r.Validate(newCommand().Documents["schema"]())
		e := kerneltest.One(t, r.Events(func(e kerneltest.Event) bool {
			return kerneltest.Of(denied.Process.Pid)(e) && kerneltest.Number(e["cap"]) == capChroot
		}))
		qt.Check(t, qt.Equals(e["allowed"], any(false)))
		qt.Check(t, qt.Equals(kerneltest.Number(e["ret"]), -1))
		qt.Check(t, qt.Equals(kerneltest.Number(e["uid"]), 1000))
		// What was granted is not in it.
		qt.Check(t, qt.Equals(len(r.Events(func(e kerneltest.Event) bool {
			return kerneltest.Of(granted)(e) && kerneltest.Number(e["cap"]) == capChroot
		})), 0))
	})
}

// The process is the process and the thread the thread.
func testThread(t *testing.T, ws kerneltest.Watches) {
	pid := does(t, workload, "thread", "3")
	ws.Each(t, func(t *testing.T, rung string, w *kerneltest.Watch) {
		events := of(w, pid, capChroot)
		qt.Assert(t, qt.Equals(len(events), 3))
		for _, e := range events {
			qt.Check(t, qt.Not(qt.Equals(e["pid"], e["tid"])))
		}
	})
}

func test32Bit(t *testing.T, ws kerneltest.Watches) {
	if err := kerneltest.Command(t, workload32, "chroot", "1").Run(); err != nil {
		t.Skipf("this kernel runs no 32-bit programs: %v", err)
	}
	pid := does(t, workload32, "chroot", "3")
	ws.Each(t, func(t *testing.T, rung string, w *kerneltest.Watch) {
		events := of(w, pid, capChroot)
		qt.Assert(t, qt.Equals(len(events), 3))
		qt.Check(t, qt.Equals(events[0]["syscall"], any("chroot")))
		qt.Check(t, qt.Equals(kerneltest.Number(events[0]["syscall_nr"]), 61))
	})
}

// Most checks are not audited and not shown, unless asked for.
func testNotAudited(t *testing.T, ws kerneltest.Watches) {
	mmap, kallsyms := does(t, workload, "mmap", "211"), does(t, workload, "kallsyms")
	ws.Each(t, func(t *testing.T, rung string, w *kerneltest.Watch) {
		qt.Check(t, qt.Equals(len(of(w, mmap, capAdmin)), 0))
		qt.Check(t, qt.Equals(len(of(w, kallsyms, capSyslog)), 0))
	})
}

func testNotAuditedShown(t *testing.T, ws kerneltest.Watches) {
	mmap, kallsyms := does(t, workload, "mmap", "211"), does(t, workload, "kallsyms")
	ws.Each(t, func(t *testing.T, rung string, w *kerneltest.Watch) {
		events := of(w, mmap, capAdmin)
		switch kerneltest.Kernel() {
		case "newest", "":
			qt.Check(t, qt.IsTrue(len(events) >= 211), qt.Commentf("%d", len(events)))
		default:
			// The compiler put a copy of cap_capable() into the accounting of memory.
			qt.Check(t, qt.Equals(len(events), 0))
		}
		for _, e := range events {
			qt.Assert(t, qt.Equals(e["audit"], any(false)), qt.Commentf("%v", e))
			knownBy(t, rung, e)
		}
		events = of(w, kallsyms, capSyslog)
		qt.Check(t, qt.IsTrue(len(events) >= 1))
		for _, e := range events {
			qt.Check(t, qt.Equals(e["audit"], any(false)))
		}
	})
}

func testSetid(t *testing.T, ws kerneltest.Watches) {
	pid := does(t, workload, "setid", "setuid", "1000")
	ws.Each(t, func(t *testing.T, rung string, w *kerneltest.Watch) {
		e := kerneltest.One(t, of(w, pid, capSetuid))
		qt.Check(t, qt.Equals(e["insetid"], any(true)))
		qt.Check(t, qt.Equals(e["audit"], any(true)))
		qt.Check(t, qt.Equals(e["syscall"], any("setuid")))
		knownBy(t, rung, e)
	})
}

// A user namespace of one's own grants what the initial one does not.
func testUserNamespace(t *testing.T, ws kerneltest.Watches) {
	does(t, workload, "userns", "5")
	ws.Each(t, func(t *testing.T, rung string, w *kerneltest.Watch) {
		// The workload runs itself anew in there; nothing else here does.
		events := w.Events(isChroot)
		qt.Assert(t, qt.Equals(len(events), 5))
		for _, e := range events {
			qt.Check(t, qt.Equals(e["allowed"], any(true)))
			qt.Check(t, qt.Equals(e["current_userns"], e["target_userns"]))
			qt.Check(t, qt.Not(qt.Equals(kerneltest.Number(e["current_userns"]), 0xEFFFFFFD)))
		}
	})
}

// Checks with credentials that are not the task's own are not its doing, and shown
// with -v alone.
func testOverridden(t *testing.T, ws kerneltest.Watches, shown bool) {
	// The lower file belongs to a user and is read-only: it is copied up.
	pid := does(t, workload, "write", overlay(t)+"/file")
	ws.Each(t, func(t *testing.T, rung string, w *kerneltest.Watch) {
		strange := slices.DeleteFunc(w.Of(pid), func(e kerneltest.Event) bool { return e["overridden"] == false })
		qt.Check(t, qt.Equals(len(strange) > 0, shown), qt.Commentf("%d of %d", len(strange), len(w.Of(pid))))
	})
}

//vmrun:kernels 5.10 newest
func TestStacks(t *testing.T) {
	onEach(t, func(t *testing.T, rung string) {
		events := checks(t, "-K -U --rung "+rung, workload, nil, capChroot, "chroot", "3")
		qt.Assert(t, qt.Equals(len(events), 3))
		kstack := strings.Join(kerneltest.Strings(events[0]["kstack"]), "\n")
		if rung != "kprobe" || kerneltest.Kernel() != "5.10" { // whose kretprobes hide the stack
			qt.Check(t, qt.Matches(kstack, `(?s)(cap_capable\+0x.*\n)?security_capable\+0x.*\nns_capable\+0x.*sys_chroot\+0x.*`))
		}
		qt.Check(t, qt.IsFalse(strings.Contains(kstack, "bpf_")), qt.Commentf("%s", kstack))
		ustack := strings.Join(kerneltest.Strings(events[0]["ustack"]), "\n")
		path, err := exec.LookPath(workload)
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.Matches(ustack, `(?s).*main\.inner\+0x[0-9a-f]+ \(`+path+`\)\nmain\.outer\+0x.*`))
	})
}

// What the tracepoint infers is what the argument says.
func TestInference(t *testing.T) {
	if !slices.Contains(rungs(t), "raw_tp") || !slices.Contains(rungs(t), "fexit") {
		t.Skip("this kernel does not have both, or not the tracepoint")
	}
	count := func(rung string, flags ...string) map[string]int {
		r := kerneltest.Start(t, "capable", append([]string{"--json", "-v", "--buffer", "16M", "--rung", rung}, flags...)...)
		other := kerneltest.Start(t, "capable", "--json", "-v", "--buffer", "16M", "--rung", map[string]string{"fexit": "raw_tp", "raw_tp": "fexit"}[rung])
		pids := map[int]bool{}
		for _, args := range [][]string{{"chroot", "11"}, {"mmap", "53"}, {"kallsyms"}, {"raw"}, {"capset"}, {"setid", "setuid", "1000"}, {"write", "/tmp"}, {"access", "/proc/self"}} {
			cmd := kerneltest.Command(t, workload, args...)
			kerneltest.Output(t, cmd)
			pids[cmd.Process.Pid] = true
		}
		r.Stop()
		other.Stop()
		got := map[string]int{}
		for _, e := range r.Events(func(e kerneltest.Event) bool { return pids[int(kerneltest.Number(e["pid"]))] }) {
			got[strconv.FormatInt(kerneltest.Number(e["cap"]), 10)+" "+toText(e["syscall"])+" "+toText(e["audit"])+" "+toText(e["insetid"])]++
		}
		for _, e := range other.Events(func(e kerneltest.Event) bool { return pids[int(kerneltest.Number(e["pid"]))] }) {
			got[strconv.FormatInt(kerneltest.Number(e["cap"]), 10)+" "+toText(e["syscall"])+" "+toText(e["audit"])+" "+toText(e["insetid"])]--
		}
		return got
	}
	for what, n := range count("fexit") {
		qt.Check(t, qt.Equals(n, 0), qt.Commentf("%s: fexit and raw_tp differ", what))
	}
}

func toText(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}
