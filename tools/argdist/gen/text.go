package gen

import (
	"encoding/binary"

	"github.com/cilium/ebpf/asm"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// text writes a string to a place on the stack, with zeros behind it.
func (g *generator) text(n *tree.Text, at int16) {
	if n.Address != nil {
		g.value(n.Address)
		g.emit(asm.Mov.Reg(asm.R3, asm.R0))
	}
	if n.Address != nil || n.Size%8 != 0 { // the name of the task is whole with its zeros
		g.zero(at, room(n))
	}
	g.stackAddress(asm.R1, at)
	g.emit(asm.Mov.Imm(asm.R2, int32(n.Size)))
	switch {
	case n.Address == nil:
		g.emit(asm.FnGetCurrentComm.Call())
	case n.Space == ctype.User:
		g.emit(asm.FnProbeReadUserStr.Call())
	default:
		g.emit(asm.FnProbeReadKernelStr.Call())
	}
	g.emit(asm.JSLT.Imm(asm.R0, 0, g.end(fault)))
}

// room is what a string takes on the stack, in bytes.
func room(n *tree.Text) int { return (n.Size + 7) / 8 * 8 }

// match compares a string with a literal, and goes to the label if it differs.
func (g *generator) match(n *tree.Match, no string) {
	want := []byte(n.Literal)
	if n.Whole {
		want = append(want, 0)
	}
	g.text(n.Text, g.compare)
	for i := 0; i < len(want); {
		size := 8
		for size > len(want)-i {
			size /= 2
		}
		var word [8]byte
		copy(word[:], want[i:i+size])
		g.emit(asm.LoadMem(asm.R0, asm.RFP, g.compare+int16(i), sizeOf(size)))
		g.constant(asm.R1, int64(binary.LittleEndian.Uint64(word[:])))
		g.emit(asm.JNE.Reg(asm.R0, asm.R1, no))
		i += size
	}
}

// compareRoom is what the longest string takes that is compared.
func compareRoom(nodes ...tree.Node) int {
	most := 0
	for _, n := range nodes {
		if n == nil {
			continue
		}
		tree.Walk(n, func(n tree.Node) {
			if m, ok := n.(*tree.Match); ok {
				most = max(most, room(m.Text))
			}
		})
	}
	return most
}
