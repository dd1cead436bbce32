package probe

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/slimbtf/btftest"
	"github.com/ringside-tools/ringside/tools/argdist/check"
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/spec"
)

// withModules is a machine with a kernel that can send, and three modules: veth with
// type information, nft and old without. The symbols are as the kernel lists them.
func withModules(t *testing.T) *Host {
	t.Helper()
	integer := &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}
	skb := &btf.Struct{Name: "skb", Size: 4, Members: []btf.Member{{Name: "len", Type: integer}}}
	toSKB := &btf.Pointer{Target: skb}
	takesSKB := &btf.FuncProto{Return: integer, Params: []btf.FuncParam{{Name: "skb", Type: toSKB}}}
	device := &btf.Struct{Name: "veth", Size: 8, Members: []btf.Member{{Name: "peers", Type: integer, Offset: 32}}}
	toDevice := &btf.Pointer{Target: device}
	takesBoth := &btf.FuncProto{Return: integer, Params: []btf.FuncParam{{Name: "skb", Type: toSKB}, {Name: "dev", Type: toDevice}}}
	vmlinux, veth := btftest.Split(t,
		[]btf.Type{integer, skb, toSKB, takesSKB, &btf.Func{Name: "send", Type: takesSKB, Linkage: btf.StaticFunc}},
		[]btf.Type{device, toDevice, takesBoth, &btf.Func{Name: "veth_xmit", Type: takesBoth, Linkage: btf.StaticFunc}})
	h, dir := NewHost(), t.TempDir()
	t.Cleanup(h.Close)
	h.btfDir, h.kallsyms = dir, filepath.Join(dir, "kallsyms")
	for name, content := range map[string]string{
		"vmlinux": string(vmlinux), "veth": string(veth), "broken": "no BTF", "kallsyms": `ffffffff81000000 T send
ffffffff81000100 t untyped
ffffffff81000200 D veth_data
ffffffffc0000000 t veth_xmit	[veth]
ffffffffc0000050 t veth_late	[veth]
ffffffffc0000080 d nft_table	[nft]
ffffffffc0000100 t nft_do	[nft]
ffffffffc0000110 t twin	[nft]
ffffffffc0000120 t untyped	[nft]
ffffffffc0000200 t twin	[old]
ffffffffc0000300 t bpf_prog_6deef7357e7b4530	[bpf]
`} {
		qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600)))
	}
	return h
}

func found(t *testing.T, h *Host, text string) (*Place, error) {
	t.Helper()
	s, err := spec.Parse(text, check.IsType(h.Names()))
	qt.Assert(t, qt.IsNil(err))
	return h.Find(s, 0, 16)
}

// TestModuleFunction finds what a module has, with its types if there are any.
func TestModuleFunction(t *testing.T) {
	h := withModules(t)
	p, err := found(t, h, "p::veth_xmit()::skb->len,dev->peers,((struct veth *)skb)->peers")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(p.String(), "entry of veth_xmit of the kernel's module veth"))
	qt.Assert(t, qt.IsNotNil(p.Scope.Func))
	qt.Check(t, qt.Equals(p.Scope.Func.String(), "int veth_xmit(struct skb *skb, struct veth *dev)"))
	qt.Check(t, qt.DeepEquals(p.Scope.Slots, []int{0, 1}))
	c, err := check.Check(p.spec, &p.Scope)
	qt.Assert(t, qt.IsNil(err)) // the module's struct, and the kernel's
	qt.Check(t, qt.HasLen(c.Exprs, 3))
	rungs, err := h.rungs(p, Request{})
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(rungs[0].name, "fentry"))

	for _, untyped := range []string{"nft_do", "veth_late"} {
		p, err = found(t, h, "p::"+untyped+"(int a)::a")
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.IsNil(p.Scope.Func))
		rungs, err = h.rungs(p, Request{})
		qt.Assert(t, qt.IsNil(err))
		qt.Assert(t, qt.HasLen(rungs, 1))
		qt.Check(t, qt.Equals(rungs[0].name, "kprobe"))
	}

	// What the kernel has is the kernel's.
	p, err = found(t, h, "p::send()")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(p.String(), "entry of send of the kernel"))
	p, err = found(t, h, "p::untyped()")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(p.String(), "entry of untyped of the kernel"))
	qt.Check(t, qt.IsNil(p.Scope.Func))

	for text, want := range map[string]string{
		"p::twin()":                      "modules nft and old have a function twin each: .*",
		"p::veth_data()":                 "this kernel has no function veth_data",
		"p::nft_table()":                 "this kernel has no function nft_table",
		"p::bpf_prog_6deef7357e7b4530()": "this kernel has no function bpf_prog_6deef7357e7b4530",
	} {
		_, err = found(t, h, text)
		qt.Check(t, qt.ErrorMatches(err, want+"(?s).*"))
	}
}

