//go:build kernel

package main

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

func itoa(n int) string { return strconv.Itoa(n) }

// chroots starts a workload that will check CAP_SYS_CHROOT 13 times.
func chroots(t *testing.T, set func(*exec.Cmd)) *kerneltest.Waiter {
	t.Helper()
	return kerneltest.Wait(t, workload, set, "chroot", "13")
}

// filtered is a workload that checks CAP_SYS_CHROOT 13 times.
func filtered() kerneltest.Filtered {
	return kerneltest.Filtered{
		Tool: "capable", Workload: workload, Flags: []string{"--json", "--cap", "sys_chroot"}, Count: 13,
		Args: func(string) []string { return []string{"chroot", "13"} }, Caps: []uintptr{capChroot},
	}
}

//vmrun:kernels 6.1
func TestFilterProcess(t *testing.T) { filtered().TestProcess(t, rungs(t)...) }

//vmrun:kernels 6.1
func TestFilterContainer(t *testing.T) { filtered().TestContainer(t, rungs(t)...) }

// Of one process, the capabilities that were asked for.
//
//vmrun:kernels 6.1
func TestFilterCapability(t *testing.T) {
	r := kerneltest.Start(t, "capable", "--json", "--cap", "net_raw,CAP_SYS_NICE,7")
	cmds := []*exec.Cmd{kerneltest.Command(t, workload, "raw"), kerneltest.Command(t, workload, "chroot", "3"), kerneltest.Command(t, workload, "setid", "setuid", "0")}
	for _, cmd := range cmds {
		kerneltest.Output(t, cmd)
	}
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	qt.Check(t, qt.Equals(len(r.Events(kerneltest.Of(cmds[0].Process.Pid))), 1))
	qt.Check(t, qt.Equals(len(r.Events(kerneltest.Of(cmds[1].Process.Pid))), 0))
	qt.Check(t, qt.Equals(len(r.Events(kerneltest.Of(cmds[2].Process.Pid))), 1))
}

// A command after the flags is traced, with its children, and nothing else.
//
//vmrun:kernels 6.1
func TestCommand(t *testing.T) {
	onEach(t, func(t *testing.T, rung string) {
		out := chroots(t, nil)
		path, err := exec.LookPath(workload)
		qt.Assert(t, qt.IsNil(err))
		r := kerneltest.Start(t, "capable", "--json", "--cap", "sys_chroot", "--rung", rung, "--", "/bin/sh", "-c", path+" chroot 7; "+path+" storm 3 5; exit 3")
		out.Go(t)
		out.End(t)
		qt.Check(t, qt.Equals(r.Wait(), 0)) // it ends with the command
		qt.Check(t, qt.Equals(len(r.Events(func(kerneltest.Event) bool { return true })), 7+15))
		qt.Check(t, qt.Equals(len(r.Events(kerneltest.Of(out.PID()))), 0))
		qt.Check(t, qt.StringContains(r.Stderr(), "exit status 3"))
	})
	stdout, stderr, code := kerneltest.Output(t, kerneltest.Command(t, "capable", "--", "/nonexistent"))
	qt.Check(t, qt.Equals(code, 1))
	qt.Check(t, qt.StringContains(stderr, "run /nonexistent"))
	qt.Check(t, qt.IsFalse(strings.Contains(stdout, "capable")))
}

// --unique shows a capability once for each process, cgroup or container. Every
// command sees all the workloads.
//
//vmrun:kernels 6.1
func TestUnique(t *testing.T) {
	names := map[string][2]string{
		"in one cgroup":     {"together", "together"},
		"in two containers": {"docker-" + strings.Repeat("0", 64) + ".scope/0", "docker-" + strings.Repeat("1", 64) + ".scope/1"},
		"in one container":  {"docker-" + strings.Repeat("a", 64) + ".scope/0", "docker-" + strings.Repeat("a", 64) + ".scope/1"},
	}
	pairs := make(map[string][2]*kerneltest.Waiter)
	for where, cgroups := range names {
		pair := [2]*kerneltest.Waiter{chroots(t, nil), chroots(t, nil)}
		for i, w := range pair {
			kerneltest.Cgroup(t, cgroups[i], w.PID())
		}
		pairs[where] = pair
	}
	tests := map[string]map[string]int{
		"--unique":           {"in one cgroup": 2},
		"--unique=pid":       {"in one cgroup": 2},
		"--unique=cgroup":    {"in one cgroup": 1, "in two containers": 2},
		"--unique=container": {"in one container": 1, "in two containers": 2},
	}
	runs := make(map[string]*kerneltest.Run)
	for flag := range tests {
		runs[flag] = kerneltest.Start(t, "capable", "--json", "--cap", "sys_chroot", flag)
	}
	for _, pair := range pairs {
		for _, w := range pair {
			w.Go(t)
			w.End(t)
		}
	}
	for flag, wants := range tests {
		r := runs[flag]
		qt.Assert(t, qt.Equals(r.Stop(), 0))
		shown := len(r.Events(func(kerneltest.Event) bool { return true }))
		qt.Check(t, qt.IsTrue(r.Account().Filtered >= uint64(3*2*13-shown)))
		for where, want := range wants {
			n := len(r.Events(kerneltest.Of(pairs[where][0].PID()))) + len(r.Events(kerneltest.Of(pairs[where][1].PID())))
			qt.Check(t, qt.Equals(n, want), qt.Commentf("%s %s", flag, where))
		}
	}
}
