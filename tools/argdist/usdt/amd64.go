package usdt

import (
	"errors"
	"fmt"
	"strings"
)

// parseAMD64 understands an operand of x86 in AT&T syntax: "$5", "%edi", "16(%rsp)",
// "8(%rax,%rbx,4)", "foo+8(%rip)", "foo".
func parseAMD64(o *operand) error {
	switch {
	case o.text == "":
		return errOperand
	case o.text[0] == '$':
		return o.amd64Const(o.text[1:])
	case strings.HasPrefix(o.text, "%fs:"), strings.HasPrefix(o.text, "%gs:"):
		return errors.New("thread-local storage, which a probe cannot find")
	case o.text[0] == '%':
		r, err := o.register(o.text[1:])
		o.arg.Kind, o.arg.Base = Reg, r
		return err
	}
	o.arg.Kind = Memory
	before, within, parens := strings.Cut(o.text, "(")
	symbol, number, err := parseSum(before)
	if err != nil {
		return err
	}
	o.arg.Displacement = number
	relative := false
	if parens {
		inner, closed := strings.CutSuffix(within, ")")
		if !closed {
			return errOperand
		}
		if relative, err = o.amd64Registers(inner); err != nil {
			return err
		}
	}
	switch {
	case symbol == "" && relative:
		return errors.New("relative to an instruction that the file does not name")
	case symbol == "" && !parens && before == "":
		return errOperand
	case symbol == "":
		return nil
	case o.arg.Base != nil && o.arg.Index != nil:
		return errors.New("a symbol and two registers")
	case o.arg.Base != nil: // an element of an array, in code that cannot be moved
		o.arg.Base, o.arg.Index, o.arg.Scale = nil, o.arg.Base, 1
	}
	return o.address(symbol, number)
}

// amd64Const understands what is behind a $: a number, or the address of a symbol,
// which only code that cannot be moved has as a constant.
func (o *operand) amd64Const(text string) error {
	symbol, number, err := parseSum(text)
	if err != nil || text == "" {
		return errOperand
	}
	o.arg.Kind, o.arg.Value = Const, number
	if symbol != "" {
		addr, ok := o.symbol(symbol)
		if !ok {
			return fmt.Errorf("no symbol %q in the file", symbol)
		}
		o.arg.Value += int64(addr)
	}
	return nil
}

// amd64Registers understands "%base,%index,scale", of which base, index and scale
// may be missing. It reports whether the base is the instruction pointer.
func (o *operand) amd64Registers(text string) (relative bool, err error) {
	parts := strings.Split(text, ",")
	if len(parts) > 3 || len(parts) == 1 && parts[0] == "" {
		return false, errOperand
	}
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	if parts[0] == "%rip" && len(parts) == 1 {
		return true, nil
	}
	if parts[0] != "" {
		if o.arg.Base, err = o.amd64Pointer(parts[0]); err != nil {
			return false, err
		}
	}
	if len(parts) > 1 {
		if o.arg.Index, err = o.amd64Pointer(parts[1]); err != nil {
			return false, err
		}
	}
	if len(parts) > 2 {
		switch parts[2] {
		case "1", "2", "4", "8":
			o.arg.Scale = int64(parts[2][0] - '0')
		default:
			return false, errOperand
		}
	}
	return false, nil
}

func (o *operand) amd64Pointer(text string) (*Register, error) {
	name, ok := strings.CutPrefix(text, "%")
	if !ok {
		return nil, errOperand
	}
	r, err := o.register(name)
	if err == nil && (r.Size != 8 || name == "rip") {
		return nil, errOperand
	}
	return r, err
}
