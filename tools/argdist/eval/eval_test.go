package eval

import (
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// memory is a few bytes at an address.
type memory struct {
	at    uint64
	bytes string
}

func (m memory) read(_ ctype.Space, at uint64, buf []byte) bool {
	if at < m.at || at+uint64(len(buf)) > m.at+uint64(len(m.bytes)) {
		return false
	}
	copy(buf, m.bytes[at-m.at:])
	return true
}

func TestValue(t *testing.T) {
	env := &Env{
		Input: func(in *tree.Input) int64 { return []int64{-1, 100, 0}[in.Index] },
		Read:  memory{100, "\x01\xff\x00\x80abc\x00"}.read, Context: []byte{8, 0, 4, 0, 0xfe, 0xff, 0xff, 0xff}, ContextAddress: 96, Comm: "dd",
	}
	arg := func(i int, t ctype.Type) tree.Node { return &tree.Input{Index: i, T: t} }
	at := func(offset int64) tree.Node {
		return &tree.Binary{Op: "+", X: arg(1, ctype.ULong), Y: &tree.Const{Value: offset, T: ctype.ULong}, T: ctype.ULong}
	}
	text := &tree.Text{Address: at(4), Size: 16}
	fault := &tree.Load{Address: arg(2, ctype.ULong), Size: 4, T: ctype.IntType}
	for _, test := range []struct {
		node tree.Node
		want int64
		err  error
	}{
		{arg(0, ctype.UInt), 0xffffffff, nil},
		{&tree.Load{Address: at(0), Size: 2, T: ctype.Short}, -255, nil},
		{&tree.Load{Address: at(0), Size: 2, T: ctype.UShort}, 0xff01, nil},
		{&tree.Load{Address: at(7), Size: 2, T: ctype.UShort}, 0, ErrFault},
		{&tree.Bits{X: &tree.Load{Address: at(3), Size: 1, T: ctype.UChar}, Shift: 7, Width: 1, T: ctype.IntType}, -1, nil},
		{&tree.Context{Offset: 4, Size: 4, T: ctype.IntType}, -2, nil},
		{&tree.ContextAddress{Offset: 4, T: ctype.ULong}, 100, nil},
		{&tree.DataAddress{Offset: 0, T: ctype.ULong}, 104, nil},
		{&tree.DataAddress{Offset: 2, Relative: true, T: ctype.ULong}, 96 + 4 + 2 + 4, nil},
		{&tree.Match{Text: text, Literal: "ab"}, 1, nil},
		{&tree.Match{Text: text, Literal: "ab", Whole: true}, 0, nil},
		{&tree.Match{Text: &tree.Text{Size: 16}, Literal: "dd", Whole: true}, 1, nil},
		{&tree.Match{Text: &tree.Text{Address: arg(2, ctype.ULong), Size: 3}, Literal: "ab"}, 0, ErrFault},
		{&tree.Binary{Op: "/", X: arg(1, ctype.Long), Y: arg(2, ctype.Long), T: ctype.Long}, 0, ErrDivide},
		// What decides keeps the rest from being looked at.
		{&tree.Logic{And: true, X: arg(2, ctype.Long), Y: fault}, 0, nil},
		{&tree.Logic{X: arg(1, ctype.Long), Y: fault}, 1, nil},
		{&tree.Logic{And: true, X: arg(1, ctype.Long), Y: fault}, 0, ErrFault},
		{&tree.Cond{If: arg(2, ctype.Long), Then: fault, Else: arg(1, ctype.Long), T: ctype.Long}, 100, nil},
		{&tree.Swap{X: &tree.Const{Value: 0x1234, T: ctype.UShort}, Size: 2, T: ctype.UShort}, 0x3412, nil},
		{&tree.Unary{Op: "!", X: arg(2, ctype.Long), T: ctype.IntType}, 1, nil},
		{&tree.Unary{Op: "~", X: arg(0, ctype.UInt), T: ctype.UInt}, 0, nil},
		{&tree.Convert{X: arg(0, ctype.Long), T: ctype.UChar}, 255, nil},
	} {
		got, err := Value(test.node, env)
		qt.Check(t, qt.Equals(err, test.err), qt.Commentf("%v", tree.Lines(test.node)))
		if err == nil {
			qt.Check(t, qt.Equals(got, test.want), qt.Commentf("%v", tree.Lines(test.node)))
		}
	}
	got, err := Text(text, env)
	qt.Check(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(string(got), "abc"))
	got, _ = Text(&tree.Text{Address: at(4), Size: 3}, env)
	qt.Check(t, qt.Equals(string(got), "ab"))
}
