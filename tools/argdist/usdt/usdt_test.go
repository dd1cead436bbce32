package usdt

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/symbol"
)

// testdata/probes_ARCH is built from probes.c with
//
//	gcc -O2 -nostdlib -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables -fPIE -static-pie \
//		-Wl,--build-id=none,-z,max-page-size=4096
//
// by gcc 12 and sys/sdt.h of systemtap-sdt-dev 4.8; the one for Arm by aarch64-linux-gnu-gcc.
func locations(t *testing.T, path string) []Location {
	t.Helper()
	f, err := os.Open(path)
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { f.Close() })
	file, err := symbol.NewELF(f)
	qt.Assert(t, qt.IsNil(err))
	all, err := Read(file)
	qt.Assert(t, qt.IsNil(err))
	for _, l := range all {
		for _, a := range l.Args {
			qt.Check(t, qt.IsNil(a.Err))
		}
	}
	return all
}

func TestRead(t *testing.T) {
	for arch, want := range map[string][]string{
		"amd64": {
			"values 0x1007 0x1007 -8@%rdi -4@%esi 1@%dl -4@-4(%rsp) -4@$7",
			"memory 0x1012 0x1012 -1@tiny(%rip) 8@(%rax,%rcx,8)",
			"guarded 0x1030 0x1030 -8@%rdi",
			"twice 0x1058 0x1058 -8@%rdi",
			"twice 0x1065 0x1065 -8@%rax",
		},
	} {
		all := locations(t, "testdata/probes_"+arch)
		var got []string
		for _, l := range all {
			qt.Check(t, qt.Equals(l.Provider, "demo"))
			got = append(got, strings.Join([]string{l.Name, hex(l.Address), hex(l.Offset), l.Text}, " "))
		}
		qt.Check(t, qt.DeepEquals(got, want))
	}
	all := locations(t, "testdata/probes_arm64")
	qt.Check(t, qt.Equals(len(all), 5))
	qt.Check(t, qt.Equals(all[0].Text, "-8@x0 -4@x1 1@x2 -4@[sp, 12] -4@7"))
	qt.Check(t, qt.Equals(len(all[0].Args), 5))
	qt.Check(t, qt.Equals(len(Find(all, "demo", "twice")), 2))
	qt.Check(t, qt.Equals(len(Find(all, "", "twice")), 2))
	qt.Check(t, qt.Equals(len(Find(all, "other", "twice")), 0))
}

// TestLayout: a variable is not as far from one place as from another.
func TestLayout(t *testing.T) {
	layout := func(at uint64, text string) string {
		l := Location{Text: text}
		for _, arg := range splitArgs(text) {
			l.Args = append(l.Args, parseArg(&AMD64, arg, at, func(string) (uint64, bool) { return 0x4000, true }))
		}
		return l.Layout()
	}
	qt.Check(t, qt.Equals(layout(0x1000, "8@%rdi 4@8(%rsp)"), layout(0x2000, "8@%rdi 4@8(%rsp)")))
	qt.Check(t, qt.Not(qt.Equals(layout(0x1000, "8@%rdi 4@foo(%rip)"), layout(0x2000, "8@%rdi 4@foo(%rip)"))))
}

// TestReadSystem reads the probes of what happens to be installed.
func TestReadSystem(t *testing.T) {
	found := 0
	for _, path := range []string{
		"/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/usr/lib/aarch64-linux-gnu/libstdc++.so.6", "/usr/bin/python3", "/usr/bin/gcc",
		"/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0",
	} {
		f, err := os.Open(path)
		if err != nil {
			continue
		}
		file, err := symbol.NewELF(f)
		qt.Assert(t, qt.IsNil(err))
		all, err := Read(file)
		f.Close()
		if errors.Is(err, ErrNone) {
			continue
		}
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", path))
		for _, l := range all {
			found++
			for _, a := range l.Args {
				qt.Check(t, qt.IsNil(a.Err), qt.Commentf("%s %s", path, l.Text))
			}
		}
	}
	t.Logf("%d places of probes", found)
}

func hex(n uint64) string {
	const digits = "0123456789abcdef"
	s := ""
	for ; n > 0; n >>= 4 {
		s = string(digits[n&15]) + s
	}
	return "0x" + s
}

func TestNone(t *testing.T) {
	f, err := os.Open("/proc/self/exe")
	qt.Assert(t, qt.IsNil(err))
	defer f.Close()
	file, err := symbol.NewELF(f)
	qt.Assert(t, qt.IsNil(err))
	_, err = Read(file)
	qt.Check(t, qt.ErrorIs(err, ErrNone))
}

// FuzzRead: whatever a file says, it is read or refused.
func FuzzRead(f *testing.F) {
	for _, arch := range []string{"amd64", "arm64"} {
		b, err := os.ReadFile("testdata/probes_" + arch)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, 0, byte(0))
		for at := 0; at < len(b); at += 97 {
			f.Add(b, at, byte(0xff))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, at int, x byte) {
		if at >= 0 && at < len(b) {
			b = append([]byte(nil), b...)
			b[at] ^= x
		}
		file, err := symbol.NewELF(strings.NewReader(string(b)))
		if err != nil {
			return
		}
		all, err := Read(file)
		if err != nil {
			return
		}
		for _, l := range all {
			if l.Offset >= uint64(len(b))+1<<32 {
				t.Logf("offset %#x beyond the file", l.Offset)
			}
			for _, a := range l.Args {
				a.Eval(make([]byte, 272), func(uint64, []byte) error { return nil })
			}
		}
	})
}
