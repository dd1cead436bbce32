package usdt

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Kind says where an argument is.
type Kind uint8

const (
	Const  Kind = iota // nowhere: it is Value
	Reg                // in Base
	Memory             // at Base + Index*Scale + Displacement, in the process's memory
)

// Arg is an argument of a probe.
type Arg struct {
	Size   int // in bytes: 1, 2, 4 or 8
	Signed bool
	Kind   Kind

	Value        int64     // of a Const, already cut to Size
	Base         *Register // nil: none
	Index        *Register // nil: none
	IndexSigned  bool      // an Index of four bytes is extended with its sign (Arm's sxtw), else with zeros
	Scale        int64     // of Index: 1, 2, 4 or 8
	Displacement int64

	Text string
	Err  error // why it cannot be read; nothing but Text is valid then
}

// operand is a part of an argument's text, being understood.
type operand struct {
	arch   *Arch
	arg    *Arg
	text   string // behind the @
	probe  uint64 // address of the probe
	symbol func(string) (uint64, bool)
}

var errOperand = errors.New("unknown form of operand")

// parseArg understands "SIZE@OPERAND": the size is negative for a signed type, and
// without it the argument is as wide as a register.
func parseArg(arch *Arch, text string, probe uint64, symbol func(string) (uint64, bool)) Arg {
	arg := Arg{Size: 8, Text: text, Scale: 1}
	fail := func(err error) Arg {
		return Arg{Text: text, Err: fmt.Errorf("argument %q: %w", text, err)}
	}
	size, rest, found := strings.Cut(text, "@")
	if !found {
		rest = text
	} else if err := arg.parseSize(size); err != nil {
		return fail(err)
	}
	if err := arch.parse(&operand{arch, &arg, rest, probe, symbol}); err != nil {
		return fail(err)
	}
	if arg.Kind == Reg && arg.Base.Size < arg.Size {
		return fail(fmt.Errorf("%d bytes in a register of %d", arg.Size, arg.Base.Size))
	}
	if arg.Kind == Const {
		arg.Value = int64(arg.extend(uint64(arg.Value)))
	}
	return arg
}

func (a *Arg) parseSize(text string) error {
	if strings.HasSuffix(text, "f") {
		return errors.New("floating point, which a probe cannot read")
	}
	size, minus := strings.CutPrefix(text, "-")
	switch size {
	case "1", "2", "4", "8":
		a.Size, a.Signed = int(size[0]-'0'), minus
		return nil
	}
	return errors.New("not of 1, 2, 4 or 8 bytes")
}

// extend cuts a value to the argument's size and widens it, with its sign if the
// argument is signed.
func (a *Arg) extend(n uint64) uint64 {
	shift := 64 - 8*a.Size
	if a.Signed {
		return uint64(int64(n<<shift) >> shift)
	}
	return n << shift >> shift
}

func (o *operand) register(name string) (*Register, error) {
	r, ok := o.arch.Register(name)
	if !ok {
		return nil, fmt.Errorf("a probe cannot read register %q", name)
	}
	return &r, nil
}

// address makes the argument's base the program counter, where the operand names
// a symbol: that lies as far from the probe in memory as it does in the file.
func (o *operand) address(symbol string, add int64) error {
	addr, ok := o.symbol(symbol)
	if !ok {
		return fmt.Errorf("no symbol %q in the file", symbol)
	}
	o.arg.Base, o.arg.Displacement = &o.arch.PC, int64(addr-o.probe)+add
	return nil
}

// parseNumber reads a number as assembler has it. One without a sign may need all
// of 64 bits.
func parseNumber(s string) (int64, bool) {
	if n, err := strconv.ParseInt(s, 0, 64); err == nil {
		return n, true
	}
	n, err := strconv.ParseUint(s, 0, 64)
	return int64(n), err == nil
}

// parseSum reads numbers and at most one symbol with + and - between them:
// "foo", "foo+8", "8+foo-4", "-8".
func parseSum(s string) (symbol string, number int64, err error) {
	for len(s) > 0 {
		minus := s[0] == '-'
		if minus || s[0] == '+' {
			s = s[1:]
		}
		end := strings.IndexAny(s, "+-")
		if end < 0 {
			end = len(s)
		}
		term := s[:end]
		s = s[end:]
		switch n, ok := parseNumber(term); {
		case ok && minus:
			number -= n
		case ok:
			number += n
		case term == "" || minus || symbol != "" || term[0] >= '0' && term[0] <= '9':
			return "", 0, errOperand
		default:
			symbol = term
		}
	}
	return symbol, number, nil
}

// Eval reads the argument as a probe would: from the bytes of a struct pt_regs, and
// from memory by read. It is what generated code is compared with.
func (a *Arg) Eval(regs []byte, read func(addr uint64, to []byte) error) (uint64, error) {
	if a.Err != nil {
		return 0, a.Err
	}
	switch a.Kind {
	case Const:
		return uint64(a.Value), nil
	case Reg:
		return a.extend(a.Base.read(regs)), nil
	}
	addr := uint64(a.Displacement)
	if a.Base != nil {
		addr += a.Base.read(regs)
	}
	if a.Index != nil {
		index := a.Index.read(regs)
		if a.Index.Size == 4 && a.IndexSigned {
			index = uint64(int64(int32(index)))
		}
		addr += index * uint64(a.Scale)
	}
	var buf [8]byte
	if err := read(addr, buf[:a.Size]); err != nil {
		return 0, fmt.Errorf("read %d bytes at %#x: %w", a.Size, addr, err)
	}
	var n uint64
	for i, b := range buf {
		n |= uint64(b) << (8 * i)
	}
	return a.extend(n), nil
}

// read returns a register's value from the bytes of a struct pt_regs.
func (r *Register) read(regs []byte) uint64 {
	if r.Zero || len(regs) < r.Offset+8 {
		return 0
	}
	var n uint64
	for i := range 8 {
		n |= uint64(regs[r.Offset+i]) << (8 * i)
	}
	n >>= r.Shift
	if r.Size < 8 {
		n &= math.MaxUint64 >> (64 - 8*r.Size)
	}
	return n
}
