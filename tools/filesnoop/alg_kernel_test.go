//go:build kernel

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// TestKernelCrypto: what sockets have the kernel encrypt is told once for each, to the
// byte, with the algorithm; not what is decrypted or hashed, nor what is associated,
// nor a few bytes.
//
//vmrun:kernels 5.10 newest
func TestKernelCrypto(t *testing.T) {
	out, _, _ := kerneltest.Output(t, kerneltest.Command(t, workload, t.TempDir(), "alg-none"))
	if !strings.Contains(out, "<nil>") {
		if kernel != "" {
			t.Fatalf("kernel %s is known to have AF_ALG: %s", kernel, out)
		}
		t.Skipf("no AF_ALG here: %s", out)
	}
	if kernel != "" { // from 7.3 on programs are only given a few algorithms, unless this says otherwise
		err := os.WriteFile("/proc/sys/crypto/af_alg_restrict", []byte("0"), 0)
		qt.Assert(t, qt.IsTrue(err == nil || errors.Is(err, fs.ErrNotExist)), qt.Commentf("%v", err))
	}
	eachRung(t, func(t *testing.T, rung string) {
		r := kerneltest.Start(t, "filesnoop", "--json", "--crypto", "--rung", rung)
		ways := []struct {
			name string
			want []string
		}{
			{"alg-encrypt", []string{"cbc(aes) 3376/3"}},
			{"alg-decrypt", []string{}},
			{"alg-little", []string{}},
			{"alg-hash", []string{}},
			{"alg-aead", []string{"authenc(hmac(sha256),cbc(aes)) 1552/1"}},
		}
		var pids []string
		for _, w := range ways {
			cmd := kerneltest.Command(t, workload, t.TempDir(), w.name)
			_, stderr, code := kerneltest.Output(t, cmd)
			qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s: %s", w.name, stderr))
			pids = append(pids, fmt.Sprint(cmd.Process.Pid))
		}
		qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
		qt.Check(t, qt.Equals(r.Account().Lost, 0))
		validate(t, r.Stdout())
		for i, w := range ways {
			qt.Check(t, qt.DeepEquals(encrypts(r.Stdout(), pids[i]), w.want), qt.Commentf("%s", w.name))
		}
		last := r.Events(func(e kerneltest.Event) bool { return e["op"] == "encrypt" && fmt.Sprint(e["pid"]) == pids[4] })
		qt.Assert(t, qt.HasLen(last, 1))
		qt.Check(t, qt.Equals(last[0]["name2"], any("aead")))
		qt.Check(t, qt.IsNil(last[0]["path"]))
	})
}
