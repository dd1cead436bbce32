package symbol

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/go-quicktest/qt"
)

// kallsyms is a small kernel. Modules stand at the end and out of order.
const kallsyms = `0000000000000000 A fixed_percpu_data
ffffffff81000000 T startup_64
ffffffff81000000 T _stext
ffffffff81000000 T _text
ffffffff81000100 t helper
ffffffff81000140 W weak_one
ffffffff81000180 w weak_two
ffffffff81000200 T cap_capable
ffffffff81000240 D a_table
ffffffff81000300 t helper
ffffffff81000380 t helper.isra.0
ffffffff810003c0 t helper.constprop.3.cold
ffffffff81000400 t helper.part.0
ffffffff81000480 t helper_other
ffffffff81000500 T helper.other
ffffffff81000600 T _etext
ffffffffc0200000 t nf_hook	[nf_tables]
ffffffffc0200040 t nf_last	[nf_tables]
ffffffffc0100000 t helper	[first]
ffffffffc0100010 t bpf_prog_6deef7357e7b4530_one	[bpf]
`

func readKernel(r io.Reader) (*Kernel, error) {
	k := new(Kernel)
	return k, k.read(r)
}

func read(t testing.TB, text string) *Kernel {
	t.Helper()
	k, err := readKernel(strings.NewReader(text))
	qt.Assert(t, qt.IsNil(err))
	return k
}

func TestKernelFrame(t *testing.T) {
	k := read(t, kallsyms)
	for addr, want := range map[uint64]string{
		0xffffffff81000000: "startup_64+0x0", // the first of three
		0xffffffff810000ff: "startup_64+0xff",
		0xffffffff81000100: "helper+0x0",
		0xffffffff81000150: "weak_one+0x10",
		0xffffffff81000181: "weak_two+0x1",
		0xffffffff8100021a: "cap_capable+0x1a",
		0xffffffff81000250: "cap_capable+0x50", // data does not count
		0xffffffff810003ff: "helper.constprop.3.cold+0x3f",
		0xffffffffc0200003: "nf_hook+0x3 [nf_tables]",
		0xffffffffc0100008: "helper+0x8 [first]",
		0xffffffffc0100011: "bpf_prog_6deef7357e7b4530_one+0x1 [bpf]",
		0xffffffffc0200040: "nf_last+0x0 [nf_tables]",
		0xffffffffc02fffff: "nf_last+0xfffbf [nf_tables]",

		0:                  "[unknown] 0x0",
		0x7fffdeadbeef:     "[unknown] 0x7fffdeadbeef",
		0xffffffff80ffffff: "[unknown] 0xffffffff80ffffff",
		0xffffffff90000000: "[unknown] 0xffffffff90000000", // too far behind _etext
		0xffffffffffffffff: "[unknown] 0xffffffffffffffff",
	} {
		qt.Check(t, qt.Equals(string(k.Frame(addr).Append(nil)), want))
	}
	qt.Check(t, qt.IsNil(k.Frame(0xffffffff81000000).Module))
}

// TestKernelCaller: a call at the very end of weak_one returns to weak_two.
func TestKernelCaller(t *testing.T) {
	k := read(t, kallsyms)
	for addr, want := range map[uint64]string{
		0xffffffff81000180: "weak_one+0x40",
		0xffffffff81000181: "weak_two+0x1",
		0xffffffff81000000: "startup_64+0x0", // nothing is before it
		0xffffffffc0200000: "nf_hook+0x0 [nf_tables]",
		0:                  "[unknown] 0x0",
	} {
		qt.Check(t, qt.Equals(string(k.Caller(addr).Append(nil)), want))
	}
}

func TestRanges(t *testing.T) {
	k := read(t, kallsyms)
	const base = 0xffffffff81000000
	for name, want := range map[string][]Range{
		"cap_capable": {{base + 0x200, base + 0x300}},
		"helper": {
			{base + 0x100, base + 0x140}, {base + 0x300, base + 0x380}, {base + 0x380, base + 0x3c0},
			{base + 0x3c0, base + 0x400}, {base + 0x400, base + 0x480}, {0xffffffffc0100000, 0xffffffffc0100010},
		},
		"helper.isra.0": {{base + 0x380, base + 0x3c0}},
		"_stext":        {{base, base + 0x100}}, // not empty, though another begins there too
		"_etext":        {{base + 0x600, base + 0x600 + maxKernelFunction}},
		"nf_last":       {{0xffffffffc0200040, 0xffffffffc0200040 + maxKernelFunction}},
		"help":          nil,
		"a_table":       nil,
		"":              nil,
	} {
		qt.Check(t, qt.DeepEquals(k.Ranges(name), want), qt.Commentf("%s", name))
	}
}

