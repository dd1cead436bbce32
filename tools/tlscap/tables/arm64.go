package tables

import "encoding/binary"

// arm64 runs code of arm64. What an instruction does that is not known here is that the register it names first is not
// known.
type arm64 struct {
	im     *image
	stored map[uint64]value
	regs   [32]value // the last is the stack pointer where it is a base, and zero elsewhere
}

const (
	instruction = 4 // bytes
	ret         = 0xd65f03c0
)

func (c *arm64) run(code []byte, at uint64) (result value) {
	c.regs[31] = number(stackAt)
	for ; len(code) >= instruction; code, at = code[instruction:], at+instruction {
		in := binary.LittleEndian.Uint32(code)
		c.step(in, at)
		if in == ret {
			result = c.regs[0]
		}
	}
	return result
}

func (c *arm64) step(in uint32, at uint64) {
	d, n, m := in&31, in>>5&31, in>>10&31
	imm12 := uint64(in >> 10 & 0xfff)
	switch {
	case in&0x9f000000 == 0x90000000: // adrp
		pages := int64(int32(in<<8)>>13)<<2 | int64(in>>29&3)
		c.regs[d] = number(at&^0xfff + uint64(pages<<12))
	case in&0xff000000 == 0x91000000: // add x, x, #
		c.regs[d] = c.regs[n].plus(imm12 << (in >> 22 & 1 * 12))
	case in&0xff000000 == 0xd1000000: // sub x, x, #
		c.regs[d] = c.regs[n].plus(-(imm12 << (in >> 22 & 1 * 12)))
	case in&0xffe0ffe0 == 0xaa0003e0: // mov x, x
		c.regs[d] = c.from(in >> 16 & 31)
	case in&0x7fe00000 == 0x52800000: // mov x or w, #
		c.regs[d] = number(uint64(in >> 5 & 0xffff))
	case in&0xffc00000 == 0xf9400000: // ldr x
		c.set(d, loadFrom(c.im, c.stored, c.regs[n].plus(imm12*8)))
	case in&0xffc00000 == 0xf9000000: // str x
		storeTo(c.stored, c.regs[n].plus(imm12*8), c.from(d))
	case in&0xffc00000 == 0xb9000000: // str w
		storeTo(c.stored, c.regs[n].plus(imm12*4), c.from(d))
	case in&0xfe400000 == 0xa8000000: // stp x, with an offset, which can be added before or behind
		c.pair(in, func(at value) {
			storeTo(c.stored, at, c.from(d))
			storeTo(c.stored, at.plus(word), c.from(m))
		})
	case in&0xfe400000 == 0xa8400000: // ldp x
		c.pair(in, func(at value) {
			c.set(d, loadFrom(c.im, c.stored, at))
			c.set(m, loadFrom(c.im, c.stored, at.plus(word)))
		})
	case in&0xfc000000 == 0x94000000: // bl: memcpy, which is called here, returns its first argument
		for r := 1; r <= 18; r++ {
			c.regs[r] = value{}
		}
		c.regs[30] = value{}
	case in&0x1c000000 == 0x14000000, in&0x0a000000 == 0x08000000: // other branches, other loads and stores
		if in&0x0a400000 == 0x08400000 {
			c.set(d, value{})
		}
	default:
		c.set(d, value{})
	}
}

// pair does what a load or store of two registers does.
func (c *arm64) pair(in uint32, with func(at value)) {
	const before, offset = 3, 2 // where the sum goes into the base, else behind
	n, by := in>>5&31, uint64(int64(int32(in<<10)>>25)*word)
	at := c.regs[n]
	mode := in >> 23 & 3
	if mode == before || mode == offset {
		at = at.plus(by)
	}
	with(at)
	if mode != offset {
		c.regs[n] = c.regs[n].plus(by)
	}
}

func (c *arm64) from(r uint32) value {
	if r == 31 {
		return number(0)
	}
	return c.regs[r]
}

func (c *arm64) set(r uint32, v value) {
	if r != 31 {
		c.regs[r] = v
	}
}
