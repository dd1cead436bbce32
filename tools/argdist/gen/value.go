package gen

import (
	"math"

	"github.com/cilium/ebpf/asm"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// value writes what computes a number into r0.
func (g *generator) value(n tree.Node) {
	if g.simple(n) {
		g.simpleInto(asm.R0, n)
		return
	}
	switch n := n.(type) {
	case *tree.Input:
		g.input(n)
	case *tree.Context:
		g.emit(asm.LoadMem(asm.R0, asm.R6, int16(n.Offset), sizeOf(n.Size)))
		g.extend(n.T)
	case *tree.ContextAddress:
		g.emit(asm.Mov.Reg(asm.R0, asm.R6))
		g.number()
		g.emit(asm.Add.Imm(asm.R0, int32(n.Offset)))
	case *tree.DataAddress:
		g.dataAddress(n)
	case *tree.Load:
		g.load(n)
	case *tree.Bits:
		g.value(n.X)
		g.emit(asm.RSh.Imm(asm.R0, int32(n.Shift)))
		g.extendBits(n.Width, ctype.IsSigned(n.T))
	case *tree.Convert:
		g.value(n.X)
		if !tree.Keeps(n.X.Type(), n.T) {
			g.extend(n.T)
		}
	case *tree.Swap:
		g.value(n.X)
		g.emit(asm.HostTo(asm.BE, asm.R0, sizeOf(n.Size)))
	case *tree.Unary:
		g.unary(n)
	case *tree.Binary:
		if comparison[n.Op] {
			g.truth(n)
			return
		}
		g.operands(n)
		g.arithmetic(n)
	case *tree.Logic, *tree.Match:
		g.truth(n)
	case *tree.Cond:
		other, done := g.label("else"), g.label("endif")
		g.branch(n.If, other)
		g.value(n.Then)
		g.emit(asm.Ja.Label(done))
		g.here(other)
		g.value(n.Else)
		g.here(done)
	}
}

func sizeOf(bytes int) asm.Size {
	return map[int]asm.Size{1: asm.Byte, 2: asm.Half, 4: asm.Word, 8: asm.DWord}[bytes]
}

// simple reports whether a value can be had in any register without touching
// another.
func (g *generator) simple(n tree.Node) bool {
	switch n := n.(type) {
	case *tree.Const:
		return true
	case *tree.Input:
		switch n.Source {
		case tree.Latency:
			return true
		case tree.Saved:
			_, ok := g.saved[n.Index]
			return ok && n.T.Size() == 8
		case tree.Arg:
			return n.T.Size() == 8 && g.hook.Args[n.Index].plain()
		}
	case *tree.Context:
		return n.Size == 8 || !ctype.IsSigned(n.T)
	}
	return false
}

func (g *generator) simpleInto(dst asm.Register, n tree.Node) {
	switch n := n.(type) {
	case *tree.Const:
		g.constant(dst, n.Value)
	case *tree.Input:
		switch n.Source {
		case tree.Latency:
			g.emit(asm.LoadMem(dst, asm.RFP, g.started, asm.DWord))
		case tree.Saved:
			g.emit(asm.LoadMem(dst, asm.RFP, g.saved[n.Index], asm.DWord))
		default:
			c := g.hook.Args[n.Index].Node.(*tree.Context)
			g.emit(asm.LoadMem(dst, asm.R6, int16(c.Offset), asm.DWord))
		}
	case *tree.Context:
		g.emit(asm.LoadMem(dst, asm.R6, int16(n.Offset), sizeOf(n.Size)))
	}
}

func (g *generator) constant(dst asm.Register, v int64) {
	if v >= math.MinInt32 && v <= math.MaxInt32 {
		g.emit(asm.Mov.Imm(dst, int32(v)))
		return
	}
	g.emit(asm.LoadImm(dst, v, asm.DWord))
}

// input is what the probe gives.
func (g *generator) input(n *tree.Input) {
	switch n.Source {
	case tree.Arg:
		g.given(g.hook.Args[n.Index])
	case tree.Saved:
		if at, ok := g.saved[n.Index]; ok {
			g.emit(asm.LoadMem(asm.R0, asm.RFP, at, asm.DWord))
		} else {
			g.given(g.hook.Args[n.Index]) // it is there at the return as well
		}
	case tree.Result:
		g.given(g.hook.Result)
	case tree.PID:
		g.emit(asm.FnGetCurrentPidTgid.Call(), asm.RSh.Imm(asm.R0, 32))
	case tree.TID:
		g.emit(asm.FnGetCurrentPidTgid.Call(), asm.Mov.Reg32(asm.R0, asm.R0))
	case tree.UID:
		g.emit(asm.FnGetCurrentUidGid.Call(), asm.Mov.Reg32(asm.R0, asm.R0))
	case tree.GID:
		g.emit(asm.FnGetCurrentUidGid.Call(), asm.RSh.Imm(asm.R0, 32))
	case tree.Cgroup:
		g.emit(asm.FnGetCurrentCgroupId.Call())
	case tree.CPU:
		g.emit(asm.FnGetSmpProcessorId.Call(), asm.Mov.Reg32(asm.R0, asm.R0))
	case tree.Stack, tree.UserStack:
		g.stack(n)
	}
	g.extend(n.T)
}

// given is a value of the hook.
func (g *generator) given(v Value) {
	c, _ := v.Node.(*tree.Context)
	switch v.Pointer {
	case Typed:
		g.emit(asm.LoadMem(asm.R0, asm.R6, int16(c.Offset), asm.DWord))
		g.number()
	case Opaque:
		at := g.alloc(8)
		g.stackAddress(asm.R1, at)
		g.emit(
			asm.Mov.Imm(asm.R2, 8), asm.Mov.Reg(asm.R3, asm.R6), asm.Add.Imm(asm.R3, int32(c.Offset)),
			asm.FnProbeReadKernel.Call(), asm.JNE.Imm(asm.R0, 0, g.end(fault)), asm.LoadMem(asm.R0, asm.RFP, at, asm.DWord),
		)
		g.free(8)
	default:
		g.value(v.Node)
	}
}

// stack takes a stack and leaves its id.
func (g *generator) stack(n *tree.Input) {
	flags, name := int32(0), StacksMap
	if n.Source == tree.UserStack {
		const userStack = 256 // BPF_F_USER_STACK
		flags, name = userStack, UserStacksMap
	}
	g.emit(
		asm.Mov.Reg(asm.R1, asm.R6), mapPointer(asm.R2, name), asm.Mov.Imm(asm.R3, flags), asm.FnGetStackid.Call(),
		asm.JSLT.Imm(asm.R0, 0, g.end(noStack)),
	)
}

// load reads a number from memory.
func (g *generator) load(n *tree.Load) {
	g.value(n.Address)
	at := g.alloc(8)
	g.emit(asm.Mov.Reg(asm.R3, asm.R0), asm.Mov.Imm(asm.R2, int32(n.Size)))
	g.stackAddress(asm.R1, at)
	read := asm.FnProbeReadKernel
	if n.Space == ctype.User {
		read = asm.FnProbeReadUser
	}
	g.emit(read.Call(), asm.JNE.Imm(asm.R0, 0, g.end(fault)), asm.LoadMem(asm.R0, asm.RFP, at, sizeOf(n.Size)))
	g.free(8)
	if ctype.IsSigned(n.T) {
		g.extendBits(8*n.Size, true)
	}
}

// dataAddress is where the data of a field of variable length lies.
func (g *generator) dataAddress(n *tree.DataAddress) {
	g.emit(asm.Mov.Reg(asm.R0, asm.R6))
	g.number()
	g.emit(asm.LoadMem(asm.R1, asm.R6, int16(n.Offset), asm.Word), asm.And.Imm(asm.R1, 0xffff), asm.Add.Reg(asm.R0, asm.R1))
	if n.Relative {
		g.emit(asm.Add.Imm(asm.R0, int32(n.Offset)+4))
	}
}
