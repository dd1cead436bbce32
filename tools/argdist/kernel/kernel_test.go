package kernel

import (
	"bytes"
	"slices"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/slimbtf"
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
)

// types makes a small kernel: a struct that points to itself, a bit field, an
// anonymous union, a user pointer, an enumeration, and functions.
func types(t *testing.T) *Types {
	t.Helper()
	char := &btf.Int{Name: "char", Size: 1, Encoding: btf.Signed}
	integer := &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	long := &btf.Int{Name: "long unsigned int", Size: 8}
	size := &btf.Typedef{Name: "size_t", Type: &btf.Const{Type: long}}
	task := &btf.Struct{Name: "task", Size: 32}
	union := &btf.Union{Size: 8, Members: []btf.Member{{Name: "next", Type: &btf.Pointer{Target: task}}, {Name: "raw", Type: long}}}
	task.Members = []btf.Member{
		{Name: "state", Type: integer},
		{Name: "flag", Type: integer, Offset: 33, BitfieldSize: 3},
		{Type: union, Offset: 64},
		{Name: "comm", Type: &btf.Array{Type: char, Index: integer, Nelems: 16}, Offset: 128},
	}
	mode := &btf.Enum{Name: "mode", Size: 4, Signed: true, Values: []btf.EnumValue{{Name: "MODE_NONE", Value: 0xffffffffffffffff}, {Name: "MODE_ALL", Value: 7}}}
	proto := &btf.FuncProto{Return: integer, Params: []btf.FuncParam{
		{Name: "t", Type: &btf.Pointer{Target: task}},
		{Name: "name", Type: &btf.Pointer{Target: &btf.TypeTag{Type: &btf.Const{Type: char}, Value: "user"}}},
		{Name: "n", Type: size}, {Name: "m", Type: mode},
	}}
	twice := &btf.FuncProto{Return: &btf.Void{}, Params: []btf.FuncParam{{Name: "x", Type: integer}}}
	var b btf.Builder
	for _, typ := range []btf.Type{
		task, mode, size,
		&btf.Struct{Name: "holder", Size: 40, Members: []btf.Member{{Name: "within", Type: task, Offset: 64}}},
		&btf.Fwd{Name: "hidden", Kind: btf.FwdStruct},
		&btf.Func{Name: "wake", Type: proto, Linkage: btf.StaticFunc},
		&btf.Func{Name: "twice", Type: twice, Linkage: btf.StaticFunc},
		&btf.Func{Name: "twice", Type: proto, Linkage: btf.StaticFunc},
		&btf.Func{Name: "print", Type: &btf.FuncProto{Return: integer, Params: []btf.FuncParam{{Name: "x", Type: integer}, {Type: &btf.Void{}}}}, Linkage: btf.StaticFunc},
	} {
		_, err := b.Add(typ)
		qt.Assert(t, qt.IsNil(err))
	}
	raw, err := b.Marshal(nil, nil)
	qt.Assert(t, qt.IsNil(err))
	file, err := slimbtf.Load(bytes.NewReader(raw))
	qt.Assert(t, qt.IsNil(err))
	return New(file)
}

func TestTypes(t *testing.T) {
	k := types(t)
	typ, ok := k.Tagged("struct", "task")
	qt.Assert(t, qt.IsTrue(ok))
	task := typ.(*ctype.Struct)
	qt.Check(t, qt.DeepEquals(task.MemberNames(), []string{"state", "flag", "next", "raw", "comm"}))
	next, _ := task.Member("next")
	qt.Check(t, qt.Equals(next.Offset, 64))
	qt.Check(t, qt.Equals[ctype.Type](next.Type.(*ctype.Pointer).Target, task)) // itself
	flag, _ := task.Member("flag")
	qt.Check(t, qt.Equals(flag.Bits, 3))
	comm, _ := task.Member("comm")
	qt.Check(t, qt.IsTrue(ctype.IsString(comm.Type)))

	typ, ok = k.Named("size_t")
	qt.Assert(t, qt.IsTrue(ok))
	qt.Check(t, qt.Equals(ctype.Underlying(typ).String(), "unsigned long"))
	_, ok = k.Named("task")
	qt.Check(t, qt.IsFalse(ok)) // that takes "struct"
	_, ok = k.Tagged("union", "task")
	qt.Check(t, qt.IsFalse(ok))
	typ, ok = k.Tagged("struct", "hidden")
	qt.Assert(t, qt.IsTrue(ok))
	qt.Check(t, qt.IsTrue(typ.(*ctype.Struct).Incomplete))
}

func TestFunctions(t *testing.T) {
	k := types(t)
	fn, err := k.Function("wake")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(fn.String(), "int wake(struct task *t, char __user *name, size_t n, enum mode m)"))
	fn, err = k.Function("print")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(fn.String(), "int print(int x, ...)"))
	_, err = k.Function("twice")
	qt.Check(t, qt.ErrorMatches(err, "the kernel has twice twice.*"))
	_, err = k.FunctionID("twice")
	qt.Check(t, qt.ErrorMatches(err, "the kernel's type information has twice 2 times"))
	id, err := k.FunctionID("wake")
	qt.Check(t, qt.IsTrue(err == nil && id > 0))
	_, err = k.Function("task")
	qt.Check(t, qt.ErrorIs(err, ErrUnknown))
	got := k.Functions(func(name string) bool { return name != "twice" })
	slices.Sort(got)
	qt.Check(t, qt.DeepEquals(got, []string{"print", "wake"}))
}

// TestOffsets goes from struct to struct by pointers.
func TestOffsets(t *testing.T) {
	k := types(t)
	got, err := k.Offsets("task", "next", "next", "comm")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(got, []int{8, 8, 16}))
	got, err = k.Offsets("holder", "within.state", "x")
	qt.Check(t, qt.ErrorMatches(err, "within.state is no pointer: .*"))
	qt.Check(t, qt.HasLen(got, 0))
	got, err = k.Offsets("holder", "within.next", "state")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(got, []int{8 + 8, 0}))
	for _, wrong := range [][]string{{"nothing", "x"}, {"task", "x"}, {"task", "next", "x"}, {"task", "state.x"}, {"hidden", "x"}} {
		_, err = k.Offsets(wrong[0], wrong[1:]...)
		qt.Check(t, qt.ErrorIs(err, ErrUnknown), qt.Commentf("%q", wrong))
	}
}

func TestConstants(t *testing.T) {
	k := types(t)
	v, typ, ok := k.Constant("MODE_NONE")
	qt.Assert(t, qt.IsTrue(ok))
	qt.Check(t, qt.Equals(v, -1))
	qt.Check(t, qt.Equals(typ.String(), "enum mode"))
	_, _, ok = k.Constant("MODE_SOME")
	qt.Check(t, qt.IsFalse(ok))
}
