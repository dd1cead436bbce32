package debuginfo

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/symbol"
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
)

// The files in testdata were built from types.c and elsewhere.c, by gcc 12 with
// DWARF 4 and 5 and by clang 19 with DWARF 5, which names strings by index:
//
//	-O1 -nostdlib -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables -static \
//		-Wl,-z,max-page-size=4096 -Wl,--build-id
//
// dwz is the first one after "dwz -m shared", which moves what it has in common
// with another program into the file shared.
var files = []string{"gcc4", "gcc5", "clang5", "dwz"}

func open(t testing.TB, path string) *Info {
	t.Helper()
	path, err := filepath.Abs(path)
	qt.Assert(t, qt.IsNil(err))
	i, err := Open(symbol.In(0, path))
	qt.Assert(t, qt.IsNil(err))
	return i
}

// addresses are those of the functions in a file.
func addresses(t testing.TB, path string) map[string]uint64 {
	t.Helper()
	f, err := os.Open(path)
	qt.Assert(t, qt.IsNil(err))
	defer f.Close()
	elf, err := symbol.NewELF(f)
	qt.Assert(t, qt.IsNil(err))
	out := make(map[string]uint64)
	elf.Symbols(func(s symbol.ELFSymbol) bool {
		out[string(s.Name)] = s.Address
		return true
	})
	return out
}

func TestFunction(t *testing.T) {
	for _, name := range files {
		i := open(t, "testdata/"+name)
		addr := addresses(t, "testdata/"+name)
		visit := "int visit(struct node *start, char *name, size_t n, enum wide w, flag_t set, ...)"
		for _, at := range []uint64{0, addr["visit"]} {
			fn, err := i.Function("visit", at)
			qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", name))
			qt.Check(t, qt.Equals(fn.String(), visit))
		}
		fn, err := i.Function("helper", 0)
		qt.Assert(t, qt.IsNil(err))
		port := fn.Params[0]
		qt.Check(t, qt.Equals(port.Name, "port"))
		qt.Check(t, qt.Equals(port.Type.Size(), 2))
		qt.Check(t, qt.IsFalse(ctype.IsSigned(port.Type)))
		qt.Check(t, qt.Equals(fn.Result.String(), "void *"))
		// A name that only the symbol table has.
		fn, err = i.Function("other_name", addr["other_name"])
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(len(fn.Params), 5))
		_, err = i.Function("other_name", 0)
		qt.Check(t, qt.ErrorIs(err, ErrUnknown))
		_, err = i.Function("nosuch", 0x123)
		qt.Check(t, qt.ErrorMatches(err, `function "nosuch": not in the debug information`))
	}
}

func TestStruct(t *testing.T) {
	for _, name := range files {
		i := open(t, "testdata/"+name)
		typ, err := i.Type("struct", "node")
		qt.Assert(t, qt.IsNil(err))
		node := typ.(*ctype.Struct)
		qt.Check(t, qt.Equals(node.Size(), 112))
		got := ""
		for _, m := range node.Members() {
			got += fmt.Sprintf("%d %d %s\n", m.Offset, m.Bits, ctype.Declare(m.Type, m.Name))
		}
		long := "long"
		if name != "clang5" { // gcc has names of its own
			long = "long int"
		}
		qt.Check(t, qt.Equals(got, `0 0 struct node *next
64 0 char *name
128 0 char tag[16]
256 3 unsigned int low
259 5 unsigned int high
264 33 `+long+` far
320 0 struct inner in
384 0 enum color color
448 0 double weight
512 0 int grid[2][3]
704 0 int (*call)(struct node *, size_t)
768 0 struct elsewhere *hidden
832 0 flag_t set
840 0 unsigned char rest[0]
`), qt.Commentf("%s", name))
		in, ok := node.Member("in")
		qt.Assert(t, qt.IsTrue(ok))
		right, ok := in.Type.(*ctype.Struct).Member("right") // of a struct in a union
		qt.Assert(t, qt.IsTrue(ok))
		qt.Check(t, qt.Equals(right.Offset, 48))
		next, _ := node.Member("next")
		qt.Check(t, qt.Equals(next.Type.(*ctype.Pointer).Target.Size(), 112))
		// Another file of the source has what this one declares.
		hidden, _ := node.Member("hidden")
		elsewhere := hidden.Type.(*ctype.Pointer).Target.(*ctype.Struct)
		found, ok := elsewhere.Member("found")
		qt.Check(t, qt.IsTrue(ok))
		qt.Check(t, qt.Equals(found.Type.Size(), 8))
		qt.Check(t, qt.Equals(elsewhere.Size(), 8))
		set, _ := node.Member("set")
		qt.Check(t, qt.IsTrue(ctype.Underlying(set.Type).(*ctype.Int).Bool))
		tag, _ := node.Member("tag")
		qt.Check(t, qt.IsTrue(ctype.IsString(tag.Type)))
	}
}

