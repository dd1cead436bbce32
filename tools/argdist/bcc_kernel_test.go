//go:build kernel && bcc

package main

import (
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// TestBCC counts with both compilers at once, and they must agree: with the kernel's
// headers and tracefs, and an argdist that was built with libbcc.
func TestBCC(t *testing.T) {
	count := "t:syscalls:sys_enter_write():size_t,char*:args->count,$COMM:args->count>1"
	size := "t:syscalls:sys_enter_write():long:args->count:STRCMP(\"argdist-workloa\",$COMM)"
	for _, backend := range []string{nativeBackend, bccBackend} {
		t.Run(backend, func(t *testing.T) {
			flags := []string{"--backend", backend, "-p", "{PID}", "-C", count, "-H", size}
			if backend == bccBackend { // PIPE_BUF is a macro of linux/limits.h, which is 4096
				flags = append(flags, "-I", "linux/limits.h", "-C", count+"&&args->count<PIPE_BUF", "-C", count+"&&args->count>PIPE_BUF")
			}
			r, _ := traced(t, flags, "write", itoa(writes))
			want := map[string]int{"$COMM=argdist-workloa args->count=10": 3336, "$COMM=argdist-workloa args->count=100": 3336, "$COMM=argdist-workloa args->count=1000": 3335}
			qt.Check(t, qt.DeepEquals(counts(t, r, count), want))
			if backend == bccBackend {
				qt.Check(t, qt.DeepEquals(counts(t, r, count+"&&args->count<PIPE_BUF"), want))
				qt.Check(t, qt.HasLen(counts(t, r, count+"&&args->count>PIPE_BUF"), 0))
			}
			hist := counts(t, r, size)
			qt.Check(t, qt.IsTrue(hist[""] >= writes && hist[""] <= writes+2), qt.Commentf("%v", hist))
			qt.Check(t, qt.Equals(r.Account().Lost, 0))
			validate(t, r)
		})
	}
	for _, wrong := range []string{"t:syscalls:sys_enter_write():int:args->nothing", "t:syscalls:sys_enter_write():int:("} {
		_, stderr, code := kerneltest.Output(t, kerneltest.Command(t, "argdist", "--backend", "bcc", "--check", "-C", wrong))
		qt.Check(t, qt.Equals(code, 1), qt.Commentf("%s", stderr))
		qt.Check(t, qt.StringContains(stderr, "bcc's compiler refuses it"))
	}
}
