//go:build kernel

package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// All functions that match are gathered together: at once where the kernel has
// kprobe.multi (5.18; Debian's 6.1 is built without, and that for arm64), else one by one.
func TestWildcard(t *testing.T) {
	if !works("kprobe") {
		t.Skip("this kernel does not have kprobes")
	}
	spec := "p::vfs_writ?()::PT_REGS_PARM3(ctx):PT_REGS_PARM3(ctx)==1000"
	r, _ := traced(t, []string{"-v", "-p", "{PID}", "-C", spec}, "write", itoa(writes))
	near(t, r, counts(t, r, spec), map[string]int{"PT_REGS_PARM3(ctx)=1000": 3335})
	want := "kprobe.multi"
	if slices.Contains([]string{"5.10", "6.1", "arm64-6.12"}, kernelName()) {
		want = "kprobe"
	}
	qt.Check(t, qt.StringContains(r.Stderr(), spec+": "+want+"\n"))

	stdout, stderr, code := kerneltest.Output(t, kerneltest.Command(t, "argdist", "--check", "-C", "p::no_such_functio?()"))
	qt.Check(t, qt.Equals(code, 2), qt.Commentf("%s", stdout))
	qt.Check(t, qt.IsTrue(strings.Contains(stderr, "matches no_such_functio?")), qt.Commentf("%s", stderr))
}

// Stacks are keys, with names; our own frames are not among them.
func TestStack(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		r, _ := traced(t, []string{"--rung", rung, "-p", "{PID}", "-C", "p::vfs_write(file, buf, size_t count)::$KSTACK:count==1000"}, "write", itoa(writes))
		got := counts(t, r, "")
		if kernelName() != "newest" {
			qt.Check(t, qt.Equals(sum(got), 3335))
		}
		for stack := range got {
			// On arm64 a function that has only been entered has not yet linked its caller to the frames that the
			// kernel follows.
			if rung != "kprobe" || !strings.HasPrefix(kernelName(), "arm64") {
				qt.Check(t, qt.StringContains(stack, "ksys_write"))
			}
			qt.Check(t, qt.StringContains(stack, "sys_write"))
			qt.Check(t, qt.IsTrue(strings.HasPrefix(stack, "$KSTACK=[vfs_write+")), qt.Commentf("%s", stack))
		}
	})
}
