package symbol

import (
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestIsLibrary(t *testing.T) {
	for file, want := range map[string]bool{
		"libc.so.6": true, "libc.so": true, "libc-2.31.so": true, "libc.musl-x86_64.so.1": true,
		"libc-client.so.2": false, "libcrypt.so.1": false, "libpython3.so": false, "libc.1.so": false, "libc-x.so": false, "libc-2.so.1": true, "libc.sox": false, "libc": false, "libc.a": false, "libc-": false, "c.so": false,
	} {
		qt.Check(t, qt.Equals(isLibrary(file, "c"), want), qt.Commentf("%s", file))
	}
	qt.Check(t, qt.IsFalse(isLibrary("libpython3.11.so.1.0", "python3"))) // which is an executable
	qt.Check(t, qt.IsTrue(isLibrary("libpython3.11.so.1.0", "python3.11")))
}

// libc is the C library of this machine.
func libc(t *testing.T) Mapped {
	t.Helper()
	m, err := FindLibrary(0, "c")
	if err != nil {
		t.Skip("there is no C library here: ", err)
	}
	return m
}

func TestFindLibrary(t *testing.T) {
	m := libc(t)
	qt.Check(t, qt.IsTrue(isLibrary(filepath.Base(m.Path), "c")), qt.Commentf("%s", m.Path))
	same, err := FindLibrary(0, m.Path)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(same.Path, m.Path))
	sh, err := FindLibrary(0, "sh")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(filepath.Base(sh.Path), "sh"))
	// As a process sees it: its program by its name, libraries that it has mapped and others.
	cmd := exec.Command("sleep", "100")
	qt.Assert(t, qt.IsNil(cmd.Start()))
	defer cmd.Process.Kill()
	pid := uint32(cmd.Process.Pid)
	for _, name := range []string{filepath.Base(m.Path), m.Path, "c", "sh", "sleep"} {
		found, err := FindLibrary(pid, name)
		qt.Check(t, qt.IsNil(err), qt.Commentf("%s", name))
		qt.Check(t, qt.IsTrue(found.exists()))
	}
	for _, of := range []uint32{0, pid} {
		for _, name := range []string{"", "nosuchlibrary", "..", "/nosuch/lib.so", strings.Repeat("x", 300)} {
			_, err := FindLibrary(of, name)
			qt.Check(t, qt.IsNotNil(err), qt.Commentf("%q", name))
		}
	}
}

// TestFindWithoutCache looks into directories, where a script of the linker is no library.
func TestFindWithoutCache(t *testing.T) {
	dir := t.TempDir()
	old := libraryDirs
	defer func() { libraryDirs = old }()
	libraryDirs = []string{"/nosuch", dir}
	data, err := os.ReadFile("/proc/self/exe")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, "libzzz.so"), []byte("GROUP ( libzzz.so.1 )"), 0o600)))
	_, err = FindLibrary(0, "zzz")
	qt.Check(t, qt.ErrorMatches(err, `find library or executable "zzz": not in .*`))
	qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, "libzzz.so.1"), data, 0o600)))
	for _, of := range []uint32{0, self} {
		m, err := FindLibrary(of, "zzz")
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(m.Path, filepath.Join(dir, "libzzz.so.1")))
	}
}

// TestPathIsNotHere: as root, nothing of the working directory is taken for a command.
func TestPathIsNotHere(t *testing.T) {
	t.Chdir(t.TempDir())
	data, err := os.ReadFile("/proc/self/exe")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(os.WriteFile("mine", data, 0o700)))
	t.Setenv("PATH", ".::"+os.Getenv("PATH"))
	_, err = FindLibrary(0, "mine")
	qt.Check(t, qt.IsNotNil(err))
	_, err = FindLibrary(self, "./mine")
	qt.Check(t, qt.IsNil(err))
}

// cacheFile is a file of one entry for each kind of flags.
func cacheFile(old bool) []byte {
	var b []byte
	if old {
		b = append([]byte("ld.so-1.7.0\x00"), make([]byte, 20)...)
	}
	b = append(b, cacheMagic...)
	b = binary.LittleEndian.AppendUint32(b, 3)
	b = append(b, make([]byte, cacheHeader-len(cacheMagic)-4)...)
	strings := uint32(cacheHeader + 3*cacheEntry)
	native := uint32(cacheELF | cacheAMD64)
	if runtime.GOARCH == "arm64" {
		native = cacheELF | cacheARM64
	}
	for _, e := range []struct {
		flags uint32
		hwcap uint64
	}{{cacheELF, 0}, {native, 1 << 62}, {native, 0}} {
		for _, n := range []uint32{e.flags, strings, strings + 10, 0} {
			b = binary.LittleEndian.AppendUint32(b, n)
		}
		b = binary.LittleEndian.AppendUint64(b, e.hwcap)
	}
	return append(b, "libc.so.6\x00/lib/libc.so.6\x00"...)
}

