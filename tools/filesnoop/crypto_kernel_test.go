//go:build kernel

package main

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

//go:embed testdata/cipher_amd64 testdata/cipher_arm64
var ciphers embed.FS

// cipher writes the program that calls functions of cryptography (testdata/cipher.c)
// into a directory under a name, and returns its path.
func cipher(t *testing.T, dir, name string) string {
	t.Helper()
	b, err := ciphers.ReadFile("testdata/cipher_" + runtime.GOARCH)
	qt.Assert(t, qt.IsNil(err))
	path := filepath.Join(dir, name)
	qt.Assert(t, qt.IsNil(os.WriteFile(path, b, 0o755)))
	return path
}

// TestCrypto: what goes through ciphers is told once, to the byte, by the function that
// the program called; not what is decrypted, nor random numbers. A program that is
// named is known from the start; one that is called like a library is found when it
// is opened; any other is not looked into.
//
//vmrun:kernels 5.10 newest
func TestCrypto(t *testing.T) {
	want := []string{
		"EVP_EncryptInit_ex 3027/3", "EVP_CipherInit_ex 5065/5", "EVP_SealInit 2003/1",
		"gnutls_aead_cipher_encrypt 6002/2", "gcry_cipher_encrypt 4001/1", "crypto_secretbox_easy 5003/1",
	}
	dir := place(t)
	named, other, late := cipher(t, dir, "named"), cipher(t, dir, "other"), filepath.Join(dir, "libcrypto-late.so")
	r := kerneltest.Start(t, "filesnoop", "--json", "--crypto", "--crypto-file", named)
	run := func(program string) string {
		cmd := kerneltest.Command(t, program)
		_, stderr, code := kerneltest.Output(t, cmd)
		qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
		return fmt.Sprint(cmd.Process.Pid)
	}
	first, none := run(named), run(other)
	cipher(t, dir, filepath.Base(late))
	var last string
	// It is attached to some time after it was opened.
	waitFor(t, "a library that is opened later", func() bool {
		_, err := os.ReadFile(late)
		qt.Assert(t, qt.IsNil(err))
		last = run(late)
		return len(encrypts(r.Stdout(), last)) == len(want)
	})
	last = run(late)
	qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
	qt.Check(t, qt.Equals(r.Account().Lost, 0))
	validate(t, r.Stdout())
	qt.Check(t, qt.DeepEquals(encrypts(r.Stdout(), first), want))
	qt.Check(t, qt.DeepEquals(encrypts(r.Stdout(), last), want))
	qt.Check(t, qt.HasLen(encrypts(r.Stdout(), none), 0))
	files := r.Events(func(e kerneltest.Event) bool { return e["op"] == "encrypt" && fmt.Sprint(e["pid"]) == first })
	qt.Check(t, qt.Equals(files[0]["path"], any(named)))
}
