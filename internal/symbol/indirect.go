package symbol

import (
	"debug/elf"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/arch/x86/x86asm"
)

// Bounds on the code that chooses. In glibc it has some 200 bytes and eight functions to
// choose from.
const (
	maxChooser  = 2048 // bytes of one whose symbol tells its size
	someChooser = 256  // bytes of one whose symbol does not
	maxVariants = 64
)

var errVariants = errors.New("what it chooses from cannot be seen in its code")

// Variants returns the functions that an indirect one chooses from. Each process calls one
// of them; a probe at all of them sees every call, whatever the processor. The file may
// call them by other names, too: memcpy and memmove are one function on most machines.
//
// The code that chooses has their addresses: x86 computes them with LEA, Arm with ADRP and
// ADD, or ADR.
func (m Mapped) Variants(fn Function) ([]Function, error) {
	file, _, err := m.at.open()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	f, err := nativeELF(file)
	var targets []uint64
	if err == nil {
		targets, err = f.targets(fn)
	}
	if err != nil {
		return nil, fmt.Errorf("find the variants of %s in %s: %w", fn.Name, m.Path, err)
	}
	var out []Function
	for _, addr := range targets {
		offset, _ := f.Offset(addr)
		out = append(out, Function{Name: fn.Name, Version: fn.Version, Hidden: fn.Hidden, Address: addr, Offset: offset, global: true})
	}
	return out, nil
}

// targets returns the addresses of code that a function computes. One that calls others
// may have got more from them, such as a function of the vDSO.
func (f *ELF) targets(fn Function) ([]uint64, error) {
	size := uint64(someChooser)
	if fn.Size > 0 {
		size = min(fn.Size, maxChooser)
	}
	code, err := f.code(fn.Address, size)
	if err != nil {
		return nil, err
	}
	var addrs []uint64
	calls := false
	if f.Machine == elf.EM_X86_64 {
		addrs, calls = amd64Targets(code, fn.Address, fn.Size > 0)
	} else {
		addrs, calls = arm64Targets(code, fn.Address, fn.Size > 0)
	}
	addrs = slices.DeleteFunc(addrs, func(addr uint64) bool {
		return !f.executable(addr) || addr >= fn.Address && addr-fn.Address < size
	})
	slices.Sort(addrs)
	addrs = slices.Compact(addrs)
	if len(addrs) == 0 || calls && len(addrs) == 1 || len(addrs) > maxVariants {
		return nil, errVariants
	}
	return addrs, nil
}

// code reads instructions at an address.
func (f *ELF) code(addr, size uint64) ([]byte, error) {
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && p.Flags&elf.PF_X != 0 && addr >= p.Vaddr && addr-p.Vaddr < p.Filesz {
			b := make([]byte, min(size, p.Filesz-(addr-p.Vaddr)))
			f.budget.Allow(int64(len(b)))
			_, err := p.ReadAt(b, int64(addr-p.Vaddr))
			return b, err
		}
	}
	return nil, errors.New("its code is not in the file")
}

func (f *ELF) executable(addr uint64) bool {
	return slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool {
		return p.Type == elf.PT_LOAD && p.Flags&elf.PF_X != 0 && addr >= p.Vaddr && addr-p.Vaddr < p.Filesz
	})
}

// amd64Targets returns what LEA computes from the program counter, and whether other code
// is called. Without a known size the code ends with the first RET.
func amd64Targets(code []byte, at uint64, sized bool) (addrs []uint64, calls bool) {
	for len(code) > 0 {
		in, err := x86asm.Decode(code, 64)
		if err != nil { // not an instruction of any resolver: go on behind it
			code, at = code[1:], at+1
			continue
		}
		code, at = code[in.Len:], at+uint64(in.Len)
		switch in.Op {
		case x86asm.LEA:
			if mem, ok := in.Args[1].(x86asm.Mem); ok && mem.Base == x86asm.RIP {
				addrs = append(addrs, at+uint64(mem.Disp))
			}
		case x86asm.CALL:
			calls = true
		case x86asm.RET:
			if !sized {
				return addrs, calls
			}
		}
	}
	return addrs, calls
}

// Instructions of Arm, and the bits that tell them.
const (
	armADR, armADRMask = 0x10000000, 0x9f000000
	armADRP            = 0x90000000
	armADD, armADDMask = 0x91000000, 0xff800000 // of 64 bits, with a constant
	armBL, armBLMask   = 0x94000000, 0xfc000000
	armBLR, armBLRMask = 0xd63f0000, 0xfffffc1f
	armRET             = 0xd65f03c0
	armRegisters       = 32
	armInstruction     = 4
	armPage            = 0xfff
	armShifted         = 1 << 22 // the constant of ADD is shifted by 12
)

// arm64Targets returns what ADR, and ADRP with ADD, compute.
func arm64Targets(code []byte, at uint64, sized bool) (addrs []uint64, calls bool) {
	var pages [armRegisters]uint64 // that ADRP has put into the registers; 0 for none
	for ; len(code) >= armInstruction; code, at = code[armInstruction:], at+armInstruction {
		in := le32(code)
		to, from := in&31, in>>5&31
		switch {
		case in&armADRMask == armADR:
			addrs = append(addrs, at+uint64(armOffset(in)))
		case in&armADRMask == armADRP:
			pages[to] = at&^armPage + uint64(armOffset(in)<<12)
		case in&armADDMask == armADD && pages[from] != 0:
			n := uint64(in >> 10 & 0xfff)
			if in&armShifted != 0 {
				n <<= 12
			}
			addrs = append(addrs, pages[from]+n)
			if to != from {
				pages[to] = 0
			}
		case in&armBLMask == armBL, in&armBLRMask == armBLR:
			calls = true
		case in == armRET && !sized:
			return addrs, calls
		}
	}
	return addrs, calls
}

// armOffset is the constant of ADR and ADRP: 21 bits in two pieces, with a sign.
func armOffset(in uint32) int64 {
	n := int64(in>>5&0x7ffff)<<2 | int64(in>>29&3)
	return n << 43 >> 43
}
