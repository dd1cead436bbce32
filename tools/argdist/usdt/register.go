package usdt

import (
	"strconv"
	"strings"
)

// Register is a register, or a part of one, as a probe finds it: in the struct
// pt_regs that its context points to.
type Register struct {
	Name   string
	Offset int  // of the whole register in struct pt_regs (Arm: user_pt_regs), in bytes
	Size   int  // of the part, in bytes
	Shift  int  // of the part within the register, in bits: 8 for %ah
	Zero   bool // it is always 0, and nowhere in struct pt_regs
}

// Arch is what is known of a kind of processor.
type Arch struct {
	Name string // as Go spells it
	// Size is that of struct pt_regs as far as a probe may read it.
	Size int
	// PC is the program counter: while a probe runs, the address of the probe.
	PC     Register
	lookup func(name string) (Register, bool)
	parse  func(*operand) error
}

// Register finds a register by the name that assembler has for it, without %.
func (a *Arch) Register(name string) (Register, bool) { return a.lookup(name) }

// AMD64 is 64-bit x86.
var AMD64 = Arch{Name: "amd64", Size: 168, PC: Register{Name: "rip", Offset: 128, Size: 8}, lookup: amd64Register, parse: parseAMD64}

// ARM64 is 64-bit Arm.
var ARM64 = Arch{Name: "arm64", Size: 272, PC: Register{Name: "pc", Offset: 256, Size: 8}, lookup: arm64Register, parse: parseARM64}

// amd64Offsets is where struct pt_regs has the registers (arch/x86/include/asm/ptrace.h).
var amd64Offsets = map[string]int{
	"r15": 0, "r14": 8, "r13": 16, "r12": 24, "bp": 32, "bx": 40, "r11": 48, "r10": 56, "r9": 64, "r8": 72,
	"ax": 80, "cx": 88, "dx": 96, "si": 104, "di": 112, "ip": 128, "sp": 152,
}

func amd64Register(name string) (Register, bool) {
	r := Register{Name: name, Size: 8}
	var ok bool
	if strings.HasPrefix(name, "r") && len(name) > 1 && name[1] >= '0' && name[1] <= '9' { // r8, r8d, r8w, r8b
		number := strings.TrimRight(name, "dwb")
		switch name[len(number):] {
		case "":
		case "d":
			r.Size = 4
		case "w":
			r.Size = 2
		case "b":
			r.Size = 1
		default:
			return r, false
		}
		r.Offset, ok = amd64Offsets[number]
		return r, ok
	}
	for _, form := range []struct {
		prefix, suffix string
		size, shift    int
		whole          string // what to put behind to get the name of the word
	}{
		{"r", "", 8, 0, ""}, {"e", "", 4, 0, ""}, {"", "", 2, 0, ""}, // rax, eax, ax
		{"", "l", 1, 0, "x"}, {"", "h", 1, 8, "x"}, // al, ah
		{"", "l", 1, 0, ""}, // sil, dil, bpl, spl
	} {
		word, found := strings.CutPrefix(name, form.prefix)
		if found {
			word, found = strings.CutSuffix(word, form.suffix)
		}
		if !found || len(word+form.whole) != 2 {
			continue
		}
		if r.Offset, ok = amd64Offsets[word+form.whole]; ok && (word != "ip" || form.size == 8) {
			r.Size, r.Shift = form.size, form.shift
			return r, true
		}
	}
	return r, false
}

// arm64Register knows x0 to x30, their lower halves w0 to w30, and their other
// names (arch/arm64/include/uapi/asm/ptrace.h).
func arm64Register(name string) (Register, bool) {
	r := Register{Name: name, Size: 8}
	switch name {
	case "sp":
		r.Offset = 248
		return r, true
	case "wsp":
		r.Offset, r.Size = 248, 4
		return r, true
	case "pc":
		return Register{Name: name, Offset: 256, Size: 8}, true
	case "lr":
		r.Offset = 30 * 8
		return r, true
	case "fp":
		r.Offset = 29 * 8
		return r, true
	case "xzr":
		r.Zero = true
		return r, true
	case "wzr":
		r.Zero, r.Size = true, 4
		return r, true
	}
	if len(name) < 2 || name[0] != 'x' && name[0] != 'w' || name[1] == '0' && len(name) > 2 {
		return r, false
	}
	n, err := strconv.ParseUint(name[1:], 10, 8)
	if err != nil || n > 30 {
		return r, false
	}
	r.Offset = 8 * int(n)
	if name[0] == 'w' {
		r.Size = 4
	}
	return r, true
}
