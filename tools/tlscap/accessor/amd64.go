package accessor

import (
	"bytes"
	"fmt"

	"golang.org/x/arch/x86/x86asm"
)

// amd64 runs code of x86-64.
type amd64 struct {
	*memory
	regs   [16]uint64
	wide   [16][2]uint64 // the registers of 16 bytes
	result uint64        // of the last operation, for the flags
	left   uint64        // and of a comparison: its sides
	right  uint64
}

const stackCanary = 0x5ca1ab1e5ca1ab1e // what stack protectors read from FS

// runAMD64 runs a function with up to three arguments and returns its result.
func runAMD64(m *memory, code []byte, args [3]uint64) (uint64, error) {
	c := &amd64{memory: m}
	c.regs[x86asm.RDI-x86asm.RAX], c.regs[x86asm.RSI-x86asm.RAX], c.regs[x86asm.RDX-x86asm.RAX] = args[0], args[1], args[2]
	c.regs[x86asm.RSP-x86asm.RAX] = pointer(inStack)
	for pc, steps := 0, 0; steps < maxSteps; steps++ {
		if pc < 0 || pc >= len(code) {
			return 0, fmt.Errorf("jump out of the function")
		}
		if bytes.HasPrefix(code[pc:], []byte{0xf3, 0x0f, 0x1e, 0xfa}) { // endbr64
			pc += 4
			continue
		}
		in, err := x86asm.Decode(code[pc:], 64)
		if err != nil {
			return 0, fmt.Errorf("decode instruction at %d: %w", pc, err)
		}
		next := pc + in.Len
		switch in.Op {
		case x86asm.RET:
			return c.regs[0], nil
		case x86asm.CALL:
			c.called()
		case x86asm.JMP:
			rel, ok := in.Args[0].(x86asm.Rel)
			if !ok || next+int(rel) < 0 || next+int(rel) >= len(code) { // a tail call
				c.called()
				return c.regs[0], nil
			}
			next += int(rel)
		default:
			if cond, ok := conditions[in.Op]; ok {
				if rel, isRel := in.Args[0].(x86asm.Rel); isRel {
					if cond(c) {
						next += int(rel)
					}
				} else if cond(c) {
					err = c.move(in, next)
				} else if r, is := in.Args[0].(x86asm.Reg); is { // the upper half is cleared nevertheless
					err = c.set(r, c.get(r))
				}
			} else {
				err = c.step(in, next)
			}
			if err != nil {
				return 0, fmt.Errorf("%v at %d: %w", in.Op, pc, err)
			}
		}
		pc = next
	}
	return 0, errSteps
}

// called notes a call. What memcpy returns is its first argument, which does for others as well: nothing is known of them.
func (c *amd64) called() {
	r := &c.regs
	c.calls = append(c.calls, call{[3]uint64{r[x86asm.RDI-x86asm.RAX], r[x86asm.RSI-x86asm.RAX], r[x86asm.RDX-x86asm.RAX]}})
	r[0] = r[x86asm.RDI-x86asm.RAX]
}

var conditions = map[x86asm.Op]func(*amd64) bool{
	x86asm.JE: (*amd64).isZero, x86asm.JNE: (*amd64).notZero,
	x86asm.JB: (*amd64).below, x86asm.JAE: (*amd64).notBelow, x86asm.JBE: (*amd64).belowEqual, x86asm.JA: (*amd64).above,
	x86asm.CMOVE: (*amd64).isZero, x86asm.CMOVNE: (*amd64).notZero,
	x86asm.CMOVB: (*amd64).below, x86asm.CMOVAE: (*amd64).notBelow, x86asm.CMOVBE: (*amd64).belowEqual, x86asm.CMOVA: (*amd64).above,
}

func (c *amd64) isZero() bool     { return c.result == 0 }
func (c *amd64) notZero() bool    { return c.result != 0 }
func (c *amd64) below() bool      { return c.left < c.right }
func (c *amd64) notBelow() bool   { return c.left >= c.right }
func (c *amd64) belowEqual() bool { return c.left < c.right || c.result == 0 }
func (c *amd64) above() bool      { return !c.belowEqual() }

func (c *amd64) step(in x86asm.Inst, next int) error {
	switch in.Op {
	case x86asm.NOP:
		return nil
	case x86asm.MOV, x86asm.MOVZX:
		return c.move(in, next)
	case x86asm.LEA:
		addr, err := c.addr(in.Args[1])
		if err != nil {
			return err
		}
		return c.write(in.Args[0], 8, addr)
	case x86asm.PUSH:
		v, err := c.read(in.Args[0], 8)
		if err != nil {
			return err
		}
		sp := &c.regs[x86asm.RSP-x86asm.RAX]
		*sp -= 8
		return c.store(*sp, 8, v)
	case x86asm.POP:
		sp := &c.regs[x86asm.RSP-x86asm.RAX]
		v, err := c.load(*sp, 8)
		if err != nil {
			return err
		}
		*sp += 8
		return c.write(in.Args[0], 8, v)
	case x86asm.TEST, x86asm.CMP, x86asm.AND, x86asm.OR, x86asm.XOR, x86asm.ADD, x86asm.SUB:
		return c.compute(in)
	case x86asm.MOVDQU, x86asm.MOVDQA, x86asm.MOVUPS, x86asm.MOVAPS, x86asm.MOVUPD, x86asm.MOVAPD:
		return c.moveWide(in)
	case x86asm.XCHG:
		if in.Args[0] == in.Args[1] { // a way to write nop
			return nil
		}
	}
	return fmt.Errorf("not expected")
}

