package accessor

import (
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// With -libraries DIR, whose folders are roots of Debian releases ("trixie-arm64/root/usr/lib/…/libssl.so.3"), the code in
// testdata is taken anew from them.
var libraries = flag.String("libraries", "", "take testdata from the libraries below `DIR`")

var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// readCode reads a file of testdata: a line with the version, then one for each function, its name and its code.
func readCode(t testing.TB, path string) (version string, out map[string]Code) {
	t.Helper()
	b, err := os.ReadFile(path)
	qt.Assert(t, qt.IsNil(err))
	arch := strings.TrimSuffix(path[strings.LastIndexByte(path, '-')+1:], ".txt")
	out = make(map[string]Code)
	for in := bufio.NewScanner(bytes.NewReader(b)); in.Scan(); {
		name, digits, _ := strings.Cut(in.Text(), " ")
		if name == "version" {
			version = digits
			continue
		}
		code, err := hex.DecodeString(digits)
		qt.Assert(t, qt.IsNil(err))
		out[name] = Code{machines[arch], code}
	}
	return version, out
}

// TestTake takes the code from libraries.
func TestTake(t *testing.T) {
	if *libraries == "" {
		t.Skip("no -libraries")
	}
	paths, err := filepath.Glob(*libraries + "/*/root/usr/lib/*/libssl.so.*")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsTrue(len(paths) > 0))
	for _, path := range paths {
		release, _, _ := strings.Cut(strings.TrimPrefix(path, *libraries+"/"), "/")
		crypto := strings.Replace(path, "libssl", "libcrypto", 1)
		var b bytes.Buffer
		for _, from := range []struct {
			path  string
			names []string
		}{{path, Accessors()}, {crypto, BIOAccessors()}} {
			raw, err := os.ReadFile(from.path)
			qt.Assert(t, qt.IsNil(err))
			if from.path == crypto {
				version, err := Version(bytes.NewReader(raw), int64(len(raw)))
				qt.Assert(t, qt.IsNil(err))
				fmt.Fprintf(&b, "version %s\n", version)
			}
			code, err := functions(bytes.NewReader(raw), int64(len(raw)), from.names...)
			qt.Assert(t, qt.IsNil(err))
			for _, name := range from.names {
				fmt.Fprintf(&b, "%s %x\n", name, code[name].Bytes)
			}
		}
		qt.Assert(t, qt.IsNil(os.WriteFile("testdata/"+release+".txt", b.Bytes(), 0o644)))
	}
}

// TestDecode: the code says what the table says, for four releases of Debian on two architectures.
func TestDecode(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(paths, 8))
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			version, code := readCode(t, path)
			qt.Assert(t, qt.HasLen(code, len(Accessors())+len(BIOAccessors())))
			got, err := DecodeCode(code)
			qt.Assert(t, qt.IsNil(err))
			want, ok := Known(version)
			qt.Assert(t, qt.IsTrue(ok), qt.Commentf("version %s", version))
			want.Source = got.Source
			want.EarlySecret, want.ClientSecret, want.ServerSecret, want.ExporterSecret = nil, nil, nil, nil
			qt.Check(t, qt.DeepEquals(got, want))
			bio, err := DecodeBIOCode(code)
			qt.Assert(t, qt.IsNil(err))
			old := &BIO{Type: Path{0, 0}, Number: Path{0x30}, Next: Path{0x40}}
			if version[0] >= '3' {
				old = &BIO{Type: Path{8, 0}, Number: Path{0x38}, Next: Path{0x48}}
			}
			qt.Check(t, qt.DeepEquals(bio, old))
		})
	}
}

// TestDecodeLibraries is TestDecode on whole files, those of this machine.
func TestDecodeLibraries(t *testing.T) {
	paths, _ := filepath.Glob("/usr/lib/*/libssl.so.*")
	if len(paths) == 0 {
		t.Skip("no libssl here")
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		qt.Assert(t, qt.IsNil(err))
		got, err := Decode(bytes.NewReader(raw), int64(len(raw)))
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.HasLen(got.MasterKey, 1))
		crypto, err := os.ReadFile(strings.Replace(path, "libssl", "libcrypto", 1))
		qt.Assert(t, qt.IsNil(err))
		bio, err := DecodeBIO(bytes.NewReader(crypto), int64(len(crypto)))
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.HasLen(bio.Type, 2))
		version, err := Version(bytes.NewReader(crypto), int64(len(crypto)))
		qt.Assert(t, qt.IsNil(err))
		if want, ok := Known(version); ok {
			qt.Check(t, qt.DeepEquals(got.Session, want.Session))
		}
	}
}

// TestOther: another layout is learnt from the code, not known by heart: the offset in the instruction is changed.
func TestOther(t *testing.T) {
	_, code := readCode(t, "testdata/bookworm-amd64.txt")
	c := code["SSL_get_session"]
	c.Bytes = bytes.Replace(c.Bytes, []byte{0x18, 0x09, 0, 0}, []byte{0x38, 0x09, 0, 0}, 1)
	p, err := c.field()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(p, Path{0x938}))
}