func TestIsPart(t *testing.T) {
	for suffix, want := range map[string]bool{
		"": true, ".isra.0": true, ".constprop.12": true, ".part.0": true, ".cold": true, ".cold.7": true,
		".part.0.isra.0": true, ".isra.0.cold": true, ".llvm.1234567890": true,
		"_more": false, ".": false, "..": false, ".0": false, ".isra.0.0": false, ".isra.x": false, ".other": false,
		".isra0": false, ".isra.": false,
	} {
		qt.Check(t, qt.Equals(isPart([]byte(suffix)), want), qt.Commentf("%q", suffix))
	}
}

func TestKernelHidden(t *testing.T) {
	_, err := readKernel(strings.NewReader("0000000000000000 T _text\n0000000000000000 t helper\t[first]\n"))
	qt.Check(t, qt.ErrorIs(err, ErrHidden))
	for _, none := range []string{"", "\n", "ffffffff81000000 D table\n", "0000000000000000 D table\n"} {
		_, err := readKernel(strings.NewReader(none))
		qt.Check(t, qt.ErrorIs(err, errNoSymbols), qt.Commentf("%q", none))
	}
	broken := errors.New("broken")
	_, err = readKernel(io.MultiReader(strings.NewReader(kallsyms), iotest.ErrReader(broken)))
	qt.Check(t, qt.ErrorIs(err, broken))
}

// TestKernelLines: what is no line of a function is passed over, and what follows it is not.
func TestKernelLines(t *testing.T) {
	for _, bad := range []string{
		"", " T x", "x T x", "ffffffff81000000", "ffffffff81000000 ", "ffffffff81000000 T", "ffffffff81000000 T ",
		"ffffffff81000000  x", "fffffffff81000000 T x", "FFFFFFFF81000000 T x", "-1 T x", "ffffffff81000000 T \t[mod]",
		"ffffffff81000000 T " + strings.Repeat("x", maxKernelName+1),
		"ffffffff81000000 T " + strings.Repeat("x", 200<<10),
		strings.Repeat("f", 64<<10-1) + " T x",
	} {
		k := read(t, bad+"\nffffffff81000100 T good")
		qt.Check(t, qt.HasLen(k.syms, 1), qt.Commentf("%.40q", bad))
		qt.Check(t, qt.Equals(string(k.Frame(0xffffffff81000101).Append(nil)), "good+0x1"))
	}
}

// TestReadKernel asks the kernel of this machine, which lists its functions to all, to some or to nobody.
func TestReadKernel(t *testing.T) {
	k, err := ReadKernel()
	if errors.Is(err, ErrHidden) || errors.Is(err, os.ErrNotExist) {
		t.Skip(err)
	}
	qt.Assert(t, qt.IsNil(err))
	ranges := k.Ranges("cap_capable")
	qt.Assert(t, qt.HasLen(ranges, 1))
	f := k.Frame(ranges[0].End - 1)
	qt.Check(t, qt.Equals(string(f.Name), "cap_capable"))
	qt.Check(t, qt.Equals(f.Offset, ranges[0].End-1-ranges[0].Start))
}

func FuzzKernel(f *testing.F) {
	f.Add(kallsyms, uint64(0xffffffff81000100), "helper")
	f.Add("0000000000000000 T _text\n", uint64(0), "")
	f.Add("ffffffffffffffff T last\t[]\n1 t first", ^uint64(0), "last")
	f.Fuzz(func(t *testing.T, text string, addr uint64, name string) {
		k, err := readKernel(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, f := range []Frame{k.Frame(addr), k.Caller(addr)} {
			if f.Name != nil && (len(f.Name) > maxKernelName || f.Offset > maxKernelFunction) {
				t.Fatalf("%q+%#x", f.Name, f.Offset)
			}
			f.Append(nil)
		}
		for _, r := range k.Ranges(name) {
			if r.Start >= r.End && r.Start != ^uint64(0) {
				t.Fatalf("%#x", r)
			}
		}
	})
}

func BenchmarkReadKernel(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ReadKernel(); err != nil {
			b.Skip(err)
		}
	}
}
