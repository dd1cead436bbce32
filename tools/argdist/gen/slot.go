package gen

import "github.com/cilium/ebpf/asm"

// log2 makes of the number in r0 its slot: 1 for 0 and 1, n for numbers of n bits,
// and below zero the same, negated. There is no branch in it: each would double
// what the verifier has to look at.
func (g *generator) log2(signed bool) {
	g.emit(asm.Mov.Reg(asm.R1, asm.R0), asm.Mov.Imm(asm.R3, 0))
	if signed {
		g.emit(asm.Mov.Reg(asm.R3, asm.R1))
		g.negateIf(asm.R1, asm.R3) // r3 is -1 for a negative number, else 0
	}
	g.emit(asm.Mov.Imm(asm.R0, 0))
	for step := int32(5); step >= 0; step-- {
		// r2 is 1 if there is a bit at 1<<step or above.
		g.emit(
			asm.Mov.Reg(asm.R2, asm.R1), asm.RSh.Imm(asm.R2, 1<<step), asm.Neg.Imm(asm.R2, 0), asm.RSh.Imm(asm.R2, 63),
			asm.LSh.Imm(asm.R2, step), asm.RSh.Reg(asm.R1, asm.R2), asm.Add.Reg(asm.R0, asm.R2),
		)
	}
	g.emit(
		asm.Add.Reg(asm.R0, asm.R1), // the last bit, which is all that is left
		asm.Mov.Reg(asm.R2, asm.R0), asm.Sub.Imm(asm.R2, 1), asm.RSh.Imm(asm.R2, 63), asm.Add.Reg(asm.R0, asm.R2),
		asm.Xor.Reg(asm.R0, asm.R3), asm.Sub.Reg(asm.R0, asm.R3),
	)
}

// linear makes of the number in r0 its bucket: 0 below Low, from 1 on by steps, and
// one more from High on. Without a sign, a number above 2^63 is not below Low.
func (g *generator) linear(s Scale, signed bool) {
	below, above, done := g.label("below"), g.label("above"), g.label("bucket")
	buckets := (uint64(s.High)-uint64(s.Low)-1)/s.Step + 1 // a step can be as large as a number
	if signed {
		g.constant(asm.R1, s.Low)
		g.emit(asm.JSLT.Reg(asm.R0, asm.R1, below))
		g.constant(asm.R1, s.High)
		g.emit(asm.JSGE.Reg(asm.R0, asm.R1, above))
	} else {
		g.constant(asm.R1, max(0, s.Low))
		g.emit(asm.JLT.Reg(asm.R0, asm.R1, below))
		g.constant(asm.R1, max(0, s.High))
		g.emit(asm.JGE.Reg(asm.R0, asm.R1, above))
	}
	g.constant(asm.R1, s.Low)
	g.emit(asm.Sub.Reg(asm.R0, asm.R1))
	g.constant(asm.R1, int64(s.Step))
	g.emit(asm.Div.Reg(asm.R0, asm.R1), asm.Add.Imm(asm.R0, 1), asm.Ja.Label(done))
	g.here(below)
	g.emit(asm.Mov.Imm(asm.R0, 0), asm.Ja.Label(done))
	g.here(above)
	g.constant(asm.R0, int64(buckets)+1)
	g.here(done)
}