// TestRefused: code that does something else has no result, and so has none that never ends.
func TestRefused(t *testing.T) {
	for name, test := range map[string]struct{ amd64, arm64 string }{
		"nothing read":    {"31c0c3", "00008052c0035fd6"},
		"argument itself": {"4889f8c3", "c0035fd6"},
		"endless":         {"ebfe", "00000014"},
		"no end":          {"4889f8", "e00300aa"},
		"not code":        {"0f0b", "000020d4"},
		"wild":            {"488b042500000000c3", "1f0040f9e80b40f9"},
		"empty":           {"", ""},
	} {
		for arch, digits := range map[string]string{"amd64": test.amd64, "arm64": test.arm64} {
			b, err := hex.DecodeString(digits)
			qt.Assert(t, qt.IsNil(err))
			_, err = Code{machines[arch], b}.field()
			qt.Check(t, qt.IsNotNil(err), qt.Commentf("%s on %s", name, arch))
		}
	}
	_, err := Code{elf.EM_RISCV, []byte{0}}.field()
	qt.Check(t, qt.ErrorMatches(err, "code of EM_RISCV is not known"))
	l, err := DecodeCode(nil)
	qt.Check(t, qt.IsNil(l.Session))
	qt.Check(t, qt.ErrorMatches(err, "(?s)SSL_version: not exported.*SSL_CIPHER_get_id: not exported"))
}

func TestKnown(t *testing.T) {
	for version, session := range map[string]uint64{
		"1.1.1a": 0x510, "1.1.1b": 0x508, "1.1.1w": 0x510, "3.0.0": 0x918, "3.0.21": 0x918, "3.1.8": 0x918, "3.2.2": 0x880,
		"3.2.4": 0x888, "3.3.1": 0x880, "3.4.0": 0x880, "3.4.1": 0x888, "3.5.0": 0x900, "4.0.1": 0x900,
	} {
		l, ok := Known(version)
		if qt.Check(t, qt.IsTrue(ok), qt.Commentf("%s", version)) {
			qt.Check(t, qt.DeepEquals(l.Session, Path{session}), qt.Commentf("%s", version))
			qt.Check(t, qt.Equals(l.ExporterSecret[0]-l.EarlySecret[0], 0x280))
		}
	}
	for _, version := range []string{"", "1.1.1", "1.1.0l", "1.0.2u", "4.0.2", "4.1.0", "3.0", "3.0.x", "3.0.1zz", "300.0.0"} {
		_, ok := Known(version)
		qt.Check(t, qt.IsFalse(ok), qt.Commentf("%s", version))
	}
}

func TestVersion(t *testing.T) {
	for text, want := range map[string]string{
		"xx OpenSSL is a toolkit, OpenSSL 3.0.19 27 Jan 2026": "3.0.19",
		"OpenSSL 1.1.1w  11 Sep 2023":                         "1.1.1w",
		"OpenSSL 3.5.9":                                       "",
		"":                                                    "",
	} {
		for _, before := range []int{0, 1<<20 - 10} {
			raw := append(make([]byte, before), text...)
			got, err := Version(bytes.NewReader(raw), int64(len(raw)))
			qt.Check(t, qt.Equals(got, want))
			qt.Check(t, qt.Equals(err == nil, want != ""))
		}
	}
}

func TestCheck(t *testing.T) {
	random, _ := hex.DecodeString("7ee8206f5570023e6dc7519eb1073bc4e791ad37b5c382aa10ba18e2357e7169")
	qt.Check(t, qt.IsNil(Check(0x0304, random)))
	qt.Check(t, qt.IsNil(Check(0x0303, random)))
	qt.Check(t, qt.ErrorMatches(Check(0x55aa, random), "unknown layout: 0x55aa is no version of TLS"))
	qt.Check(t, qt.ErrorMatches(Check(0x0303, make([]byte, 32)), "unknown layout: client random is not random"))
	pointers := append(slices.Repeat([]byte{0x10, 0x20, 0x55, 0x55, 0x55, 0x7f, 0, 0}, 3), 0, 0, 0, 0, 1, 0, 0, 0)
	qt.Check(t, qt.IsNotNil(Check(0x0303, pointers)))
	qt.Check(t, qt.IsNotNil(Check(0x0303, random[:31])))
}

// FuzzCode: no code runs for long, or reaches beyond the machine.
func FuzzCode(f *testing.F) {
	for _, path := range []string{"testdata/trixie-amd64.txt", "testdata/trixie-arm64.txt"} {
		_, code := readCode(f, path)
		for _, c := range code {
			f.Add(c.Machine == elf.EM_AARCH64, c.Bytes)
		}
	}
	f.Fuzz(func(t *testing.T, arm bool, b []byte) {
		c := Code{elf.EM_X86_64, b}
		if arm {
			c.Machine = elf.EM_AARCH64
		}
		if p, err := c.field(); err == nil {
			qt.Assert(t, qt.IsTrue(len(p) > 0 && p[len(p)-1] < maxStructure))
		}
		c.copies()
		c.writeBIO()
	})
}
