package crypto

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"testing"

	"github.com/go-quicktest/qt"
)

func program(t testing.TB, arch string) []byte {
	t.Helper()
	b, err := os.ReadFile("../testdata/cipher_" + arch)
	qt.Assert(t, qt.IsNil(err))
	return b
}

func TestInspect(t *testing.T) {
	found, err := Inspect(bytes.NewReader(program(t, runtime.GOARCH)))
	qt.Assert(t, qt.IsNil(err))
	names := make(map[string]Function)
	for _, f := range found {
		names[f.Name] = f
		qt.Check(t, qt.IsTrue(f.Offset > 0))
	}
	qt.Check(t, qt.Equals(len(names), 12))
	qt.Check(t, qt.Equals(names["EVP_CipherInit_ex"].Call, Call{Kind: Setup, Arg: 6}))
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	_, err = Inspect(bytes.NewReader(program(t, other)))
	qt.Check(t, qt.IsTrue(errors.Is(err, ErrNothing)))
	self, err := os.Open("/proc/self/exe")
	qt.Assert(t, qt.IsNil(err))
	defer self.Close()
	_, err = Inspect(self)
	qt.Check(t, qt.IsTrue(errors.Is(err, ErrNothing)))
}

// TestCalls: what the cookie of crypto.h has room for.
func TestCalls(t *testing.T) {
	for name, c := range calls {
		qt.Check(t, qt.IsTrue(c.Kind <= Once && c.Arg <= 8 && c.Other <= 8), qt.Commentf("%s", name))
		if c.Kind == Update || c.Kind == Outer || c.Kind == First || c.Kind == Once {
			qt.Check(t, qt.IsTrue(c.Arg > 1), qt.Commentf("%s", name))
		}
	}
}

func TestIsLibrary(t *testing.T) {
	for file, want := range map[string]bool{
		"/usr/lib/x86_64-linux-gnu/libcrypto.so.3": true, "/opt/x/libcrypto-1f2e.so.1.1": true, "/usr/lib/libgcrypt.so.20": true,
		"/usr/lib/libsodium.so.23": true, "/usr/lib/libcrypt.so.1": false, "/usr/lib/libcrypto.a": false, "libcrypto.so/x": false,
	} {
		qt.Check(t, qt.Equals(IsLibrary(file), want), qt.Commentf("%s", file))
	}
}

func FuzzInspect(f *testing.F) {
	f.Add(program(f, "amd64"))
	f.Add(program(f, "arm64"))
	f.Fuzz(func(t *testing.T, b []byte) {
		found, err := Inspect(bytes.NewReader(b))
		qt.Check(t, qt.Equals(len(found) > 0, err == nil))
	})
}