func TestCache(t *testing.T) {
	for _, old := range []bool{false, true} {
		got, err := parseCache(cacheFile(old))
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.IsTrue(slices.Equal(got, []cacheLibrary{{"libc.so.6", "/lib/libc.so.6", true}, {"libc.so.6", "/lib/libc.so.6", false}})))
	}
	if b, err := os.ReadFile("/etc/ld.so.cache"); err == nil {
		got, err := parseCache(b)
		qt.Check(t, qt.IsNil(err))
		qt.Check(t, qt.IsTrue(len(got) > 5))
	}
}

func FuzzCache(f *testing.F) {
	f.Add(cacheFile(false))
	f.Add(cacheFile(true))
	f.Fuzz(func(t *testing.T, b []byte) {
		libs, err := parseCache(b)
		qt.Check(t, qt.IsTrue(err == nil || libs == nil))
	})
}

func TestFunctions(t *testing.T) {
	m := libc(t)
	only := func(name string) []Function {
		all, err := m.Function(name)
		qt.Assert(t, qt.IsNil(err))
		return all
	}
	malloc := only("malloc")
	qt.Assert(t, qt.Equals(len(malloc), 1))
	qt.Check(t, qt.IsFalse(malloc[0].Indirect || malloc[0].Hidden))
	qt.Check(t, qt.IsTrue(malloc[0].Size > 0))
	strlen := only("strlen")
	qt.Assert(t, qt.IsTrue(len(strlen) > 0))
	if runtime.GOARCH == "amd64" && strings.HasPrefix(malloc[0].Version, "GLIBC_") {
		qt.Check(t, qt.IsTrue(strlen[0].Indirect))
		memcpy := only("memcpy")
		qt.Assert(t, qt.Equals(len(memcpy), 2))
		qt.Check(t, qt.Equals(memcpy[0].Version, "GLIBC_2.14"))
		qt.Check(t, qt.IsTrue(memcpy[1].Hidden))
		old := only("memcpy@GLIBC_2.2.5")
		qt.Assert(t, qt.Equals(len(old), 1))
		qt.Check(t, qt.Equals(old[0].Offset, memcpy[1].Offset))
		qt.Check(t, qt.Equals(len(only("memcpy@@GLIBC_2.14")), 1))
		qt.Check(t, qt.Equals(len(only("memcpy@NOSUCH")), 0))
	}
	qt.Check(t, qt.Equals(len(only("nosuch")), 0))
	all, err := m.Functions(func(name []byte) bool { return strings.HasPrefix(string(name), "pthread_mutex_") })
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsTrue(len(all) > 5))
}

// TestOwnFunctions: this very program was linked without symbols, but Go has its own.
func TestOwnFunctions(t *testing.T) {
	exe, err := os.Executable()
	qt.Assert(t, qt.IsNil(err))
	name := runtime.FuncForPC(uintptr(entry(landmark))).Name()
	found, err := In(0, exe).Function(name)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(len(found), 1))
	qt.Check(t, qt.Equals(found[0].Address, entry(landmark)))
	f, err := os.Open(exe)
	qt.Assert(t, qt.IsNil(err))
	defer f.Close()
	e, err := NewELF(f)
	qt.Assert(t, qt.IsNil(err))
	text := e.SectionNamed(".text")
	qt.Check(t, qt.Equals(found[0].Offset, text.Offset+entry(landmark)-text.Addr))
}

func TestRuns(t *testing.T) {
	narrow := write(t, "narrow", sample{narrow: true, dynsym: []sampleSymbol{function("f", 0, 4)}}.build())
	_, err := In(0, narrow).Function("f")
	qt.Check(t, qt.ErrorMatches(err, "list functions of .*/narrow: .*"))
	text := write(t, "text", []byte("#!/bin/sh\nexit 0\n                                                  "))
	_, err = In(0, text).Function("f")
	qt.Check(t, qt.ErrorMatches(err, "list functions of .*/text: read ELF headers: .*"))
}

// FuzzFunctions: whatever a file says, its symbols, versions and sections are read or not.
func FuzzFunctions(f *testing.F) {
	b := sample{id: make([]byte, 20), symtab: []sampleSymbol{function("f@@V", 0, 4)}, dynsym: []sampleSymbol{function("g", 4, 4)}}.build()
	for at := 0; at < len(b); at += 31 {
		f.Add(b, at, byte(0xff))
	}
	f.Fuzz(func(t *testing.T, b []byte, at int, x byte) {
		if at >= 0 && at < len(b) {
			b = append([]byte(nil), b...)
			b[at] ^= x
		}
		e, err := NewELF(strings.NewReader(string(b)))
		if err != nil {
			return
		}
		var out []Function
		e.functions(e, "", func([]byte) bool { return true }, &out)
		e.BuildID()
		e.debugLink()
		e.versions()
		for _, s := range e.Sections {
			e.data(s, 1<<16)
		}
	})
}

// TestBudget: a table as large as a file that is larger than memory is not read.
func TestBudget(t *testing.T) {
	b := &budget{file: strings.NewReader("0123456789")}
	b.Allow(5)
	_, err := io.ReadFull(io.NewSectionReader(b, 0, 5), make([]byte, 5))
	qt.Check(t, qt.IsNil(err))
	_, err = b.ReadAt(make([]byte, 1), 0)
	qt.Check(t, qt.ErrorIs(err, errTooMuch))
}
