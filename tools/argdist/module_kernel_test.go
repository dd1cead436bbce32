//go:build kernel

package main

import (
	"os"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// hasModule reports whether SCTP is there as a module. In the matrix it is.
func hasModule() bool {
	_, err := os.Stat("/sys/module/sctp")
	return kernelName() != "" || err == nil
}

// A function of a module is counted as one of the kernel is, with its types where the
// module has them (5.11).
//
//vmrun:kernels 5.10 6.12
func TestModule(t *testing.T) {
	if !hasModule() {
		t.Skip("this machine has not loaded the module")
	}
	signature, typed := "sk", kernelName() != "5.10"
	if !typed {
		signature = "struct sock *sk"
	}
	eachRung(t, func(t *testing.T, rung string) {
		if rung == "fentry" && !typed {
			_, stderr, code := kerneltest.Output(t, kerneltest.Command(t, "argdist", "--check", "--rung", rung, "-C", "p::sctp_init_sock(struct sock *sk)"))
			qt.Check(t, qt.Not(qt.Equals(code, 0)), qt.Commentf("%s", stderr))
			return
		}
		family := "p::sctp_init_sock(" + signature + ")::sk->__sk_common.skc_family:sk->__sk_common.skc_family=="
		r, _ := traced(t, []string{"--rung", rung, "-p", "{PID}", "-C", family + "AF_INET", "-C", family + "AF_INET6", "-C", "r::sctp_init_sock()"}, "sctp", "1009")
		near(t, r, counts(t, r, family+"AF_INET"), map[string]int{"sk->__sk_common.skc_family=2": 1009})
		near(t, r, counts(t, r, "r::sctp_init_sock()"), map[string]int{"retval=0": 1009})
		qt.Check(t, qt.HasLen(counts(t, r, family+"AF_INET6"), 0))
		qt.Check(t, qt.IsTrue(r.Account().Filtered >= 1009-uint64(r.Skipped())))
		validate(t, r)
	})

	stdout, _, code := kerneltest.Output(t, kerneltest.Command(t, "argdist", "--list", "sctp_init_soc?"))
	qt.Check(t, qt.Equals(code, 0))
	want := "int sctp_init_sock(struct sock *sk) [sctp]\n"
	if !typed {
		want = "sctp_init_sock [sctp]\n"
	}
	qt.Check(t, qt.Equals(stdout, want))
}
