package symbol

import (
	"encoding/binary"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// TestVariants looks at all indirect functions of the C library: what it finds are
// functions, which the names in debug files show where those are installed.
func TestVariants(t *testing.T) {
	m := libc(t)
	all, err := m.Functions(func([]byte) bool { return true })
	qt.Assert(t, qt.IsNil(err))
	starts := make(map[uint64][]string)
	for _, f := range all {
		starts[f.Address] = append(starts[f.Address], f.Name)
	}
	indirect, chosen, named := 0, 0, 0
	for _, f := range all {
		if !f.Indirect {
			continue
		}
		indirect++
		variants, err := m.Variants(f)
		if err != nil {
			qt.Check(t, qt.ErrorIs(err, errVariants))
			t.Logf("%s: %v", f.Name, err)
			continue
		}
		chosen += len(variants)
		for _, v := range variants {
			qt.Check(t, qt.Not(qt.Equals(v.Address, f.Address)))
			if slices.ContainsFunc(starts[v.Address], func(name string) bool { return strings.HasPrefix(name, "__") }) {
				named++
			}
		}
	}
	t.Logf("%d indirect functions choose from %d, of which %d have a name", indirect, chosen, named)
	if found, _ := m.Function("strlen"); runtime.GOARCH == "amd64" && len(found) > 0 && found[0].Indirect {
		variants, err := m.Variants(found[0])
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.IsTrue(len(variants) >= 3), qt.Commentf("%v", variants))
	}
	if named > 0 { // then all of them should have
		qt.Check(t, qt.Equals(named, chosen))
	}
}

func TestAMD64Targets(t *testing.T) {
	code := []byte{
		0x48, 0x8d, 0x15, 0x10, 0, 0, 0, // lea 0x10(%rip),%rdx
		0x48, 0x8d, 0x05, 0xf0, 0xff, 0xff, 0xff, // lea -0x10(%rip),%rax
		0x48, 0x8d, 0x44, 0x24, 0x08, // lea 8(%rsp),%rax
		0xe8, 0, 0, 0, 0, // call
		0xc3, // ret
		0x48, 0x8d, 0x05, 0, 0, 0, 0,
	}
	addrs, calls := amd64Targets(code, 0x1000, false)
	qt.Check(t, qt.DeepEquals(addrs, []uint64{0x1017, 0xffe}))
	qt.Check(t, qt.IsTrue(calls))
	addrs, calls = amd64Targets(code[:7], 0x1000, true)
	qt.Check(t, qt.DeepEquals(addrs, []uint64{0x1017}))
	qt.Check(t, qt.IsFalse(calls))
	addrs, _ = amd64Targets(code, 0x1000, true)
	qt.Check(t, qt.Equals(len(addrs), 3))
}

func TestARM64Targets(t *testing.T) {
	var code []byte
	for _, in := range []uint32{
		0xb0000000, // adrp x0, 0x4000
		0x91010000, // add x0, x0, #0x40
		0xf0ffffe1, // adrp x1, 0x2000 (one page back)
		0x91400422, // add x2, x1, #1, lsl #12
		0x10000083, // adr x3, +0x10
		0x91004063, // add x3, x3, #16: of no page
		0x94000000, // bl
		armRET,
		0x10000083,
	} {
		code = binary.LittleEndian.AppendUint32(code, in)
	}
	addrs, calls := arm64Targets(code, 0x3000, false)
	qt.Check(t, qt.DeepEquals(addrs, []uint64{0x4040, 0x3000, 0x3020}))
	qt.Check(t, qt.IsTrue(calls))
	addrs, _ = arm64Targets(code, 0x3000, true)
	qt.Check(t, qt.Equals(len(addrs), 4))
}

func FuzzTargets(f *testing.F) {
	f.Add([]byte("\x48\x8d\x15\x10\x00\x00\x00\xc3"), uint64(0x1000))
	f.Fuzz(func(t *testing.T, code []byte, at uint64) {
		amd64Targets(code, at, true)
		arm64Targets(code, at, false)
	})
}
