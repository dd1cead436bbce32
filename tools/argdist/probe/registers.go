package probe

import (
	"fmt"
	"runtime"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/gen"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// machine is how a processor calls functions, and how the kernel keeps its
// registers in struct pt_regs.
type machine struct {
	registers *ctype.Struct
	names     map[string]string // PT_REGS_PARM1 -> di
	args      []int             // offsets of the registers of arguments
	result    int               // offset of that of the result
	stack     int               // offset of the stack pointer
	popped    int32             // what a call has put on the stack
}

var machines = map[string]*machine{"amd64": amd64(), "arm64": arm64()}

// here is the machine that we run on.
func here() *machine { return machines[runtime.GOARCH] }

// amd64 has the registers of arch/x86/include/asm/ptrace.h, by the names of the
// kernel and by those of user programs.
func amd64() *machine {
	var members []ctype.Member
	at := make(map[string]int)
	for i, name := range []string{"r15", "r14", "r13", "r12", "bp", "bx", "r11", "r10", "r9", "r8", "ax", "cx", "dx", "si", "di", "orig_ax", "ip", "cs", "flags", "sp", "ss"} {
		at[name] = 8 * i
		members = append(members, ctype.Member{Name: name, Type: ctype.ULong, Offset: 64 * i})
		if name[0] != 'r' && name != "cs" && name != "ss" && name != "flags" && name != "orig_ax" {
			members = append(members, ctype.Member{Name: "r" + name, Type: ctype.ULong, Offset: 64 * i})
		}
	}
	m := &machine{
		registers: ctype.NewStruct("pt_regs", 168, members...),
		names:     map[string]string{"PT_REGS_RC": "ax", "PT_REGS_IP": "ip", "PT_REGS_SP": "sp", "PT_REGS_FP": "bp"},
		result:    at["ax"], stack: at["sp"], popped: 8,
	}
	for i, name := range []string{"di", "si", "dx", "cx", "r8", "r9"} {
		m.args = append(m.args, at[name])
		m.names[fmt.Sprintf("PT_REGS_PARM%d", i+1)] = name
	}
	return m
}

// arm64 has the registers of arch/arm64/include/uapi/asm/ptrace.h.
func arm64() *machine {
	const registers, word = 31, 64
	m := &machine{
		registers: ctype.NewStruct("pt_regs", 272,
			ctype.Member{Name: "regs", Type: &ctype.Array{Elem: ctype.ULong, Len: registers}},
			ctype.Member{Name: "sp", Type: ctype.ULong, Offset: registers * word},
			ctype.Member{Name: "pc", Type: ctype.ULong, Offset: (registers + 1) * word},
			ctype.Member{Name: "pstate", Type: ctype.ULong, Offset: (registers + 2) * word}),
		names: map[string]string{"PT_REGS_RC": "regs[0]", "PT_REGS_IP": "pc", "PT_REGS_SP": "sp", "PT_REGS_FP": "regs[29]", "PT_REGS_RET": "regs[30]"},
		stack: registers * 8,
	}
	for i := range 8 {
		m.args = append(m.args, 8*i)
		m.names[fmt.Sprintf("PT_REGS_PARM%d", i+1)] = fmt.Sprintf("regs[%d]", i)
	}
	return m
}

// hook is how a program at the entry or the return of a function finds values in
// the registers.
func (m *machine) hook() *gen.Hook {
	h := &gen.Hook{StackPointer: m.stack, Popped: m.popped, Result: gen.Value{Node: word(m.result)}}
	for _, at := range m.args {
		h.Args = append(h.Args, gen.Value{Node: word(at)})
	}
	return h
}

func word(offset int) *tree.Context {
	return &tree.Context{Offset: offset, Size: 8, T: ctype.ULong}
}
