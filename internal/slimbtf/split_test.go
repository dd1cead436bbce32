package slimbtf

import (
	"bytes"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/slimbtf/btftest"
)

// split has a kernel with a struct and a function, and a module with a function of
// the same name, one of its own, and a struct that has the kernel's.
func split(t testing.TB) (kernel, module *File) {
	t.Helper()
	integer := &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	skb := &btf.Struct{Name: "skb", Size: 4, Members: []btf.Member{{Name: "len", Type: integer}}}
	veth := &btf.Struct{Name: "veth", Size: 8, Members: []btf.Member{{Name: "skb", Type: skb}, {Name: "len", Type: integer, Offset: 32}}}
	toSKB, toVeth := &btf.Pointer{Target: skb}, &btf.Pointer{Target: veth}
	takesSKB := &btf.FuncProto{Return: integer, Params: []btf.FuncParam{{Name: "skb", Type: toSKB}}}
	takesVeth := &btf.FuncProto{Return: integer, Params: []btf.FuncParam{{Name: "veth", Type: toVeth}}}
	base, own := btftest.Split(t,
		[]btf.Type{integer, skb, toSKB, takesSKB, &btf.Func{Name: "send", Type: takesSKB, Linkage: btf.StaticFunc}},
		[]btf.Type{veth, toVeth, takesVeth, &btf.Func{Name: "send", Type: takesVeth, Linkage: btf.StaticFunc},
			&btf.Func{Name: "veth_xmit", Type: takesSKB, Linkage: btf.StaticFunc}})
	kernel, err := Load(bytes.NewReader(base))
	qt.Assert(t, qt.IsNil(err))
	module, err = LoadModule(bytes.NewReader(own), kernel)
	qt.Assert(t, qt.IsNil(err))
	return kernel, module
}

// TestModule finds its own types before the kernel's, and those by the kernel's ids.
func TestModule(t *testing.T) {
	kernel, module := split(t)
	qt.Check(t, qt.Equals(kernel.First(), 1))
	qt.Check(t, qt.Equals(int(module.First()), kernel.Len()+1))
	qt.Check(t, qt.IsTrue(module.Len() > kernel.Len()))

	sends := module.Named("send")
	qt.Assert(t, qt.HasLen(sends, 2))
	qt.Check(t, qt.IsTrue(sends[0] >= module.First() && sends[1] < module.First()))
	qt.Check(t, qt.DeepEquals(sends[1:], kernel.Named("send")))
	qt.Check(t, qt.DeepEquals(module.Named("skb"), kernel.Named("skb")))

	// "veth" is the first string that is the module's, and has nothing before it.
	ids := module.Named("veth")
	qt.Assert(t, qt.HasLen(ids, 1))
	veth := module.Type(ids[0])
	qt.Check(t, qt.Equals(veth.Kind, Struct))
	qt.Check(t, qt.Equals(module.KindOf(ids[0]), Struct))
	qt.Check(t, qt.Equals(veth.Name, "veth"))
	members := veth.Members()
	qt.Assert(t, qt.HasLen(members, 2))
	qt.Check(t, qt.Equals(members[0].Name, "skb")) // a string of the kernel's
	skb := module.Type(members[0].Type)
	qt.Check(t, qt.Equals(skb.Name, "skb"))
	qt.Check(t, qt.Equals(skb.Members()[0].Name, "len"))
	qt.Check(t, qt.Equals(module.KindOf(members[0].Type), Struct))

	fns := module.Functions("send")
	qt.Assert(t, qt.HasLen(fns, 1)) // its own
	qt.Check(t, qt.Equals(fns[0].Params[0].Name, "veth"))
	qt.Check(t, qt.HasLen(module.Functions("veth_xmit"), 1))
	qt.Check(t, qt.Equals(kernel.Functions("send")[0].Params[0].Name, "skb"))
	qt.Check(t, qt.HasLen(kernel.Functions("veth_xmit"), 0))

	qt.Check(t, qt.Equals(module.Type(btf.TypeID(module.Len()+1)).Kind, Void))
	qt.Check(t, qt.Equals(module.Type(0).Kind, Void))
	qt.Check(t, qt.HasLen(module.Named("eth"), 0)) // the end of another name
	qt.Check(t, qt.HasLen(module.Named(""), 0))
}