func TestTypes(t *testing.T) {
	for _, name := range files {
		i := open(t, "testdata/"+name)
		typ, err := i.Type("enum", "wide")
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.DeepEquals(typ, ctype.Type(&ctype.Enum{Name: "wide", Bytes: 4, Signed: true,
			Values: []ctype.EnumValue{{Name: "LOW", Value: -5}, {Name: "HIGH", Value: 5}}})))
		typ, err = i.Type("enum", "color")
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.DeepEquals(typ, ctype.Type(&ctype.Enum{Name: "color", Bytes: 4,
			Values: []ctype.EnumValue{{Name: "RED"}, {Name: "GREEN", Value: 7}, {Name: "BLUE", Value: 8}}})))
		typ, err = i.Type("", "size_t")
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(typ.Size(), 8))
		for _, kind := range []string{"struct", "union", "enum", ""} {
			_, err = i.Type(kind, "visit")
			qt.Check(t, qt.ErrorIs(err, ErrUnknown))
			_, err = i.Type(kind, "")
			qt.Check(t, qt.ErrorIs(err, ErrUnknown))
		}
	}
}

// TestStripped finds what was stripped from a file by its build id or by its name
// and checksum, and nothing that belongs to another file.
func TestStripped(t *testing.T) {
	if _, err := exec.LookPath("objcopy"); err != nil {
		t.Skip("objcopy is not there")
	}
	dir := t.TempDir()
	run := func(args ...string) {
		cmd := exec.Command("objcopy", args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", out))
	}
	whole, err := filepath.Abs("testdata/gcc4")
	qt.Assert(t, qt.IsNil(err))
	for _, remove := range []string{".note.gnu.build-id", ".comment"} {
		run("--remove-section", remove, whole, "plain")
		run("--only-keep-debug", "plain", "plain.debug")
		run("--strip-all", "plain", "stripped")
		exe := symbol.In(0, filepath.Join(dir, "stripped"))
		_, err = Open(exe)
		qt.Check(t, qt.ErrorIs(err, symbol.ErrNoDebug))
		run("--add-gnu-debuglink=plain.debug", "stripped")
		i, err := Open(exe)
		qt.Assert(t, qt.IsNil(err))
		_, err = i.Function("visit", 0)
		qt.Check(t, qt.IsNil(err))
		// That of another build.
		other, err := filepath.Abs("testdata/gcc5")
		qt.Assert(t, qt.IsNil(err))
		run("--remove-section", remove, "--only-keep-debug", other, "plain.debug")
		_, err = Open(exe)
		qt.Check(t, qt.ErrorIs(err, symbol.ErrNoDebug))
	}
}

func TestMissingShared(t *testing.T) {
	b, err := os.ReadFile("testdata/dwz")
	qt.Assert(t, qt.IsNil(err))
	path := filepath.Join(t.TempDir(), "dwz")
	qt.Assert(t, qt.IsNil(os.WriteFile(path, b, 0o644)))
	_, err = Open(symbol.In(0, path))
	qt.Check(t, qt.ErrorMatches(err, "open what debug files share: .*"))
	qt.Check(t, qt.ErrorIs(err, os.ErrNotExist))
}

// FuzzInfo: whatever a file says, it is an answer or an error, and soon.
func FuzzInfo(f *testing.F) {
	for _, name := range files {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, 0, byte(0), "visit")
		for at := 0; at < len(b); at += 37 {
			f.Add(b, at, byte(0x7f), "visit")
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, at int, x byte, name string) {
		if at >= 0 && at < len(b) {
			b = bytes.Clone(b)
			b[at] ^= x
		}
		elf, err := symbol.NewELF(bytes.NewReader(b))
		if err != nil {
			return
		}
		i, err := tryRead(elf)
		if err != nil {
			return
		}
		if fn, err := i.Function(name, 0); err == nil {
			_ = fn.String()
		}
		i.Function(name, 0x401000)
		for kind, name := range map[string]string{"struct": "node", "enum": "wide", "": "size_t"} {
			typ, err := i.Type(kind, name)
			if err != nil {
				continue
			}
			walk(typ, make(map[ctype.Type]bool))
		}
	})
}

func tryRead(f *symbol.ELF) (_ *Info, err error) {
	defer rescue(&err)
	i, err := read(f, "/nowhere/file")
	if errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return i, err
}

// walk asks for all that a type has.
func walk(t ctype.Type, seen map[ctype.Type]bool) {
	_, _ = t.String(), t.Size()
	if seen[t] || len(seen) > 1000 {
		return
	}
	seen[t] = true
	switch t := t.(type) {
	case *ctype.Pointer:
		walk(t.Target, seen)
	case *ctype.Array:
		walk(t.Elem, seen)
	case *ctype.Typedef:
		walk(t.Target, seen)
	case *ctype.Struct:
		for _, m := range t.Members() {
			walk(m.Type, seen)
		}
	}
}
