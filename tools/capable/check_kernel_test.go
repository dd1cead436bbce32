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
		return []string{"fexit", "kprobe"}
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

func TestAllowed(t *testing.T) {
	onEach(t, func(t *testing.T, rung string) {
		events := checks(t, "--rung "+rung, workload, nil, capChroot, "chroot", "101")
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
			knownBy(t, rung, e)
		}
	})
}

func TestDenied(t *testing.T) {
	onEach(t, func(t *testing.T, rung string) {
		events := checks(t, "--denied --rung "+rung, workload, asUser, capChroot, "chroot", "1")
		e := kerneltest.One(t, events)
		qt.Check(t, qt.Equals(e["allowed"], any(false)))
		qt.Check(t, qt.Equals(kerneltest.Number(e["ret"]), -1))
		qt.Check(t, qt.Equals(kerneltest.Number(e["uid"]), 1000))
		// What was granted is not in it.
		qt.Check(t, qt.Equals(len(checks(t, "--denied --rung "+rung, workload, nil, capChroot, "chroot", "7")), 0))
	})
}

// The process is the process and the thread the thread.
func TestThread(t *testing.T) {
	onEach(t, func(t *testing.T, rung string) {
		events := checks(t, "--rung "+rung, workload, nil, capChroot, "thread", "3")
		qt.Assert(t, qt.Equals(len(events), 3))
		for _, e := range events {
			qt.Check(t, qt.Not(qt.Equals(e["pid"], e["tid"])))
		}
	})
}

func Test32Bit(t *testing.T) {
	if err := kerneltest.Command(t, workload32, "chroot", "1").Run(); err != nil {
		t.Skipf("this kernel runs no 32-bit programs: %v", err)
	}
	onEach(t, func(t *testing.T, rung string) {
		events := checks(t, "--rung "+rung, workload32, nil, capChroot, "chroot", "3")
		qt.Assert(t, qt.Equals(len(events), 3))
		qt.Check(t, qt.Equals(events[0]["syscall"], any("chroot")))
		qt.Check(t, qt.Equals(kerneltest.Number(events[0]["syscall_nr"]), 61))
	})
}

// Most checks are not audited and not shown, unless asked for.
func TestNotAudited(t *testing.T) {
	onEach(t, func(t *testing.T, rung string) {
		events := checks(t, "--rung "+rung, workload, nil, capAdmin, "mmap", "211")
		qt.Check(t, qt.Equals(len(events), 0))
		events = checks(t, "--rung "+rung, workload, nil, capSyslog, "kallsyms")
		qt.Check(t, qt.Equals(len(events), 0))

		events = checks(t, "-v --rung "+rung, workload, nil, capAdmin, "mmap", "211")
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
		events = checks(t, "-v --rung "+rung, workload, nil, capSyslog, "kallsyms")
		qt.Check(t, qt.IsTrue(len(events) >= 1))
		for _, e := range events {
			qt.Check(t, qt.Equals(e["audit"], any(false)))
		}
	})
}

func TestSetid(t *testing.T) {
	onEach(t, func(t *testing.T, rung string) {
		e := kerneltest.One(t, checks(t, "--rung "+rung, workload, nil, capSetuid, "setid", "setuid", "1000"))
		qt.Check(t, qt.Equals(e["insetid"], any(true)))
		qt.Check(t, qt.Equals(e["audit"], any(true)))
		qt.Check(t, qt.Equals(e["syscall"], any("setuid")))
		knownBy(t, rung, e)
	})
}

// A user namespace of one's own grants what the initial one does not.
func TestUserNamespace(t *testing.T) {
	onEach(t, func(t *testing.T, rung string) {
		r := kerneltest.Start(t, "capable", "--json", "--cap", "sys_chroot", "--rung", rung)
		kerneltest.Output(t, kerneltest.Command(t, workload, "userns", "5"))
		qt.Assert(t, qt.Equals(r.Stop(), 0))
		events := r.Events(func(e kerneltest.Event) bool { return e["comm"] == "exe" && e["syscall"] == "chroot" })
		qt.Assert(t, qt.Equals(len(events), 5))
		for _, e := range events {
			qt.Check(t, qt.Equals(e["allowed"], any(true)))
			qt.Check(t, qt.Equals(e["current_userns"], e["target_userns"]))
			qt.Check(t, qt.Not(qt.Equals(kerneltest.Number(e["current_userns"]), 0xEFFFFFFD)))
		}
	})
}

// Checks with credentials that are not the task's own are not its doing.
func TestOverridden(t *testing.T) {
	merged := overlay(t)
	onEach(t, func(t *testing.T, rung string) {
		own := func(e kerneltest.Event) bool { return e["overridden"] == false }
		for _, flags := range []string{"", "-v"} {
			r := kerneltest.Start(t, "capable", "--json", "--rung", rung)
			if flags != "" {
				r.Stop()
				r = kerneltest.Start(t, "capable", "--json", "--rung", rung, flags)
			}
			// The lower file belongs to root and is read-only: it is copied up.
			cmd := kerneltest.Command(t, workload, "write", merged+"/file-"+rung+flags)
			kerneltest.Output(t, cmd)
			qt.Assert(t, qt.Equals(r.Stop(), 0))
			all := r.Events(kerneltest.Of(cmd.Process.Pid))
			strange := slices.DeleteFunc(slices.Clone(all), own)
			if flags == "" {
				qt.Check(t, qt.Equals(len(strange), 0))
			} else {
				qt.Check(t, qt.IsTrue(len(strange) > 0), qt.Commentf("of %d", len(all)))
			}
		}
	})
}

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
		// Without the flags there are none.
		e := checks(t, "--rung "+rung, workload, nil, capChroot, "chroot", "1")[0]
		qt.Check(t, qt.IsNil(e["kstack"]))
		qt.Check(t, qt.IsNil(e["ustack"]))
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
