// Package eval computes the value of a typed tree on sample inputs and memory. It
// is what the generated programs are compared with, and short enough to be
// compared with C by reading.
package eval

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// What an expression can fail with.
var (
	ErrFault  = errors.New("memory cannot be read")
	ErrDivide = errors.New("division by zero")
)

// Env is what the expression finds when a probe is hit.
type Env struct {
	Input   func(*tree.Input) int64 // 64 bits, as in a register
	Context []byte
	// ContextAddress is where Context lies in the kernel's memory.
	ContextAddress uint64
	// Read fills buf from memory, and reports whether it can.
	Read func(space ctype.Space, address uint64, buf []byte) bool
	Comm string
}

// Value computes a number.
func Value(n tree.Node, env *Env) (int64, error) {
	switch n := n.(type) {
	case *tree.Const:
		return n.Value, nil
	case *tree.Input:
		return tree.Wrap(env.Input(n), n.T), nil
	case *tree.Context:
		return tree.Wrap(little(env.Context[n.Offset:][:n.Size]), n.T), nil
	case *tree.ContextAddress:
		return int64(env.ContextAddress) + int64(n.Offset), nil
	case *tree.DataAddress:
		at := int64(binary.LittleEndian.Uint32(env.Context[n.Offset:]) & 0xffff)
		if n.Relative {
			at += int64(n.Offset) + 4
		}
		return int64(env.ContextAddress) + at, nil
	case *tree.Load:
		return load(n, env)
	case *tree.Match:
		text, err := Text(n.Text, env)
		return truth(string(text) == n.Literal || !n.Whole && strings.HasPrefix(string(text), n.Literal)), err
	case *tree.Logic:
		x, err := Value(n.X, env)
		if err != nil || (x != 0) != n.And {
			return truth(x != 0), err
		}
		y, err := Value(n.Y, env)
		return truth(y != 0), err
	case *tree.Cond:
		test, err := Value(n.If, env)
		switch {
		case err != nil:
			return 0, err
		case test != 0:
			return Value(n.Then, env)
		}
		return Value(n.Else, env)
	case *tree.Binary:
		return binaryOp(n, env)
	}
	x, err := Value(tree.Children(n)[0], env)
	if err != nil {
		return 0, err
	}
	switch n := n.(type) {
	case *tree.Bits:
		return tree.Extend(int64(uint64(x)>>n.Shift), n.Width, ctype.IsSigned(n.T)), nil
	case *tree.Convert:
		return tree.Wrap(x, n.T), nil
	case *tree.Swap:
		return tree.Reverse(x, n.Size), nil
	case *tree.Unary:
		switch n.Op {
		case "-":
			return tree.Wrap(-x, n.T), nil
		case "~":
			return tree.Wrap(^x, n.T), nil
		}
		return truth(x == 0), nil
	}
	panic("not a number")
}

func binaryOp(n *tree.Binary, env *Env) (int64, error) {
	x, err := Value(n.X, env)
	if err != nil {
		return 0, err
	}
	y, err := Value(n.Y, env)
	if err != nil {
		return 0, err
	}
	v, ok := tree.Apply(n.Op, x, y, n.X.Type())
	if !ok {
		return 0, ErrDivide
	}
	return tree.Wrap(v, n.T), nil
}

func load(n *tree.Load, env *Env) (int64, error) {
	at, err := Value(n.Address, env)
	if err != nil {
		return 0, err
	}
	buf := make([]byte, n.Size)
	if !env.Read(n.Space, uint64(at), buf) {
		return 0, ErrFault
	}
	return tree.Extend(little(buf), 8*n.Size, ctype.IsSigned(n.T)), nil
}

// Text is a string without its zero, cut to what there is room for.
func Text(n *tree.Text, env *Env) ([]byte, error) {
	if n.Address == nil {
		return []byte(env.Comm), nil
	}
	at, err := Value(n.Address, env)
	if err != nil {
		return nil, err
	}
	var out []byte
	for len(out) < n.Size-1 {
		var b [1]byte
		if !env.Read(n.Space, uint64(at)+uint64(len(out)), b[:]) {
			return nil, ErrFault
		}
		if b[0] == 0 {
			break
		}
		out = append(out, b[0])
	}
	return out, nil
}

func little(b []byte) int64 {
	var v uint64
	for i, x := range b {
		v |= uint64(x) << (8 * i)
	}
	return int64(v)
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
