package gen

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

func hook() *Hook {
	h := &Hook{StackPointer: 152, Popped: 8, Result: Value{Node: &tree.Context{Offset: 80, Size: 8, T: ctype.ULong}}}
	for i := range 6 {
		h.Args = append(h.Args, Value{Node: &tree.Context{Offset: 8 * i, Size: 8, T: ctype.ULong}})
	}
	return h
}

// resolved checks that all jumps lead somewhere, and that a program ends.
func resolved(t *testing.T, insns asm.Instructions) {
	t.Helper()
	var code bytes.Buffer
	qt.Assert(t, qt.IsNil(insns.Marshal(&code, binary.LittleEndian)))
	qt.Check(t, qt.Equals(insns[len(insns)-1].OpCode.JumpOp(), asm.Exit))
}

func arg(i int, t ctype.Type) tree.Node { return &tree.Input{Source: tree.Arg, Index: i, T: t} }

func TestPrograms(t *testing.T) {
	text := &tree.Text{Address: arg(1, ctype.ULong), Space: ctype.User, Size: 80}
	for name, table := range map[string]*Table{
		"total calls": {},
		"a number":    {Exprs: []tree.Node{arg(0, ctype.IntType)}},
		"text":        {Exprs: []tree.Node{text}},
		"histogram":   {Kind: Log2, Exprs: []tree.Node{arg(0, ctype.IntType)}},
		"linear":      {Kind: Linear, Scale: Scale{-5, 100, 10}, Exprs: []tree.Node{arg(0, ctype.Long)}},
		"statistics":  {Kind: Stats, Exprs: []tree.Node{text, arg(0, ctype.Long)}},
		"sieve":       {Sieve: Sieve{Self: 1, PIDs: []uint32{2, 3}, TID: 4}},
		"return":      {Exprs: []tree.Node{&tree.Input{Source: tree.Saved, Index: 2, T: ctype.IntType}, &tree.Input{Source: tree.Latency, T: ctype.ULong}}, Saved: []int{2}, Latency: true},
		"filter":      {Filter: &tree.Logic{And: true, X: &tree.Match{Text: &tree.Text{Size: 16}, Literal: "bash"}, Y: &tree.Unary{Op: "!", X: arg(0, ctype.Long), T: ctype.IntType}}},
	} {
		insns, err := Program(hook(), table)
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", name))
		resolved(t, insns)
		qt.Check(t, qt.Equals(table.KeySize()%8, 0))
	}
	entry, err := Entry(hook(), []int{0, 2}, Sieve{PIDs: []uint32{7}})
	qt.Assert(t, qt.IsNil(err))
	resolved(t, entry)
}

// What does not fit on the stack is refused by us, and not by the verifier.
func TestStack(t *testing.T) {
	text := func(size int) tree.Node {
		return &tree.Text{Address: arg(0, ctype.ULong), Space: ctype.Kernel, Size: size}
	}
	_, err := Program(hook(), &Table{Exprs: []tree.Node{text(384)}})
	qt.Check(t, qt.IsNil(err))
	_, err = Program(hook(), &Table{Exprs: []tree.Node{text(384), text(384)}})
	qt.Check(t, qt.ErrorMatches(err, "it takes [0-9]+ bytes of stack.*"))
}

func TestKeys(t *testing.T) {
	n, s := arg(0, ctype.IntType), &tree.Text{Size: 13}
	for _, test := range []struct {
		table Table
		key   int
	}{
		{Table{}, 8}, {Table{Exprs: []tree.Node{n, s}}, 24}, {Table{Kind: Log2, Exprs: []tree.Node{n}}, 8}, {Table{Kind: Log2, Exprs: []tree.Node{s, n}}, 24},
		{Table{Kind: Stats, Exprs: []tree.Node{n}}, 8}, {Table{Kind: Stats, Exprs: []tree.Node{s, n}}, 16},
	} {
		qt.Check(t, qt.Equals(test.table.KeySize(), test.key))
	}
}

// Only where the arguments are not there at the return does an entry keep them.
func TestPaired(t *testing.T) {
	saved := &Table{Saved: []int{1}}
	qt.Check(t, qt.IsTrue(saved.Paired(hook())))
	qt.Check(t, qt.IsFalse(saved.Paired(&Hook{AtReturn: true})))
	qt.Check(t, qt.IsTrue((&Table{Latency: true}).Paired(&Hook{AtReturn: true})))
	qt.Check(t, qt.HasLen(saved.Remembered(&Hook{AtReturn: true}), 0))
}

// The verifier of 5.10 must not meet what came later.
func TestOldInstructions(t *testing.T) {
	x, y := arg(0, ctype.Long), arg(1, ctype.Long)
	insns, err := Program(hook(), &Table{Exprs: []tree.Node{&tree.Binary{Op: "/", X: x, Y: y, T: ctype.Long}}})
	qt.Assert(t, qt.IsNil(err))
	for _, i := range insns {
		text := i.OpCode.String()
		qt.Check(t, qt.IsFalse(strings.HasPrefix(text, "SDiv") || strings.HasPrefix(text, "SMod")))
		qt.Check(t, qt.Equals(i.OpCode.ALUOp() == asm.SDiv || i.OpCode.ALUOp() == asm.SMod, false))
	}
}
