package gen

import (
	"encoding/binary"
	"maps"
	"slices"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/tools/argdist/check"
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/libc"
	"github.com/ringside-tools/ringside/tools/argdist/spec"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

type someTypes struct{ libc.Table }

func (someTypes) Tagged(tag, name string) (ctype.Type, bool) {
	return ctype.NewStruct("s", 40,
		ctype.Member{Name: "i", Type: ctype.IntType, Offset: 32},
		ctype.Member{Name: "low", Type: ctype.UInt, Offset: 64, Bits: 3}, ctype.Member{Name: "high", Type: ctype.IntType, Offset: 67, Bits: 29},
		ctype.Member{Name: "in", Type: ctype.NewStruct("", 8, ctype.Member{Name: "deep", Type: ctype.Short, Offset: 16}), Offset: 96},
		ctype.Member{Name: "flag", Type: ctype.Bool, Offset: 160},
		ctype.Member{Name: "bit", Type: ctype.Bool, Offset: 171, Bits: 1},
		ctype.Member{Name: "a", Type: &ctype.Array{Elem: ctype.Short, Len: 4}, Offset: 192},
	), tag == "struct" && name == "s"
}

// checked reads and checks a specifier of f(long a, long b, unsigned u, struct s *p,
// struct s *q).
func checked(t *testing.T, rest string) (*check.Checked, error) {
	t.Helper()
	s, err := spec.Parse("p::f(long a, long b, unsigned u, struct s *p, struct s *q):"+rest, check.IsType(someTypes{}))
	qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", rest))
	return check.Check(s, &check.Scope{Types: someTypes{}, Space: ctype.Kernel, MaxArgs: 6, TextSize: 16})
}

// called is a machine with the arguments a = -7, b = 3, u = 0xfffffff0, p and q.
func called(t *testing.T) *machine {
	m := newMachine(t)
	for i, v := range []int64{-7, 3, 0xfffffff0, dataAt, dataAt + 3*40} {
		m.put(contextAt+8*uint64(i), 8, uint64(v))
	}
	binary.LittleEndian.PutUint32(m.memory[dataAt][4:], 0xfffffffe)              // i = -2
	binary.LittleEndian.PutUint32(m.memory[dataAt][8:], uint32(5|0x1ffffffd<<3)) // low = 5, high = -3
	binary.LittleEndian.PutUint16(m.memory[dataAt][14:], 0xfffb)                 // in.deep = -5
	m.memory[dataAt][20] = 2                                                     // flag, as a compiler never would
	m.memory[dataAt][21] = 1 << 3                                                // bit
	copy(m.memory[dataAt][24:], []byte{1, 0, 2, 0, 3, 0, 0xfc, 0xff})            // a
	return m
}

func nodes(c *check.Checked) (out []tree.Node) {
	for _, e := range c.Exprs {
		out = append(out, e.Node)
	}
	return out
}

func values(m *machine) []int64 {
	var out []int64
	for _, key := range slices.Sorted(maps.Keys(m.entries[innerTable])) {
		out = append(out, int64(binary.LittleEndian.Uint64([]byte(key))))
	}
	return out
}

// TestValues has what expressions are in C, worked out by hand, as the program that is
// made of them computes it.
func TestValues(t *testing.T) {
	for expr, want := range map[string]int64{
		"a/b": -2, "a%b": -1, "a*b": -21, "a-b": -10, "-a": 7, "~a": 6, "a/-b": 2, "-a%-b": 1,
		"a>>1": -4, "b<<2": 12, "u>>4": 0x0fffffff, "(u<<4)": 0xffffff00, "(int)u": -16, "(u8)a": 0xf9, "(s8)u": -16, "(u16)a": 0xfff9, "(s16)u": -16, "(u32)a": 0xfffffff9, "(bool)a": 1, "(bool)(a+7)": 0,
		"a&b": 1, "a|b": -5, "a^b": -6, "!a": 0, "!!b": 1,
		"a<b": 1, "a>b": 0, "a<=-7": 1, "a>=-6": 0, "u>a": 1, "u<5": 0, "a==-7": 1, "a!=-7": 0, "a<u-u-1": 1, "u-1>u": 0,
		"a&&b": 1, "a&&b-3": 0, "b-3&&a/(b-3)": 0, "b-3||a": 1, "b-3||a+7": 0, "b||a/(b-3)": 1, "(b>2&&a>2)||b==3": 1, "!(a<b||a/(b-3))": 0,
		"b==3?10:20": 10, "b==4?10:20": 20,
		"p->i": -2, "p->low": 5, "p->high": -3, "p->in.deep": -5, "p->flag": 1, "p->bit": 1, "p->a[1]": 2, "p->a[b]": -4, "(*p).i": -2,
		"q-p": 3, "p-q": -3, "p<q": 1, "p+3==q": 1, "3+p==q": 1, "q-3==p": 1, "&p->a[2]-&p->a[0]": 2, "(&p->i)[0]": -2, "q-b==p": 1,
		"ntohs(0x1234)": 0x3412, "ntohl(u)": 0xf0ffffff, "sizeof(*p)": 40,
		`$COMM=="dd"`: 1, `$COMM!="dd"`: 0, `STRCMP("d",$COMM)`: 1, `$COMM=="d"`: 0, "$PID": 7, "$TID": 8, "$GID": 5,
	} {
		c, err := checked(t, ":"+expr)
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", expr))
		insns, err := Program(hook(), &Table{Exprs: nodes(c)})
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", expr))
		m := called(t)
		m.run(insns)
		qt.Check(t, qt.DeepEquals(values(m), []int64{want}), qt.Commentf("%s", expr))
		qt.Check(t, qt.Equals(m.counters(), Counters{Seen: 1, Counted: 1}), qt.Commentf("%s", expr))
	}
}
