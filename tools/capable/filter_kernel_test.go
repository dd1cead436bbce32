//go:build kernel

package main

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
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

// filters runs two workloads under capable and checks that the first is seen to the
// unit and the second not at all.
func filters(t *testing.T, in, out *kerneltest.Waiter, flags ...string) {
	t.Helper()
	r := kerneltest.Start(t, "capable", append([]string{"--json", "--cap", "sys_chroot"}, flags...)...)
	in.Go(t)
	in.End(t)
	out.Go(t)
	out.End(t)
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	qt.Check(t, qt.Equals(len(r.Events(kerneltest.Of(in.PID()))), 13))
	qt.Check(t, qt.Equals(len(r.Events(kerneltest.Of(out.PID()))), 0))
	qt.Check(t, qt.IsTrue(r.Account().Filtered >= 13))
}

func TestFilters(t *testing.T) {
	namespace := func(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS} }
	other := func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4321, Gid: 4321}, AmbientCaps: []uintptr{capChroot}}
	}
	t.Run("pid", func(t *testing.T) {
		in := chroots(t, nil)
		filters(t, in, chroots(t, nil), "-p", itoa(in.PID()))
	})
	t.Run("uid", func(t *testing.T) { filters(t, chroots(t, other), chroots(t, nil), "-u", "4321") })
	t.Run("cgroup", func(t *testing.T) {
		in := chroots(t, nil)
		filters(t, in, chroots(t, nil), "-c", filepath.Dir(kerneltest.Cgroup(t, "outer/inner", in.PID())))
	})
	t.Run("container", func(t *testing.T) {
		id := strings.Repeat("0123456789abcdef", 4)
		in := chroots(t, nil)
		kerneltest.Cgroup(t, "docker-"+id+".scope", in.PID())
		filters(t, in, chroots(t, nil), "--container", id[:12])
	})
	t.Run("mntns", func(t *testing.T) {
		in := chroots(t, namespace)
		filters(t, in, chroots(t, nil), "--mntns", "/proc/"+itoa(in.PID())+"/ns/mnt")
	})
}

// Of one process, the capabilities that were asked for.
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

// --unique shows a capability once for each process, cgroup or container.
func TestUnique(t *testing.T) {
	count := func(flag string, set func(t *testing.T, pids ...int)) (n int, r *kerneltest.Run) {
		a, b := chroots(t, nil), chroots(t, nil)
		set(t, a.PID(), b.PID())
		r = kerneltest.Start(t, "capable", "--json", "--cap", "sys_chroot", flag)
		for _, w := range []*kerneltest.Waiter{a, b} {
			w.Go(t)
			w.End(t)
		}
		qt.Assert(t, qt.Equals(r.Stop(), 0))
		n = len(r.Events(kerneltest.Of(a.PID()))) + len(r.Events(kerneltest.Of(b.PID())))
		qt.Check(t, qt.IsTrue(r.Account().Filtered >= uint64(26-n)))
		return n, r
	}
	together := func(t *testing.T, pids ...int) {
		for _, pid := range pids {
			kerneltest.Cgroup(t, "together", pid)
		}
	}
	apart := func(t *testing.T, pids ...int) {
		for i, pid := range pids {
			kerneltest.Cgroup(t, "docker-"+strings.Repeat(itoa(i), 64)+".scope/"+itoa(i), pid)
		}
	}
	oneContainer := func(t *testing.T, pids ...int) {
		for i, pid := range pids {
			kerneltest.Cgroup(t, "docker-"+strings.Repeat("a", 64)+".scope/"+itoa(i), pid)
		}
	}
	for _, test := range []struct {
		what, flag string
		set        func(*testing.T, ...int)
		want       int
	}{
		{"pid", "--unique", together, 2},
		{"pid named", "--unique=pid", together, 2},
		{"one cgroup", "--unique=cgroup", together, 1},
		{"two cgroups", "--unique=cgroup", apart, 2},
		{"one container", "--unique=container", oneContainer, 1},
		{"two containers", "--unique=container", apart, 2},
	} {
		t.Run(test.what, func(t *testing.T) {
			n, _ := count(test.flag, test.set)
			qt.Check(t, qt.Equals(n, test.want))
		})
	}
}