func (c *amd64) move(in x86asm.Inst, _ int) error {
	size := width(in, 0)
	from := size
	if in.Op == x86asm.MOVZX {
		from = width(in, 1)
	}
	v, err := c.read(in.Args[1], from)
	if err != nil {
		return err
	}
	return c.write(in.Args[0], size, v)
}

// moveWide copies 16 bytes, as two words.
func (c *amd64) moveWide(in x86asm.Inst) error {
	var v [2]uint64
	if r, ok := in.Args[1].(x86asm.Reg); ok && r >= x86asm.X0 && r <= x86asm.X15 {
		v = c.wide[r-x86asm.X0]
	} else {
		addr, err := c.addr(in.Args[1])
		for i := 0; i < len(v) && err == nil; i++ {
			v[i], err = c.load(addr+uint64(8*i), 8)
		}
		if err != nil {
			return err
		}
	}
	if r, ok := in.Args[0].(x86asm.Reg); ok && r >= x86asm.X0 && r <= x86asm.X15 {
		c.wide[r-x86asm.X0] = v
		return nil
	}
	addr, err := c.addr(in.Args[0])
	for i := 0; i < len(v) && err == nil; i++ {
		err = c.store(addr+uint64(8*i), 8, v[i])
	}
	return err
}

func (c *amd64) compute(in x86asm.Inst) error {
	size := width(in, 0)
	a, err := c.read(in.Args[0], size)
	if err != nil {
		return err
	}
	b, err := c.read(in.Args[1], size)
	if err != nil {
		return err
	}
	mask := uint64(1)<<(8*size-1)<<1 - 1
	c.left, c.right = 0, 0
	switch in.Op {
	case x86asm.TEST, x86asm.AND:
		c.result = a & b
	case x86asm.OR:
		c.result = a | b
	case x86asm.XOR:
		c.result = a ^ b
	case x86asm.ADD:
		c.result = (a + b) & mask
		c.left, c.right = c.result, a // the carry
	default:
		c.result, c.left, c.right = (a-b)&mask, a&mask, b&mask
	}
	c.result &= mask
	if in.Op == x86asm.TEST || in.Op == x86asm.CMP {
		return nil
	}
	return c.write(in.Args[0], size, c.result)
}

// width is how many bytes an operand has.
func width(in x86asm.Inst, arg int) int {
	if r, ok := in.Args[arg].(x86asm.Reg); ok {
		switch {
		case r >= x86asm.AL && r <= x86asm.R15B:
			return 1
		case r >= x86asm.AX && r <= x86asm.R15W:
			return 2
		case r >= x86asm.EAX && r <= x86asm.R15L:
			return 4
		}
		return 8
	}
	if in.MemBytes > 0 {
		return in.MemBytes
	}
	return in.DataSize / 8
}

func (c *amd64) read(arg x86asm.Arg, size int) (uint64, error) {
	switch a := arg.(type) {
	case x86asm.Reg:
		return c.get(a), nil
	case x86asm.Imm:
		return uint64(a) & (1<<(8*size-1)<<1 - 1), nil
	case x86asm.Mem:
		if a.Segment == x86asm.FS {
			return stackCanary, nil
		}
		addr, err := c.addr(a)
		if err != nil {
			return 0, err
		}
		return c.load(addr, size)
	}
	return 0, fmt.Errorf("operand not expected")
}

func (c *amd64) write(arg x86asm.Arg, size int, v uint64) error {
	switch a := arg.(type) {
	case x86asm.Reg:
		return c.set(a, v)
	case x86asm.Mem:
		addr, err := c.addr(a)
		if err != nil {
			return err
		}
		return c.store(addr, size, v)
	}
	return fmt.Errorf("operand not expected")
}

func (c *amd64) addr(arg x86asm.Arg) (uint64, error) {
	a, ok := arg.(x86asm.Mem)
	if !ok || a.Base == x86asm.RIP || a.Base == 0 && a.Index == 0 {
		return 0, errMemory
	}
	addr := uint64(a.Disp)
	if a.Base != 0 {
		addr += c.get(a.Base)
	}
	if a.Index != 0 {
		addr += uint64(a.Scale) * c.get(a.Index)
	}
	return addr, nil
}

// register returns the number of a register, and its width.
func register(r x86asm.Reg) (int, int) {
	switch {
	case r >= x86asm.RAX && r <= x86asm.R15:
		return int(r - x86asm.RAX), 8
	case r >= x86asm.EAX && r <= x86asm.R15L:
		return int(r - x86asm.EAX), 4
	case r >= x86asm.AX && r <= x86asm.R15W:
		return int(r - x86asm.AX), 2
	case r >= x86asm.AL && r <= x86asm.BL:
		return int(r - x86asm.AL), 1
	case r >= x86asm.SPB && r <= x86asm.R15B:
		return int(r-x86asm.SPB) + 4, 1
	}
	return -1, 0
}

func (c *amd64) get(r x86asm.Reg) uint64 {
	n, size := register(r)
	if n < 0 {
		return 0
	}
	return c.regs[n] & (1<<(8*size-1)<<1 - 1)
}

func (c *amd64) set(r x86asm.Reg, v uint64) error {
	n, size := register(r)
	switch {
	case n < 0:
		return fmt.Errorf("register %v not expected", r)
	case size >= 4:
		c.regs[n] = v & (1<<(8*size-1)<<1 - 1)
	default:
		mask := uint64(1)<<(8*size) - 1
		c.regs[n] = c.regs[n]&^mask | v&mask
	}
	return nil
}
