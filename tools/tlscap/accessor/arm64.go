package accessor

import (
	"encoding/binary"
	"fmt"
)

// arm64 runs code of arm64. Of its instructions only those that compilers use for such functions are known; the
// disassembler of golang.org/x/arch does not give away the operands of loads, so they are taken apart here.
type arm64 struct {
	*memory
	regs        [32]uint64 // 31 is zero, except in addresses, where sp takes its place
	sp          uint64
	left, right uint64
	logic       bool // the flags are those of ANDS: result in left
}

// runARM64 runs a function with up to three arguments and returns its result.
func runARM64(m *memory, code []byte, args [3]uint64) (uint64, error) {
	c := &arm64{memory: m, sp: pointer(inStack)}
	copy(c.regs[:], args[:])
	for pc, steps := 0, 0; steps < maxSteps; steps++ {
		if pc < 0 || pc+4 > len(code) {
			return 0, fmt.Errorf("jump out of the function")
		}
		in := binary.LittleEndian.Uint32(code[pc:])
		if in&0xfffffc1f == 0xd65f0000 { // ret
			return c.regs[0], nil
		}
		if in>>26 == 0x25 || in&0xfffffc1f == 0xd63f0000 { // bl, blr
			c.called()
			pc += 4
			continue
		}
		jump, ok, err := c.branch(in, pc)
		if err != nil {
			return 0, err
		}
		if ok {
			if in>>26 == 0x05 && (jump < 0 || jump >= len(code)) { // b to another function
				c.called()
				return c.regs[0], nil
			}
			pc = jump
			continue
		}
		if err := c.step(in); err != nil {
			return 0, fmt.Errorf("instruction %#08x at %d: %w", in, pc, err)
		}
		pc += 4
	}
	return 0, errSteps
}

func (c *arm64) called() { c.calls = append(c.calls, call{[3]uint64(c.regs[:3])}) }

// branch returns where an instruction leads, if it is one that branches.
func (c *arm64) branch(in uint32, pc int) (to int, ok bool, err error) {
	next := pc + 4
	imm := func(bits, shift int) int { return pc + int(int32(in>>shift<<(32-bits))>>(32-bits))*4 }
	taken := false
	switch {
	case in>>26 == 0x05: // b
		return imm(26, 0), true, nil
	case in&0x7e000000 == 0x34000000: // cbz, cbnz
		v := c.sized(in, in&31)
		if taken = (v == 0) == (in>>24&1 == 0); taken {
			return imm(19, 5), true, nil
		}
	case in&0x7e000000 == 0x36000000: // tbz, tbnz
		bit := in>>19&31 | in>>31<<5
		if taken = (c.regs[in&31]>>bit&1 == 0) == (in>>24&1 == 0); taken {
			return imm(14, 5), true, nil
		}
	case in&0xff000010 == 0x54000000: // b.cond
		yes, err := c.condition(in & 15)
		if err != nil {
			return 0, false, err
		}
		if yes {
			return imm(19, 5), true, nil
		}
	default:
		return 0, false, nil
	}
	return next, true, nil
}

func (c *arm64) condition(cond uint32) (bool, error) {
	if c.logic && cond>>1 != 0 {
		return false, fmt.Errorf("condition %d not expected", cond)
	}
	yes := false
	switch cond >> 1 {
	case 0: // eq
		yes = c.left == c.right
	case 1: // cs: not below
		yes = c.left >= c.right
	case 4: // hi
		yes = c.left > c.right
	default:
		return false, fmt.Errorf("condition %d not expected", cond)
	}
	return yes != (cond&1 != 0), nil
}

// sized reads a register as wide as the instruction is.
func (c *arm64) sized(in, reg uint32) uint64 {
	if in>>31 == 0 {
		return c.regs[reg] & 0xffffffff
	}
	return c.regs[reg]
}

func (c *arm64) set(in, reg uint32, v uint64) {
	if in>>31 == 0 {
		v &= 0xffffffff
	}
	if reg != 31 {
		c.regs[reg] = v
	}
}

func (c *arm64) base(reg uint32) uint64 {
	if reg == 31 {
		return c.sp
	}
	return c.regs[reg]
}

func (c *arm64) setBase(reg uint32, v uint64) {
	if reg == 31 {
		c.sp = v
	} else {
		c.regs[reg] = v
	}
}

