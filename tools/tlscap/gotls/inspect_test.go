package gotls

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

// build builds the program of testdata and returns its bytes.
func build(t testing.TB, toolchain, arch, mode, ldflags string) []byte {
	t.Helper()
	source, err := os.ReadFile("testdata/client/main.go")
	qt.Assert(t, qt.IsNil(err))
	dir := t.TempDir()
	qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, "main.go"), source, 0o644)))
	qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module client\n\ngo 1.17\n"), 0o644)))
	cmd := exec.Command("go", "build", "-trimpath", "-buildmode="+mode, "-ldflags="+ldflags, "-o", "client", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOENV=off", "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0", "GOARCH="+arch, "GOTOOLCHAIN="+toolchain)
	out, err := cmd.CombinedOutput()
	qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", out))
	b, err := os.ReadFile(filepath.Join(dir, "client"))
	qt.Assert(t, qt.IsNil(err))
	return b
}

// TestInspect looks at programs of this Go, and of those that GO_TOOLCHAINS names ("go1.18.10 go1.21.0"), which the go
// command downloads: stripped ones have the same functions as others, and the layout is what the compiler says.
func TestInspect(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command")
	}
	toolchains := append([]string{"local"}, strings.Fields(os.Getenv("GO_TOOLCHAINS"))...)
	for _, toolchain := range toolchains {
		for _, arch := range []string{"amd64", "arm64"} {
			for _, mode := range []string{"exe", "pie"} {
				// Each builds the standard library anew: a few will do where nobody asked for more.
				if len(toolchains) == 1 && (arch == runtime.GOARCH) != (mode == "exe") {
					continue
				}
				t.Run(fmt.Sprint(toolchain, arch, mode), func(t *testing.T) { checkBuild(t, toolchain, arch, mode) })
			}
		}
	}
}

func checkBuild(t *testing.T, toolchain, arch, mode string) {
	full, stripped := build(t, toolchain, arch, mode, ""), build(t, toolchain, arch, mode, "-s -w")
	p, err := Inspect(bytes.NewReader(full), int64(len(full)))
	qt.Assert(t, qt.IsNil(err))
	version := toolchain
	if version == "local" {
		version = runtime.Version()
	}
	qt.Check(t, qt.Equals(p.Version, version))
	minor, _ := Minor(p.Version)
	qt.Check(t, qt.Equals(p.Arch, arch))
	qt.Check(t, qt.Equals(p.PIE, mode == "pie"))
	qt.Check(t, qt.Equals(p.Registers, minor >= 18 || arch == "amd64"))
	for _, name := range Names() {
		f, ok := p.Functions[name]
		qt.Assert(t, qt.IsTrue(ok), qt.Commentf("%s: %v", name, p.Missing[name]))
		qt.Check(t, qt.Equals(f.Table, ".symtab"))
		qt.Check(t, qt.IsTrue(len(f.Returns) > 0 && f.Returns[0] > f.Offset))
		for _, at := range f.Returns {
			if arch == "amd64" {
				qt.Check(t, qt.Equals(full[at], 0xc3))
			} else {
				qt.Check(t, qt.DeepEquals(full[at:at+4], []byte{0xc0, 0x03, 0x5f, 0xd6}))
			}
		}
	}
	conn, err := ConnFromDWARF(bytes.NewReader(full))
	qt.Assert(t, qt.IsNil(err))
	conn.Source = knownConn.Source
	qt.Check(t, qt.Equals(conn, knownConn))

	q, err := Inspect(bytes.NewReader(stripped), int64(len(stripped)))
	qt.Assert(t, qt.IsNil(err))
	if minor < 18 && mode == "pie" {
		return // names, but addresses only once it runs
	}
	for _, name := range Names() {
		f, g := p.Functions[name], q.Functions[name]
		qt.Check(t, qt.Equals(g.Table, ".gopclntab"))
		g.Table, g.Size = f.Table, f.Size // the table of Go counts what fills up to the next function
		qt.Check(t, qt.DeepEquals(g, f), qt.Commentf("%s", name))
	}
	_, err = ConnFromDWARF(bytes.NewReader(stripped))
	qt.Check(t, qt.ErrorIs(err, errNoDWARF))
}

// TestRefused: what is no Go program with TLS is none, with a reason.
func TestRefused(t *testing.T) {
	_, err := Inspect(strings.NewReader("#!/bin/sh\necho a script, of more than a few bytes\n"), 47)
	qt.Check(t, qt.ErrorMatches(err, "not a 64-bit ELF file"))
	if b, err := os.ReadFile("/bin/sh"); err == nil {
		_, err := Inspect(bytes.NewReader(b), int64(len(b)))
		qt.Check(t, qt.ErrorMatches(err, "read build information: .*"))
	}
	if path, err := exec.LookPath("go"); err == nil {
		b, err := os.ReadFile(path)
		qt.Assert(t, qt.IsNil(err))
		// Its code is damaged where Read begins.
		p, err := Inspect(bytes.NewReader(b), int64(len(b)))
		qt.Assert(t, qt.IsNil(err))
		clear(b[p.Functions[Read].Offset:][:64])
		p, err = Inspect(bytes.NewReader(b), int64(len(b)))
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.IsNotNil(p.Missing[Read]))
		qt.Check(t, qt.IsNil(p.Missing[Write]))
	}
	qt.Check(t, qt.IsFalse(errors.Is(err, ErrNoTLS)))
}

func TestMinor(t *testing.T) {
	for version, want := range map[string]int{"go1.26.8": 26, "go1.17": 17, "go1.26rc1 X:exp": 26, "devel go1.27-abc": 27, "devel +abc": -1, "": -1, "go1.": -1} {
		got, ok := Minor(version)
		if !ok {
			got = -1
		}
		qt.Check(t, qt.Equals(got, want), qt.Commentf("%q", version))
	}
}

// FuzzInspect: damaged files do no harm. The first bytes of the input are written over those of a real program, at
// places that the rest of it chooses.
func FuzzInspect(f *testing.F) {
	good, err := os.ReadFile("/proc/self/exe")
	qt.Assert(f, qt.IsNil(err))
	f.Add([]byte{1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0x20, 0, 0, 0, 0, 0, 0, 0, 0x28, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, edits []byte) {
		b := patched{good, nil}
		for len(edits) >= 8 && len(b.edits) < 32 {
			at := int64(edits[0]) | int64(edits[1])<<8 | int64(edits[2])<<16
			if edits[3]&1 != 0 { // section headers are at the end
				at = int64(len(good)) - at
			}
			b.edits = append(b.edits, edit{at, [4]byte(edits[4:8])})
			edits = edits[8:]
		}
		start := time.Now()
		Inspect(b, int64(len(good)))
		qt.Assert(t, qt.IsTrue(time.Since(start) < 10*time.Second))
	})
}

// patched is a file with a few bytes changed.
type patched struct {
	file  []byte
	edits []edit
}

type edit struct {
	at    int64
	bytes [4]byte
}

func (p patched) ReadAt(b []byte, at int64) (int, error) {
	n, err := bytes.NewReader(p.file).ReadAt(b, at)
	for _, e := range p.edits {
		for i, c := range e.bytes {
			if k := e.at + int64(i) - at; k >= 0 && k < int64(n) {
				b[k] = c
			}
		}
	}
	return n, err
}
