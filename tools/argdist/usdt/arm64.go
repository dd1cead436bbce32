package usdt

import (
	"errors"
	"strings"
)

// parseARM64 understands an operand of Arm: "5", "w0", "[sp, 16]", "[x0, x1, lsl 3]",
// "[x0, w1, sxtw 2]", "[x0, :lo12:foo]".
func parseARM64(o *operand) error {
	inner, memory := strings.CutPrefix(o.text, "[")
	if !memory {
		if n, ok := parseNumber(strings.TrimPrefix(o.text, "#")); ok {
			o.arg.Kind, o.arg.Value = Const, n
			return nil
		}
		r, err := o.register(o.text)
		o.arg.Kind, o.arg.Base = Reg, r
		return err
	}
	inner, closed := strings.CutSuffix(inner, "]")
	if !closed {
		return errOperand
	}
	o.arg.Kind = Memory
	parts := strings.Split(inner, ",")
	for i := range parts {
		parts[i] = strings.TrimPrefix(strings.TrimSpace(parts[i]), "#")
	}
	base, err := o.register(parts[0])
	if err != nil {
		return err
	}
	if base.Size != 8 || base.Zero {
		return errOperand
	}
	o.arg.Base = base
	switch {
	case len(parts) == 1:
		return nil
	case len(parts) > 3:
		return errOperand
	}
	if n, ok := parseNumber(parts[1]); ok {
		o.arg.Displacement = n
		return single(parts)
	}
	if symbol, ok := strings.CutPrefix(parts[1], ":lo12:"); ok {
		return o.lowBits(symbol, parts)
	}
	if o.arg.Index, err = o.register(parts[1]); err != nil {
		return err
	}
	return o.arm64Extend(parts[2:])
}

// single allows nothing behind a displacement.
func single(parts []string) error {
	if len(parts) > 2 {
		return errOperand
	}
	return nil
}

// lowBits adds the low 12 bits of a symbol's address, of whose page another
// instruction has put the address into the base. Where a file lies in memory does
// not change them.
func (o *operand) lowBits(text string, parts []string) error {
	symbol, number, err := parseSum(text)
	if err != nil {
		return err
	}
	addr, ok := o.symbol(symbol)
	if !ok {
		return errors.New("no symbol \"" + symbol + "\" in the file")
	}
	o.arg.Displacement = int64((addr + uint64(number)) & 0xfff)
	return single(parts)
}

// arm64Extend understands what is done to the index: "lsl 3", "sxtw 2", "uxtw".
func (o *operand) arm64Extend(parts []string) error {
	if len(parts) == 0 {
		if o.arg.Index.Size != 8 {
			return errOperand
		}
		return nil
	}
	name, amount, _ := strings.Cut(parts[0], " ")
	switch name {
	case "lsl", "sxtx", "uxtx":
		if o.arg.Index.Size != 8 {
			return errOperand
		}
	case "sxtw", "uxtw":
		if o.arg.Index.Size != 4 {
			return errOperand
		}
		o.arg.IndexSigned = name == "sxtw"
	default:
		return errOperand
	}
	switch amount = strings.TrimPrefix(strings.TrimSpace(amount), "#"); amount {
	case "":
	case "0", "1", "2", "3", "4":
		o.arg.Scale = 1 << (amount[0] - '0')
	default:
		return errOperand
	}
	return nil
}
