package usdt

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/go-quicktest/qt"
)

const probeAt = 0x1000

var someSymbols = map[string]uint64{"foo": 0x4000, "far": 0x800}

func parse(arch *Arch, text string) Arg {
	return parseArg(arch, text, probeAt, func(name string) (uint64, bool) {
		addr, ok := someSymbols[name]
		return addr, ok
	})
}

// TestArgs evaluates operands where each register has its own offset in its upper
// and lower halves, and memory at each address that address.
func TestArgs(t *testing.T) {
	const base = 0x00007f0000000000
	regs := make([]byte, 272)
	for at := 0; at < len(regs); at += 8 {
		binary.LittleEndian.PutUint64(regs[at:], base+uint64(at)<<8+0x81)
	}
	reg := func(at uint64) uint64 { return base + at<<8 + 0x81 }
	memory := func(addr uint64, to []byte) error {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], addr)
		copy(to, b[:])
		return nil
	}
	const rdi, rax, rbx, rsp, rip, r8 = 112, 80, 40, 152, 128, 72
	for _, test := range []struct {
		arch *Arch
		text string
		want uint64
	}{
		{&AMD64, "8@%rdi", reg(rdi)},
		{&AMD64, "%rdi", reg(rdi)},
		{&AMD64, "4@%edi", reg(rdi) & 0xffffffff},
		{&AMD64, "-4@%edi", reg(rdi) & 0xffffffff},
		{&AMD64, "-1@%al", 0xffffffffffffff81},
		{&AMD64, "1@%al", 0x81},
		{&AMD64, "1@%ah", rax},
		{&AMD64, "2@%ax", rax<<8 | 0x81},
		{&AMD64, "1@%sil", 0x81},
		{&AMD64, "1@%spl", 0x81},
		{&AMD64, "4@%r8d", reg(r8) & 0xffffffff},
		{&AMD64, "2@%r8w", r8<<8 | 0x81},
		{&AMD64, "-1@%r8b", 0xffffffffffffff81},
		{&AMD64, "4@$5", 5},
		{&AMD64, "-4@$-5", 0xfffffffffffffffb},
		{&AMD64, "4@$-5", 0xfffffffb},
		{&AMD64, "1@$0x1ff", 0xff},
		{&AMD64, "8@$0xffffffffffffffff", 0xffffffffffffffff},
		{&AMD64, "8@$foo+8", 0x4008},
		{&AMD64, "8@16(%rsp)", reg(rsp) + 16},
		{&AMD64, "8@-0x10(%rsp)", reg(rsp) - 16},
		{&AMD64, "8@(%rsp)", reg(rsp)},
		{&AMD64, "8@8(%rax,%rbx,4)", reg(rax) + 4*reg(rbx) + 8},
		{&AMD64, "8@(%rax, %rbx)", reg(rax) + reg(rbx)},
		{&AMD64, "8@(,%rbx,8)", 8 * reg(rbx)},
		{&AMD64, "8@foo(%rip)", reg(rip) + 0x3000},
		{&AMD64, "8@far-8(%rip)", reg(rip) - 0x800 - 8},
		{&AMD64, "8@8+foo(%rip)", reg(rip) + 0x3008},
		{&AMD64, "8@foo", reg(rip) + 0x3000},
		{&AMD64, "8@foo(,%rbx,8)", reg(rip) + 0x3000 + 8*reg(rbx)},
		{&AMD64, "8@foo(%rbx)", reg(rip) + 0x3000 + reg(rbx)},
		{&AMD64, "8@4096", 4096},
		{&AMD64, "-1@foo(%rip)", 0xffffffffffffff81},

		{&ARM64, "-8@x0", reg(0)},
		{&ARM64, "8@x30", reg(240)},
		{&ARM64, "8@lr", reg(240)},
		{&ARM64, "-4@w3", (3*8)<<8 | 0x81},
		{&ARM64, "1@x2", 0x81},
		{&ARM64, "8@sp", reg(248)},
		{&ARM64, "8@xzr", 0},
		{&ARM64, "4@wzr", 0},
		{&ARM64, "-4@7", 7},
		{&ARM64, "-4@-7", 0xfffffffffffffff9},
		{&ARM64, "8@[sp]", reg(248)},
		{&ARM64, "8@[sp,16]", reg(248) + 16},
		{&ARM64, "8@[sp, #16]", reg(248) + 16},
		{&ARM64, "8@[x29,-8]", reg(232) - 8},
		{&ARM64, "8@[x0,x1]", reg(0) + reg(8)},
		{&ARM64, "8@[x0, x1, lsl 3]", reg(0) + 8*reg(8)},
		{&ARM64, "8@[x0,w1,sxtw 2]", reg(0) + 4*(reg(8)&0xffffffff)},
		{&ARM64, "8@[x0,w1,uxtw]", reg(0) + reg(8)&0xffffffff},
		{&ARM64, "8@[x0,:lo12:foo]", reg(0)},
		{&ARM64, "8@[x0, #:lo12:far+4]", reg(0) + 0x804},
	} {
		a := parse(test.arch, test.text)
		got, err := a.Eval(regs, memory)
		qt.Check(t, qt.IsNil(err), qt.Commentf("%s", test.text))
		qt.Check(t, qt.Equals(got, test.want), qt.Commentf("%s: %#x, want %#x", test.text, got, test.want))
	}
	// A negative index.
	binary.LittleEndian.PutUint64(regs[8:], 0xffffffff)
	a := parse(&ARM64, "8@[x0,w1,sxtw 3]")
	got, err := a.Eval(regs, memory)
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(got, reg(0)-8))
	a = parse(&ARM64, "8@[x0]")
	_, err = a.Eval(regs, func(uint64, []byte) error { return errors.New("bad address") })
	qt.Check(t, qt.ErrorMatches(err, "read 8 bytes at 0x.*: bad address"))
}

