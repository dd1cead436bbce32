package slimbtf

import (
	"bytes"
	"os"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"
)

// sample is a small kernel: nested, anonymous, qualified and pointed-at types,
// among others that nobody asks for.
func sample(t testing.TB) []byte {
	t.Helper()
	long := &btf.Int{Name: "long", Size: 8, Encoding: btf.Signed}
	inner := &btf.Struct{Name: "inner", Size: 16, Members: []btf.Member{
		{Name: "unused", Type: long}, {Name: "depth", Type: long, Offset: 64},
	}}
	other := &btf.Struct{Name: "other", Size: 8, Members: []btf.Member{{Name: "depth", Type: long}}}
	anonymous := &btf.Union{Size: 8, Members: []btf.Member{
		{Name: "hidden", Type: long}, {Name: "shown", Type: &btf.Const{Type: long}},
	}}
	outer := &btf.Struct{Name: "outer", Size: 72, Members: []btf.Member{
		{Name: "noise", Type: &btf.Pointer{Target: other}},
		{Name: "next", Type: &btf.Pointer{Target: other}, Offset: 64},
		{Name: "part", Type: &btf.Typedef{Name: "inner_t", Type: inner}, Offset: 128},
		{Name: "", Type: anonymous, Offset: 256},
		{Name: "list", Type: &btf.Array{Index: long, Type: &btf.Volatile{Type: long}, Nelems: 3}, Offset: 320},
		{Name: "bits", Type: long, Offset: 515, BitfieldSize: 5},
	}}
	var filler []btf.Type
	for range 200 {
		filler = append(filler, &btf.Struct{Name: "filler", Size: 8, Members: []btf.Member{{Name: "noise", Type: long}}})
	}
	types := append(filler[:100:100], outer, &btf.Enum{Name: "ids", Size: 4, Values: []btf.EnumValue{
		{Name: "FIRST", Value: 3}, {Name: "SECOND", Value: 7},
	}}, &btf.Func{Name: "run", Type: &btf.FuncProto{Return: long, Params: []btf.FuncParam{
		{Name: "outer", Type: &btf.Const{Type: &btf.Pointer{Target: &btf.Const{Type: outer}}}},
		{Name: "vague", Type: &btf.Pointer{Target: &btf.Const{Type: &btf.Fwd{Name: "unknown", Kind: btf.FwdStruct}}}},
		{Name: "n", Type: long}, {Name: "any", Type: &btf.Pointer{Target: &btf.Void{}}},
	}}}, &btf.Func{Name: "twice", Type: &btf.FuncProto{Return: long}}, &btf.Func{Name: "twice", Type: &btf.FuncProto{Return: &btf.Void{}, Params: []btf.FuncParam{{Name: "n", Type: long}}}},
		&btf.Typedef{Name: "btf_trace_tick", Type: &btf.Pointer{Target: &btf.FuncProto{Return: long}}})
	b, err := btf.NewBuilder(append(types, filler[100:]...), nil)
	qt.Assert(t, qt.IsNil(err))
	raw, err := b.Marshal(nil, nil)
	qt.Assert(t, qt.IsNil(err))
	return raw
}

func TestExtract(t *testing.T) {
	types, err := Extract(bytes.NewReader(sample(t)), []string{
		"outer", "next", "part", "depth", "shown", "list", "bits", "ids", "SECOND", "btf_trace_tick", "missing",
	}, nil)
	qt.Assert(t, qt.IsNil(err))
	spec := types.Spec

	var outer *btf.Struct
	qt.Assert(t, qt.IsNil(spec.TypeByName("outer", &outer)))
	qt.Check(t, qt.Equals(outer.Size, 72))
	var names []string
	for _, m := range outer.Members {
		names = append(names, m.Name)
	}
	qt.Assert(t, qt.DeepEquals(names, []string{"next", "part", "", "list", "bits"}))
	qt.Check(t, qt.Equals(outer.Members[0].Offset, 64))
	inner, ok := btf.UnderlyingType(outer.Members[1].Type).(*btf.Struct)
	qt.Assert(t, qt.IsTrue(ok))
	qt.Check(t, qt.Equals(inner.Size, 16))
	qt.Assert(t, qt.HasLen(inner.Members, 1))
	qt.Check(t, qt.Equals(inner.Members[0].Offset, 64))
	union, ok := outer.Members[2].Type.(*btf.Union)
	qt.Assert(t, qt.IsTrue(ok))
	qt.Assert(t, qt.HasLen(union.Members, 1))
	qt.Check(t, qt.Equals(union.Members[0].Name, "shown"))
	list, ok := outer.Members[3].Type.(*btf.Array)
	qt.Assert(t, qt.IsTrue(ok))
	qt.Check(t, qt.Equals(list.Nelems, 3))
	qt.Check(t, qt.Equals(outer.Members[4].Offset, 515))
	qt.Check(t, qt.Equals(outer.Members[4].BitfieldSize, 5))

	var ids *btf.Enum
	qt.Assert(t, qt.IsNil(spec.TypeByName("ids", &ids)))
	qt.Check(t, qt.DeepEquals(ids.Values, []btf.EnumValue{{Name: "SECOND", Value: 7}}))
	var tick *btf.Typedef
	qt.Check(t, qt.IsNil(spec.TypeByName("btf_trace_tick", &tick)))
	for _, absent := range []string{"other", "filler", "missing", "inner"} {
		_, err := spec.AnyTypeByName(absent)
		qt.Check(t, qt.ErrorIs(err, btf.ErrNotFound), qt.Commentf("%s", absent))
	}
}

