package gotls

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/arch/x86/x86asm"
)

var (
	errNotGo     = errors.New("code does not begin as that of a Go function")
	errNoReturns = errors.New("no instruction that returns")
)

// Every function that needs some stack begins with a look at how much there is: the limit stands in the descriptor of
// the goroutine, 16 bytes into it.
const prologue = 64 // bytes within which that is done

// scanAMD64 returns where a function returns.
func scanAMD64(code []byte, registers bool) ([]int, error) {
	checked := false
	var returns []int
	for pc := 0; pc < len(code); {
		in, err := x86asm.Decode(code[pc:], 64)
		if err != nil {
			return nil, fmt.Errorf("decode instruction %d bytes into the function: %w", pc, err)
		}
		if pc < prologue && !checked {
			checked = looksAtStack(in, registers)
		}
		if in.Op == x86asm.RET {
			returns = append(returns, pc)
		}
		pc += in.Len
	}
	switch {
	case !checked:
		return nil, errNotGo
	case len(returns) == 0:
		return nil, errNoReturns
	}
	return returns, nil
}

// looksAtStack reports whether an instruction reads the limit of the stack: from R14, or, before Go 1.17, finds the
// descriptor in thread-local storage.
func looksAtStack(in x86asm.Inst, registers bool) bool {
	for _, arg := range in.Args {
		mem, ok := arg.(x86asm.Mem)
		if !ok {
			continue
		}
		if registers && mem.Base == x86asm.R14 && mem.Disp == 16 || !registers && mem.Segment == x86asm.FS {
			return true
		}
	}
	return false
}

// Instructions of arm64.
const (
	armLimit   = 0xf9400b90 // ldr x16, [x28, #16]
	armLimit17 = 0xf9400b81 // ldr x1, [x28, #16], until Go 1.17
	armReturn  = 0xd65f0000 // ret, to any register
)

// scanARM64 returns where a function returns.
func scanARM64(code []byte, _ bool) ([]int, error) {
	if len(code)%4 != 0 {
		return nil, errNotGo
	}
	le := binary.LittleEndian
	head := code[:min(prologue, len(code))]
	if !bytes.Contains(head, le.AppendUint32(nil, armLimit)) && !bytes.Contains(head, le.AppendUint32(nil, armLimit17)) {
		return nil, errNotGo
	}
	var returns []int
	for pc := 0; pc+4 <= len(code); pc += 4 {
		if le.Uint32(code[pc:])&^(0x1f<<5) == armReturn {
			returns = append(returns, pc)
		}
	}
	if len(returns) == 0 {
		return nil, errNoReturns
	}
	return returns, nil
}