func TestArgErrors(t *testing.T) {
	for _, test := range []struct {
		arch *Arch
		text string
		want string
	}{
		{&AMD64, "3@%eax", `argument "3@%eax": not of 1, 2, 4 or 8 bytes`},
		{&AMD64, "16@%rax", ".*not of 1, 2, 4 or 8 bytes"},
		{&AMD64, "@%rax", ".*not of 1, 2, 4 or 8 bytes"},
		{&AMD64, "8f@%xmm0", ".*floating point.*"},
		{&AMD64, "8@%xmm0", `.*a probe cannot read register "xmm0"`},
		{&AMD64, "8@%eax", ".*8 bytes in a register of 4"},
		{&AMD64, "8@%fs:16", ".*thread-local.*"},
		{&AMD64, "8@bar(%rip)", `.*no symbol "bar" in the file`},
		{&AMD64, "8@foo@GOTPCREL(%rip)", `.*no symbol "foo@GOTPCREL" in the file`},
		{&AMD64, "8@8(%rip)", ".*relative to an instruction.*"},
		{&AMD64, "8@foo(%rax,%rbx,2)", ".*a symbol and two registers"},
		{&AMD64, "8@(%rax", ".*unknown form.*"},
		{&AMD64, "8@()", ".*unknown form.*"},
		{&AMD64, "8@(%rax,%rbx,3)", ".*unknown form.*"},
		{&AMD64, "8@(%eax)", ".*unknown form.*"},
		{&AMD64, "8@", ".*unknown form.*"},
		{&AMD64, "8@$", ".*unknown form.*"},
		{&AMD64, "8@-foo(%rip)", ".*unknown form.*"},
		{&AMD64, "8@foo+bar(%rip)", ".*unknown form.*"},
		{&ARM64, "8@v0", `.*register "v0"`},
		{&ARM64, "8@x31", `.*register "x31"`},
		{&ARM64, "8@x01", `.*register "x01"`},
		{&ARM64, "8@w1", ".*8 bytes in a register of 4"},
		{&ARM64, "8@[w1]", ".*unknown form.*"},
		{&ARM64, "8@[x1", ".*unknown form.*"},
		{&ARM64, "8@[x1,w2]", ".*unknown form.*"},
		{&ARM64, "8@[x1,x2,lsl 9]", ".*unknown form.*"},
		{&ARM64, "8@[x1,8,9]", ".*unknown form.*"},
		{&ARM64, "8@[x1,x2,ror 1]", ".*unknown form.*"},
		{&ARM64, "8@[x1,:lo12:bar]", `.*no symbol "bar".*`},
		{&ARM64, "8@", `.*register ""`},
	} {
		a := parse(test.arch, test.text)
		qt.Check(t, qt.ErrorMatches(a.Err, test.want), qt.Commentf("%s", test.text))
		_, err := a.Eval(nil, nil)
		qt.Check(t, qt.Equals(err, a.Err))
	}
}

func TestSplit(t *testing.T) {
	qt.Check(t, qt.DeepEquals(splitArgs("  8@[sp, 16] -4@w0  8@(%rax, %rbx, 4)"), []string{"8@[sp, 16]", "-4@w0", "8@(%rax, %rbx, 4)"}))
	qt.Check(t, qt.Equals(len(splitArgs(" ")), 0))
}

// FuzzArg: whatever a note says is understood or refused, and what is understood can be read.
func FuzzArg(f *testing.F) {
	for _, text := range []string{"-4@%edi", "8@8(%rax,%rbx,4)", "4@$5", "-1@foo+8(%rip)", "8@[x0, w1, sxtw 2]", "8@[x0,:lo12:foo]", "8@-"} {
		f.Add(text)
	}
	regs := make([]byte, 272)
	f.Fuzz(func(t *testing.T, text string) {
		for _, arch := range []*Arch{&AMD64, &ARM64} {
			a := parse(arch, text)
			_, err := a.Eval(regs, func(uint64, []byte) error { return nil })
			qt.Check(t, qt.Equals(err == nil, a.Err == nil))
			for _, r := range []*Register{a.Base, a.Index} {
				qt.Check(t, qt.IsTrue(r == nil || r.Offset%8 == 0 && r.Offset+8 <= arch.Size))
			}
		}
	})
}