// TestFunctions: functions are found by name, and nothing else is; from a part
// the same comes out as from the whole.
func TestFunctions(t *testing.T) {
	raw := sample(t)
	names := []string{"run", "twice", "outer", "none"}
	types, err := Extract(bytes.NewReader(raw), []string{"outer", "next"}, names)
	qt.Assert(t, qt.IsNil(err))
	whole, err := btf.LoadSpecFromReader(bytes.NewReader(raw))
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(types.Functions, len(names)))
	for _, name := range names {
		qt.Check(t, qt.DeepEquals(types.Functions[name], FunctionsOf(whole, name)), qt.Commentf("%s", name))
	}
	run := types.Functions["run"]
	qt.Assert(t, qt.HasLen(run, 1))
	qt.Check(t, qt.DeepEquals(run[0].Params, []Param{{Name: "outer"}, {Name: "vague", Undefined: "unknown"}, {Name: "n"}, {Name: "any"}}))
	qt.Check(t, qt.HasLen(types.Functions["twice"], 2))
	qt.Check(t, qt.HasLen(types.Functions["outer"], 0))
	var outer *btf.Struct
	qt.Check(t, qt.IsNil(types.Spec.TypeByName("outer", &outer)))
}

// TestFunctionsKernel asks a real kernel.
func TestFunctionsKernel(t *testing.T) {
	file, err := os.Open("/sys/kernel/btf/vmlinux")
	if err != nil {
		t.Skipf("this kernel shows no type information: %v", err)
	}
	defer file.Close()
	whole, err := btf.LoadKernelSpec()
	qt.Assert(t, qt.IsNil(err))
	names := []string{"vfs_read", "cap_capable", "inet_bind", "tcp_v4_connect", "no_such_function"}
	types, err := Extract(file, []string{"task_struct", "pid"}, names)
	qt.Assert(t, qt.IsNil(err))
	for _, name := range names {
		qt.Check(t, qt.DeepEquals(types.Functions[name], FunctionsOf(whole, name)), qt.Commentf("%s", name))
	}
	qt.Check(t, qt.HasLen(types.Functions["vfs_read"], 1))
}

// What is extracted from a real kernel says the same as the whole of it.
func TestExtractKernel(t *testing.T) {
	file, err := os.Open("/sys/kernel/btf/vmlinux")
	if err != nil {
		t.Skipf("this kernel shows no type information: %v", err)
	}
	defer file.Close()
	whole, err := btf.LoadKernelSpec()
	qt.Assert(t, qt.IsNil(err))
	fields := map[string][]string{
		"task_struct":  {"pid", "tgid", "comm", "mm", "cred", "loginuid", "sessionid"},
		"mm_struct":    {"arg_start", "arg_end"},
		"mount":        {"mnt", "mnt_parent", "mnt_mountpoint"},
		"linux_binprm": {"argc", "filename", "interp", "file"},
		"inode":        {"i_sb", "i_ino"},
	}
	var names []string
	for s, list := range fields {
		names = append(append(names, s), list...)
	}
	types, err := Extract(file, names, nil)
	qt.Assert(t, qt.IsNil(err))
	slim := types.Spec
	for s, list := range fields {
		want, got := flatten(t, whole, s), flatten(t, slim, s)
		qt.Check(t, qt.Equals(got["sizeof"], want["sizeof"]), qt.Commentf("%s", s))
		for _, f := range list {
			offset, ok := got[f]
			qt.Check(t, qt.IsTrue(ok), qt.Commentf("%s.%s", s, f))
			qt.Check(t, qt.Equals(offset, want[f]), qt.Commentf("%s.%s", s, f))
		}
	}
}

// flatten returns the bit offsets of a struct's fields, those of anonymous
// parts included.
func flatten(t *testing.T, spec *btf.Spec, name string) map[string]btf.Bits {
	t.Helper()
	var s *btf.Struct
	qt.Assert(t, qt.IsNil(spec.TypeByName(name, &s)))
	out := map[string]btf.Bits{"sizeof": btf.Bits(s.Size) * 8}
	var walk func([]btf.Member, btf.Bits)
	walk = func(members []btf.Member, base btf.Bits) {
		for _, m := range members {
			switch part := m.Type.(type) {
			case *btf.Struct:
				if m.Name == "" {
					walk(part.Members, base+m.Offset)
				}
			case *btf.Union:
				if m.Name == "" {
					walk(part.Members, base+m.Offset)
				}
			}
			out[m.Name] = base + m.Offset
		}
	}
	walk(s.Members, 0)
	return out
}

func FuzzExtract(f *testing.F) {
	f.Add(sample(f))
	f.Add([]byte{0x9f, 0xeb, 1, 0, 24, 0, 0, 0})
	f.Fuzz(func(_ *testing.T, raw []byte) {
		Extract(bytes.NewReader(raw), []string{"outer", "next", "part", "depth", "shown", "list", "bits", "ids", "SECOND"}, []string{"run", "tick"})
	})
}
