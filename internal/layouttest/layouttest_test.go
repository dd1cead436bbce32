package layouttest

import (
	"structs"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"
)

// types has struct pair { u64 time_ns; struct inner { s32 ret; u16 len; } inner; char comm[4]; u32 id; }.
func types(t *testing.T) *btf.Spec {
	t.Helper()
	u64 := &btf.Int{Name: "unsigned long long", Size: 8}
	s32 := &btf.Typedef{Name: "s32", Type: &btf.Int{Name: "int", Size: 4, Encoding: btf.Signed}}
	u32 := &btf.Const{Type: &btf.Int{Name: "unsigned int", Size: 4}}
	u16 := &btf.Int{Name: "unsigned short", Size: 2}
	char := &btf.Int{Name: "char", Size: 1, Encoding: btf.Signed}
	inner := &btf.Struct{Name: "inner", Size: 8, Members: []btf.Member{{Name: "ret", Type: s32}, {Name: "len", Type: u16, Offset: 32}}}
	comm := &btf.Array{Index: s32, Type: char, Nelems: 4}
	b, err := btf.NewBuilder([]btf.Type{
		&btf.Struct{Name: "pair", Size: 24, Members: []btf.Member{
			{Name: "time_ns", Type: u64}, {Name: "inner", Type: inner, Offset: 64}, {Name: "comm", Type: comm, Offset: 128}, {Name: "id", Type: u32, Offset: 160},
		}},
		&btf.Struct{Name: "bits", Size: 4, Members: []btf.Member{{Name: "b", Type: u32, BitfieldSize: 3}}},
		&btf.Struct{Name: "pointer", Size: 8, Members: []btf.Member{{Name: "p", Type: &btf.Pointer{Target: char}}}},
	}, nil)
	qt.Assert(t, qt.IsNil(err))
	spec, err := b.Spec()
	qt.Assert(t, qt.IsNil(err))
	return spec
}

type inner struct {
	Ret int32
	Len uint16
	_   [2]byte
}

func TestCheck(t *testing.T) {
	spec := types(t)
	type pair struct {
		_      structs.HostLayout
		TimeNs uint64
		Inner  inner
		Comm   [4]byte
		ID     uint32
	}
	qt.Assert(t, qt.IsNil(Check[pair](spec, "pair")))

	for _, test := range []struct {
		err  error
		want string
	}{
		{Check[pair](spec, "none"), `find struct none: .*`},
		{Check[int](spec, "pair"), `pair: int is no struct`},
		{Check[struct {
			TimeNs uint64
			Inner  inner
			Comm   [4]byte
		}](spec, "pair"), `pair.id: not in struct .*`},
		{Check[struct {
			TimeNs    uint64
			Inner     inner
			Comm      [4]byte
			ID, Extra uint32
		}](spec, "pair"), `(?s)pair: .* has 32 bytes, C has 24\npair: .*\.Extra is not in C`},
		{Check[struct {
			TimeNs uint64
			Inner  inner
			ID     uint32
			Comm   [4]byte
		}](spec, "pair"), `(?s)pair.comm: at 20 in .*, at 16 in C\npair.id: at 16 in .*, at 20 in C`},
		{Check[struct {
			TimeNs uint64
			Inner  inner
			Comm   [4]byte
			ID     int32
		}](spec, "pair"), `pair.id: int32 for C's unsigned int`},
		{Check[struct {
			TimeNs uint64
			Inner  inner
			Comm   [4]byte
			ID     float32
		}](spec, "pair"), `pair.id: float32 for C's unsigned int`},
		{Check[struct {
			TimeNs uint64
			Inner  inner
			Comm   [2]uint16
			ID     uint32
		}](spec, "pair"), `pair.comm: \[2\]uint16 is no array of 4`},
		{Check[struct {
			TimeNs uint64
			Inner  struct {
				Ret uint32
				Len uint16
			}
			Comm [4]byte
			ID   uint32
		}](spec, "pair"), `pair.inner.ret: uint32 for C's int`},
		{Check[struct {
			TimeNs uint32
			_      uint32
			Inner  inner
			Comm   [4]byte
			ID     uint32
		}](spec, "pair"), `pair.time_ns: uint32 has 4 bytes, C has 8`},
		{Check[struct{ B uint32 }](spec, "bits"), `bits.b: Go has no bit fields`},
		{Check[struct{ P uintptr }](spec, "pointer"), `pointer.p: uintptr for a \*btf.Pointer is not compared`},
	} {
		qt.Check(t, qt.ErrorMatches(test.err, test.want))
	}
}
