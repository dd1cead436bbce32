package tables

import (
	"bytes"

	"golang.org/x/arch/x86/x86asm"
)

// amd64 runs code of x86-64. What an instruction does that is not known here is that its first operand is not known.
type amd64 struct {
	im     *image
	stored map[uint64]value
	regs   [16]value
	wide   [16][2]value // registers of 16 bytes
}

var endbr64 = []byte{0xf3, 0x0f, 0x1e, 0xfa}

func (c *amd64) run(code []byte, at uint64) (result value) {
	c.regs[x86asm.RSP-x86asm.RAX] = number(stackAt)
	for len(code) > 0 {
		if bytes.HasPrefix(code, endbr64) {
			code, at = code[len(endbr64):], at+uint64(len(endbr64))
			continue
		}
		in, err := x86asm.Decode(code, 64)
		if err != nil {
			break
		}
		code, at = code[in.Len:], at+uint64(in.Len)
		c.step(in, at)
		if in.Op == x86asm.RET {
			result = c.regs[0]
		}
	}
	return result
}

func (c *amd64) step(in x86asm.Inst, next uint64) {
	switch in.Op {
	case x86asm.LEA:
		c.write(in, 0, next, c.addr(in.Args[1], next))
	case x86asm.MOV:
		c.write(in, 0, next, c.read(in, 1, next))
	case x86asm.MOVQ, x86asm.MOVAPS, x86asm.MOVUPS, x86asm.MOVDQA, x86asm.MOVDQU:
		c.moveWide(in, next)
	case x86asm.MOVHPS:
		if n, ok := wideRegister(in.Args[0]); ok {
			c.wide[n][1] = loadFrom(c.im, c.stored, c.addr(in.Args[1], next))
		} else if n, ok := wideRegister(in.Args[1]); ok {
			storeTo(c.stored, c.addr(in.Args[0], next), c.wide[n][1])
		}
	case x86asm.PUNPCKLQDQ:
		to, ok := wideRegister(in.Args[0])
		from, isReg := wideRegister(in.Args[1])
		switch {
		case ok && isReg:
			c.wide[to][1] = c.wide[from][0]
		case ok:
			c.wide[to][1] = loadFrom(c.im, c.stored, c.addr(in.Args[1], next))
		}
	case x86asm.ADD, x86asm.SUB:
		imm, ok := in.Args[1].(x86asm.Imm)
		if in.Op == x86asm.SUB {
			imm = -imm
		}
		v := value{}
		if ok {
			v = c.read(in, 0, next).plus(uint64(imm))
		}
		c.write(in, 0, next, v)
	case x86asm.PUSH, x86asm.POP:
		n := uint64(word)
		if in.Op == x86asm.PUSH {
			n = -n
		} else {
			c.write(in, 0, next, value{})
		}
		c.regs[x86asm.RSP-x86asm.RAX] = c.regs[x86asm.RSP-x86asm.RAX].plus(n)
	case x86asm.CALL:
		for _, r := range []x86asm.Reg{x86asm.RAX, x86asm.RCX, x86asm.RDX, x86asm.RSI, x86asm.RDI, x86asm.R8, x86asm.R9, x86asm.R10, x86asm.R11} {
			c.regs[r-x86asm.RAX] = value{}
		}
		c.wide = [16][2]value{}
	case x86asm.MOVSQ, x86asm.MOVSD, x86asm.STOSQ, x86asm.STOSD:
		for _, r := range []x86asm.Reg{x86asm.RCX, x86asm.RSI, x86asm.RDI} {
			c.regs[r-x86asm.RAX] = value{}
		}
	case x86asm.CMP, x86asm.TEST, x86asm.NOP, x86asm.RET:
	default:
		c.write(in, 0, next, value{})
	}
}

// moveWide moves 16 bytes, or 8 of which the upper half of a register becomes zero.
func (c *amd64) moveWide(in x86asm.Inst, next uint64) {
	size := 2
	if in.Op == x86asm.MOVQ {
		size = 1
	}
	var v [2]value
	from, wide := wideRegister(in.Args[1])
	switch n, ok := generalRegister(in.Args[1]); {
	case wide:
		v = c.wide[from]
	case ok:
		v[0] = c.regs[n]
	default:
		at := c.addr(in.Args[1], next)
		for i := range size {
			v[i] = loadFrom(c.im, c.stored, at.plus(uint64(i*word)))
		}
	}
	if size == 1 {
		v[1] = number(0)
	}
	if n, ok := wideRegister(in.Args[0]); ok {
		c.wide[n] = v
		return
	}
	if n, ok := generalRegister(in.Args[0]); ok {
		c.regs[n] = v[0]
		return
	}
	at := c.addr(in.Args[0], next)
	for i := range size {
		storeTo(c.stored, at.plus(uint64(i*word)), v[i])
	}
}

func (c *amd64) read(in x86asm.Inst, arg int, next uint64) value {
	switch a := in.Args[arg].(type) {
	case x86asm.Reg:
		if n, ok := generalRegister(a); ok {
			return c.regs[n]
		}
	case x86asm.Imm:
		return number(uint64(a))
	case x86asm.Mem:
		if in.MemBytes == word {
			return loadFrom(c.im, c.stored, c.addr(a, next))
		}
	}
	return value{}
}

func (c *amd64) write(in x86asm.Inst, arg int, next uint64, v value) {
	switch a := in.Args[arg].(type) {
	case x86asm.Reg:
		switch n, ok := generalRegister(a); {
		case ok:
			c.regs[n] = v
		case a >= x86asm.EAX && a <= x86asm.R15L: // the upper half is cleared
			c.regs[a-x86asm.EAX] = value{}
		case a >= x86asm.X0 && a <= x86asm.X15:
			c.wide[a-x86asm.X0] = [2]value{}
		}
	case x86asm.Mem:
		storeTo(c.stored, c.addr(a, next), v)
	}
}

func (c *amd64) addr(arg x86asm.Arg, next uint64) value {
	a, ok := arg.(x86asm.Mem)
	switch {
	case !ok || a.Index != 0 || a.Segment != 0:
		return value{}
	case a.Base == x86asm.RIP:
		return number(next + uint64(a.Disp))
	}
	if n, ok := generalRegister(a.Base); ok {
		return c.regs[n].plus(uint64(a.Disp))
	}
	return value{}
}

func generalRegister(arg x86asm.Arg) (int, bool) {
	r, ok := arg.(x86asm.Reg)
	return int(r) - int(x86asm.RAX), ok && r >= x86asm.RAX && r <= x86asm.R15
}

func wideRegister(arg x86asm.Arg) (int, bool) {
	r, ok := arg.(x86asm.Reg)
	return int(r) - int(x86asm.X0), ok && r >= x86asm.X0 && r <= x86asm.X15
}
