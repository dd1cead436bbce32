package uprobe

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/symbol"
)

// TestOnce: a file is looked into once, by whatever name and by whichever process it comes,
// and however that ended; a file of another content is another one.
func TestOnce(t *testing.T) {
	dir := t.TempDir()
	a, b, c := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")
	qt.Assert(t, qt.IsNil(os.WriteFile(a, []byte("one"), 0o644)))
	qt.Assert(t, qt.IsNil(os.Link(a, b)))
	qt.Assert(t, qt.IsNil(os.WriteFile(c, []byte("other"), 0o644)))
	var files Files
	var sizes []int64
	broken := errors.New("broken")
	look := func(f *os.File, size int64) error {
		sizes = append(sizes, size)
		return broken
	}
	const nobody = 1 << 30 // no process has this number: the path is ours then
	qt.Check(t, qt.ErrorIs(files.Once(symbol.In(0, a), look), broken))
	qt.Check(t, qt.IsNil(files.Once(symbol.In(0, a), look)))
	qt.Check(t, qt.IsNil(files.Once(symbol.In(0, b), look)))
	qt.Check(t, qt.ErrorIs(files.Once(symbol.In(nobody, c), look), broken))
	qt.Check(t, qt.ErrorIs(files.Once(symbol.In(0, filepath.Join(dir, "none")), look), os.ErrNotExist))
	qt.Check(t, qt.DeepEquals(sizes, []int64{3, 5}))
}

// TestOfProcess: the program of a process is told from its libraries, and what is not wanted
// does not come.
func TestOfProcess(t *testing.T) {
	self, err := os.Executable()
	qt.Assert(t, qt.IsNil(err))
	var got []string
	found := func(m symbol.Mapped, pid uint32) {
		qt.Check(t, qt.Equals(pid, uint32(os.Getpid())))
		got = append(got, m.Path)
	}
	OfProcess(uint32(os.Getpid()), func(_ string, program bool) bool { return program }, found)
	qt.Check(t, qt.DeepEquals(got, []string{self}))
	OfProcess(uint32(os.Getpid()), func(string, bool) bool { return false }, found)
	OfProcess(1<<30, func(string, bool) bool { return true }, found)
	OfProcesses(func(path string, _ bool) bool { return path == self }, found)
	qt.Check(t, qt.HasLen(got, 1))
}

// TestSetCookie: where a program asks for its cookie it gets the one that was written, and
// no other call is touched.
func TestSetCookie(t *testing.T) {
	spec := &ebpf.ProgramSpec{Instructions: asm.Instructions{
		asm.FnKtimeGetNs.Call(), asm.FnGetAttachCookie.Call(), asm.Return(),
	}}
	SetCookie(spec, 1<<30)
	qt.Check(t, qt.IsTrue(spec.Instructions[0].IsBuiltinCall()))
	qt.Check(t, qt.Equals(spec.Instructions[1].OpCode, asm.Mov.Imm(asm.R0, 0).OpCode))
	qt.Check(t, qt.Equals(spec.Instructions[1].Constant, 1<<30))
}