func (c *arm64) step(in uint32) error {
	rd, rn, rm := in&31, in>>5&31, in>>16&31
	switch {
	case in&0xfffff01f == 0xd503201f: // hints: nop, bti, paciasp, autiasp
		return nil
	case in&0x7f800000 == 0x52800000: // movz
		c.set(in, rd, uint64(in>>5&0xffff)<<(16*(in>>21&3)))
		return nil
	case in&0x7f800000 == 0x12800000: // movn
		c.set(in, rd, ^(uint64(in>>5&0xffff) << (16 * (in >> 21 & 3))))
		return nil
	case in&0x7fe0ffe0 == 0x2a0003e0: // mov
		c.set(in, rd, c.sized(in, rm))
		return nil
	case in&0x1f800000 == 0x11000000: // add, sub, cmp with a number
		return c.addImmediate(in)
	case in&0x7fe0fc00 == 0x6b000000: // subs, cmp
		a, b := c.sized(in, rn), c.sized(in, rm)
		c.left, c.right, c.logic = a, b, false
		c.set(in, rd, a-b)
		return nil
	case in&0x7fe0fc00 == 0x0a000000: // and
		c.set(in, rd, c.sized(in, rn)&c.sized(in, rm))
		return nil
	case in&0x7fe0fc00 == 0x6a000000: // ands, tst
		v := c.sized(in, rn) & c.sized(in, rm)
		c.left, c.right, c.logic = v, 0, true
		c.set(in, rd, v)
		return nil
	case in&0x7fe00c00 == 0x1a800000: // csel
		yes, err := c.condition(in >> 12 & 15)
		if err != nil {
			return err
		}
		if !yes {
			rn = rm
		}
		c.set(in, rd, c.sized(in, rn))
		return nil
	case in&0x3b000000 == 0x39000000, in&0x3b200000 == 0x38000000: // ldr, str and those of bytes and half words
		return c.access(in)
	case in&0x7c000000 == 0x28000000: // ldp, stp
		return c.pair(in)
	}
	return fmt.Errorf("not expected")
}

func (c *arm64) addImmediate(in uint32) error {
	rd, rn := in&31, in>>5&31
	imm := uint64(in >> 10 & 0xfff)
	if in>>22&1 != 0 {
		imm <<= 12
	}
	a := c.base(rn)
	v := a + imm
	if in>>30&1 != 0 {
		v = a - imm
	}
	if in>>29&1 != 0 { // sets the flags
		if in>>30&1 == 0 {
			return fmt.Errorf("not expected")
		}
		if in>>31 == 0 {
			a &= 0xffffffff
		}
		c.left, c.right, c.logic = a, imm, false
		c.set(in, rd, v)
		return nil
	}
	if in>>31 == 0 {
		v &= 0xffffffff
	}
	c.setBase(rd, v)
	return nil
}

// access is a load or a store of one register.
func (c *arm64) access(in uint32) error {
	rt, rn, size := in&31, in>>5&31, 1<<(in>>30)
	addr := c.base(rn)
	if in>>24&1 != 0 {
		addr += uint64(in>>10&0xfff) * uint64(size)
	} else {
		imm := uint64(int64(int32(in<<11) >> 23))
		switch in >> 10 & 3 {
		case 0: // unscaled
			addr += imm
		case 1: // and then add
			c.setBase(rn, addr+imm)
		case 3: // add before
			addr += imm
			c.setBase(rn, addr)
		default:
			return fmt.Errorf("not expected")
		}
	}
	switch in >> 22 & 3 {
	case 0:
		return c.store(addr, size, c.regs[rt])
	case 1:
		v, err := c.load(addr, size)
		if err == nil && rt != 31 {
			c.regs[rt] = v
		}
		return err
	}
	return fmt.Errorf("not expected") // with sign
}

// pair is a load or a store of two registers.
func (c *arm64) pair(in uint32) error {
	size := 4
	switch in >> 30 {
	case 0:
	case 2:
		size = 8
	default:
		return fmt.Errorf("not expected")
	}
	rt, rn, rt2 := in&31, in>>5&31, in>>10&31
	imm := uint64(int64(int32(in<<10)>>25) * int64(size))
	addr := c.base(rn)
	mode := in >> 23 & 7
	switch mode {
	case 1: // and then add
		c.setBase(rn, addr+imm)
	case 2:
		addr += imm
	case 3: // add before
		addr += imm
		c.setBase(rn, addr)
	default:
		return fmt.Errorf("not expected")
	}
	for i, r := range []uint32{rt, rt2} {
		at := addr + uint64(i*size)
		if in>>22&1 == 0 {
			if err := c.store(at, size, c.regs[r]); err != nil {
				return err
			}
			continue
		}
		v, err := c.load(at, size)
		if err != nil {
			return err
		}
		if r != 31 {
			c.regs[r] = v
		}
	}
	return nil
}