// TestModuleTypes reads them once, and not for another kernel than this one.
func TestModuleTypes(t *testing.T) {
	h := withModules(t)
	types, err := h.moduleTypes("veth")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(os.Remove(filepath.Join(h.btfDir, "veth"))))
	again, err := h.moduleTypes("veth")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(again, types))
	_, err = h.moduleTypes("broken")
	qt.Check(t, qt.ErrorMatches(err, "read type information of module broken: .*"))
	_, err = h.moduleTypes("nft")
	qt.Check(t, qt.ErrorIs(err, os.ErrNotExist))
	_, err = h.moduleTypes("../" + filepath.Base(h.btfDir) + "/vmlinux/..")
	qt.Check(t, qt.IsNotNil(err))

	other := withModules(t)
	other.BTF = filepath.Join(other.btfDir, "vmlinux")
	_, err = other.moduleTypes("veth")
	qt.Check(t, qt.ErrorMatches(err, "type information of module veth goes with this kernel's own.*"))
	p, err := found(t, other, "p::veth_xmit()")
	qt.Assert(t, qt.IsNil(err)) // by its name
	qt.Check(t, qt.IsNil(p.Scope.Func))
	_, err = other.target(p)
	qt.Check(t, qt.IsNotNil(err))
}

// TestTarget has the ids of types.
func TestTarget(t *testing.T) {
	h := withModules(t)
	p, err := found(t, h, "p::send()")
	qt.Assert(t, qt.IsNil(err))
	to, err := h.target(p)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(to.Function, 5)) // the last of the kernel's five
	qt.Check(t, qt.IsNil(to.Module))
	p, err = found(t, h, "p::veth_xmit()")
	qt.Assert(t, qt.IsNil(err))
	_, err = h.target(p) // of which no kernel that runs has a module
	qt.Check(t, qt.ErrorMatches(err, "open type information of module veth: .*"))
}

// TestListModules has each function with its module.
func TestListModules(t *testing.T) {
	h := withModules(t)
	lines, err := h.ListFunctions("*")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(lines, []string{"int send(struct skb *skb)", "int veth_xmit(struct skb *skb, struct veth *dev) [veth]",
		"nft_do [nft]", "twin [nft]", "untyped [nft]", "twin [old]"}))
	lines, err = h.ListFunctions("*_xmi?")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.HasLen(lines, 1))
	h.btfDir = filepath.Join(h.btfDir, "nothing")
	lines, err = h.listModules(func(name string) bool { return name != "twin" })
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(lines, []string{"veth_xmit [veth]", "veth_late [veth]", "nft_do [nft]", "untyped [nft]"}))
}

// TestModulesHere reads the type information of all modules of this machine.
func TestModulesHere(t *testing.T) {
	h := NewHost()
	defer h.Close()
	entries, _ := os.ReadDir(h.btfDir)
	read := 0
	for _, e := range entries {
		if e.Name() == "vmlinux" {
			continue
		}
		types, err := h.moduleTypes(e.Name())
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", e.Name()))
		for _, f := range types.Functions(func(string) bool { return true }) {
			if fn, err := types.Function(f); err == nil && fn.Result != nil && ctype.Declare(fn.Result, f) != "" {
				read++
			}
		}
	}
	t.Logf("%d functions of %d modules", read, max(0, len(entries)-1))
}
