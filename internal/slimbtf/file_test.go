package slimbtf

import (
	"bytes"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"
)

// sampleFile has a type of each kind that matters.
func sampleFile(t testing.TB) []byte {
	t.Helper()
	integer := &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	boolean := &btf.Int{Name: "_Bool", Size: 1, Encoding: btf.Bool}
	s := &btf.Struct{Name: "s", Size: 16, Members: []btf.Member{
		{Name: "a", Type: integer}, {Name: "bits", Type: integer, Offset: 33, BitfieldSize: 3}, {Name: "list", Type: &btf.Array{Type: boolean, Index: integer, Nelems: 8}, Offset: 64}}}
	var b btf.Builder
	for _, typ := range []btf.Type{
		s, &btf.Typedef{Name: "s_t", Type: &btf.Const{Type: s}},
		&btf.Enum{Name: "e", Size: 4, Signed: true, Values: []btf.EnumValue{{Name: "MINUS", Value: 0xffffffffffffffff}, {Name: "TWO", Value: 2}}},
		&btf.Enum{Name: "e64", Size: 8, Values: []btf.EnumValue{{Name: "BIG", Value: 1 << 40}}},
		&btf.Func{Name: "f", Type: &btf.FuncProto{Return: integer, Params: []btf.FuncParam{
			{Name: "x", Type: &btf.Pointer{Target: s}}, {Name: "y", Type: &btf.Pointer{Target: &btf.Fwd{Name: "hidden", Kind: btf.FwdStruct}}}}}, Linkage: btf.StaticFunc},
	} {
		_, err := b.Add(typ)
		qt.Assert(t, qt.IsNil(err))
	}
	raw, err := b.Marshal(nil, nil)
	qt.Assert(t, qt.IsNil(err))
	return raw
}

func TestFile(t *testing.T) {
	f, err := Load(bytes.NewReader(sampleFile(t)))
	qt.Assert(t, qt.IsNil(err))
	one := func(name string) Type {
		ids := f.Named(name)
		qt.Assert(t, qt.Equals(len(ids), 1), qt.Commentf("%s", name))
		return f.Type(ids[0])
	}
	s := one("s")
	qt.Check(t, qt.Equals(s.Kind, Struct))
	qt.Check(t, qt.Equals(s.Size, 16))
	members := s.Members()
	qt.Assert(t, qt.Equals(len(members), 3))
	qt.Check(t, qt.Equals(members[1], Member{"bits", f.Named("int")[0], 33, 3}))
	qt.Check(t, qt.Equals(members[2].Offset, 64))
	list := f.Type(members[2].Type)
	of, n := list.Elements()
	qt.Check(t, qt.Equals(n, 8))
	boolean := f.Type(of)
	signed, isBool := boolean.Encoding()
	qt.Check(t, qt.IsTrue(isBool && !signed))
	e := one("e")
	qt.Check(t, qt.DeepEquals(e.Values(), []Value{{"MINUS", -1}, {"TWO", 2}}))
	e = one("e64")
	qt.Check(t, qt.DeepEquals(e.Values(), []Value{{"BIG", 1 << 40}}))
	td := one("s_t")
	qt.Check(t, qt.Equals(td.Kind, Typedef))
	qt.Check(t, qt.Equals(f.Type(td.Ref).Kind, Const))
	qt.Check(t, qt.DeepEquals(f.Functions("f"), []Function{{ID: f.Named("f")[0], Params: []Param{{Name: "x"}, {Name: "y", Undefined: "hidden"}}}}))
	qt.Check(t, qt.HasLen(f.Functions("s"), 0))
	qt.Check(t, qt.HasLen(f.Named(""), 0))
	qt.Check(t, qt.HasLen(f.Named("t"), 0)) // the end of s_t
	qt.Check(t, qt.Equals(f.Type(9999).Kind, Void))
}

func FuzzFile(f *testing.F) {
	f.Add(sampleFile(f), uint32(1))
	f.Fuzz(func(t *testing.T, raw []byte, id uint32) {
		file, err := Load(bytes.NewReader(raw))
		if err != nil {
			return
		}
		typ := file.Type(btf.TypeID(id))
		switch typ.Kind {
		case Int:
			typ.Encoding()
		case Array:
			typ.Elements()
		case Struct, Union:
			typ.Members()
		case Proto:
			typ.Params()
		case Enum, Enum64:
			typ.Values()
		}
		file.Functions("f")
	})
}
