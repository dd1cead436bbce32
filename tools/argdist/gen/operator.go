package gen

import (
	"github.com/cilium/ebpf/asm"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// operands leaves X in r0 and Y in r1.
func (g *generator) operands(n *tree.Binary) {
	if g.simple(n.Y) {
		g.value(n.X)
		g.simpleInto(asm.R1, n.Y)
		return
	}
	g.value(n.X)
	at := g.alloc(8)
	g.emit(asm.StoreMem(asm.RFP, at, asm.R0, asm.DWord))
	g.value(n.Y)
	g.emit(asm.Mov.Reg(asm.R1, asm.R0), asm.LoadMem(asm.R0, asm.RFP, at, asm.DWord))
	g.free(8)
}

func (g *generator) unary(n *tree.Unary) {
	if n.Op == "!" {
		g.truth(n)
		return
	}
	g.value(n.X)
	if n.Op == "-" {
		g.emit(asm.Neg.Imm(asm.R0, 0))
	} else {
		g.emit(asm.Xor.Imm(asm.R0, -1))
	}
	g.extend(n.T)
}

// arithmetic computes r0 = r0 op r1, in 64 bits and then cut to the type.
func (g *generator) arithmetic(n *tree.Binary) {
	signed := ctype.IsSigned(n.T)
	switch n.Op {
	case "+":
		g.emit(asm.Add.Reg(asm.R0, asm.R1))
	case "-":
		g.emit(asm.Sub.Reg(asm.R0, asm.R1))
	case "*":
		g.emit(asm.Mul.Reg(asm.R0, asm.R1))
	case "&":
		g.emit(asm.And.Reg(asm.R0, asm.R1))
	case "|":
		g.emit(asm.Or.Reg(asm.R0, asm.R1))
	case "^":
		g.emit(asm.Xor.Reg(asm.R0, asm.R1))
	case "<<", ">>":
		g.emit(asm.And.Imm(asm.R1, int32(tree.ShiftMask(n.T))))
		op := asm.LSh
		if n.Op == ">>" {
			if op = asm.RSh; signed {
				op = asm.ArSh
			}
		}
		g.emit(op.Reg(asm.R0, asm.R1))
	case "/", "%":
		g.divide(n.Op, signed)
	}
	g.extend(n.T)
}

// divide divides r0 by r1. Without a signed division in the processor's
// instruction set (it came with 6.6), numbers are divided without their signs.
func (g *generator) divide(op string, signed bool) {
	g.emit(asm.JEq.Imm(asm.R1, 0, g.end(divide)))
	divide := asm.Div
	if op == "%" {
		divide = asm.Mod
	}
	if !signed {
		g.emit(divide.Reg(asm.R0, asm.R1))
		return
	}
	g.emit(asm.Mov.Reg(asm.R2, asm.R0)) // the sign of the rest is that of the dividend
	if op == "/" {
		g.emit(asm.Xor.Reg(asm.R2, asm.R1))
	}
	g.emit(asm.Mov.Reg(asm.R3, asm.R0))
	g.negateIf(asm.R0, asm.R3)
	g.emit(asm.Mov.Reg(asm.R3, asm.R1))
	g.negateIf(asm.R1, asm.R3)
	g.emit(divide.Reg(asm.R0, asm.R1))
	g.negateIf(asm.R0, asm.R2)
}

// negateIf negates a number if another is negative, which is changed.
func (g *generator) negateIf(x, sign asm.Register) {
	g.emit(asm.ArSh.Imm(sign, 63), asm.Xor.Reg(x, sign), asm.Sub.Reg(x, sign))
}

var comparison = map[string]bool{"==": true, "!=": true, "<": true, "<=": true, ">": true, ">=": true}

// unless are the jumps where a comparison does not hold: without a sign, with one.
var unless = map[string][2]asm.JumpOp{
	"==": {asm.JNE, asm.JNE}, "!=": {asm.JEq, asm.JEq}, "<": {asm.JGE, asm.JSGE}, "<=": {asm.JGT, asm.JSGT}, ">": {asm.JLE, asm.JSLE}, ">=": {asm.JLT, asm.JSLT},
}

// truth leaves 1 in r0 if a condition holds, else 0.
func (g *generator) truth(n tree.Node) {
	no, done := g.label("no"), g.label("known")
	g.branch(n, no)
	g.emit(asm.Mov.Imm(asm.R0, 1), asm.Ja.Label(done))
	g.here(no)
	g.emit(asm.Mov.Imm(asm.R0, 0))
	g.here(done)
}

// branch goes on if a condition holds, and to the label if not.
func (g *generator) branch(n tree.Node, no string) {
	switch n := n.(type) {
	case *tree.Logic:
		if n.And {
			g.branch(n.X, no)
			g.branch(n.Y, no)
			return
		}
		next, yes := g.label("or"), g.label("yes")
		g.branch(n.X, next)
		g.emit(asm.Ja.Label(yes))
		g.here(next)
		g.branch(n.Y, no)
		g.here(yes)
		return
	case *tree.Unary:
		if n.Op == "!" {
			yes := g.label("not")
			g.branch(n.X, yes)
			g.emit(asm.Ja.Label(no))
			g.here(yes)
			return
		}
	case *tree.Binary:
		if comparison[n.Op] {
			g.operands(n)
			i := 0
			if ctype.IsSigned(n.X.Type()) {
				i = 1
			}
			g.emit(unless[n.Op][i].Reg(asm.R0, asm.R1, no))
			return
		}
	case *tree.Match:
		g.match(n, no)
		return
	}
	g.value(n)
	g.emit(asm.JEq.Imm(asm.R0, 0, no))
}
