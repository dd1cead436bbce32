//go:build kernel

package main

import (
	"os"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// The documented capabilities are enough, each of them is needed, and all but
// CAP_BPF are given up.
//
//vmrun:kernels 5.10 newest
func TestLeastPrivilege(t *testing.T) {
	base := map[string]uintptr{"CAP_BPF": unix.CAP_BPF, "CAP_PERFMON": unix.CAP_PERFMON}
	if kernelName() == "5.10" {
		base["CAP_SYS_RESOURCE"] = unix.CAP_SYS_RESOURCE
	}
	for _, test := range []struct {
		flags []string
		more  map[string]uintptr
	}{
		{[]string{"--rung", "fentry", "-C", "p::vfs_write()"}, nil},
		{[]string{"-C", "t:syscalls:sys_enter_write()"}, map[string]uintptr{"CAP_SYS_ADMIN": unix.CAP_SYS_ADMIN, "CAP_DAC_READ_SEARCH": unix.CAP_DAC_READ_SEARCH}},
	} {
		if test.more == nil && !works("fentry") {
			continue
		}
		caps := make(map[string]uintptr)
		for _, m := range []map[string]uintptr{base, test.more} {
			for name, c := range m {
				caps[name] = c
			}
		}
		without := func(missing string) (list []uintptr) {
			for name, c := range caps {
				if name != missing {
					list = append(list, c)
				}
			}
			return list
		}
		cmd := kerneltest.Command(t, "argdist", test.flags...)
		kerneltest.OrdinaryUser(t, cmd, without("")...)
		r := kerneltest.StartCmd(t, cmd)
		status, err := os.ReadFile("/proc/" + itoa(r.Cmd.Process.Pid) + "/status")
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.StringContains(string(status), "CapEff:\t0000008000000000\n")) // CAP_BPF
		qt.Check(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
		for missing := range caps {
			if test.more != nil && missing != "CAP_SYS_ADMIN" && missing != "CAP_DAC_READ_SEARCH" {
				continue // CAP_SYS_ADMIN stands for them
			}
			cmd := kerneltest.Command(t, "argdist", test.flags...)
			kerneltest.OrdinaryUser(t, cmd, without(missing)...)
			stdout, stderr, code := kerneltest.Output(t, cmd)
			qt.Check(t, qt.Equals(code, 4), qt.Commentf("%q without %s: %s", test.flags, missing, stderr))
			qt.Check(t, qt.Equals(stdout, ""))
			first, _, _ := strings.Cut(stderr, "\n")
			qt.Check(t, qt.StringContains(first, missing))
		}
	}
}
