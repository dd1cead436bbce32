package main

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/tools/argdist/check"
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/gen"
	"github.com/ringside-tools/ringside/tools/argdist/libc"
	"github.com/ringside-tools/ringside/tools/argdist/probe"
	"github.com/ringside-tools/ringside/tools/argdist/report"
	"github.com/ringside-tools/ringside/tools/argdist/spec"
)

// tallyOf is a specifier with what was gathered for it.
func tallyOf(t *testing.T, kind report.Kind, text string, rows map[string]*probe.Entry) *tally {
	t.Helper()
	s, err := spec.Parse(text, check.IsType(libc.Table{}))
	qt.Assert(t, qt.IsNil(err))
	c, err := check.Check(s, &check.Scope{Types: libc.Table{}, Space: ctype.Kernel, MaxArgs: 6, TextSize: 16})
	qt.Assert(t, qt.IsNil(err))
	table := &gen.Table{Kind: gathers(kind)}
	for _, e := range c.Exprs {
		table.Exprs = append(table.Exprs, e.Node)
	}
	p := &plan{wanted: wanted{text, kind}, checked: c, request: probe.Request{Table: table}}
	for key := range rows {
		qt.Assert(t, qt.Equals(len(key), table.KeySize()))
	}
	return &tally{plan: p, rows: rows}
}

// keyOf writes a key as programs do: numbers as eight bytes, text as sixteen.
func keyOf(parts ...any) string {
	var out []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			out = binary.NativeEndian.AppendUint64(out, uint64(int64(p)))
		case string:
			out = append(out, append([]byte(p), make([]byte, 16-len(p))...)...)
		}
	}
	return string(out)
}

func printed(t *testing.T, table report.Table) string {
	t.Helper()
	var b bytes.Buffer
	qt.Assert(t, qt.IsNil(report.NewText(&b, false).Interval(report.Interval{Number: 1}, []report.Table{table})))
	_, text, _ := bytes.Cut(b.Bytes(), []byte("\n"))
	return string(text)
}

// TestTables compares with what bcc's argdist prints.
func TestTables(t *testing.T) {
	for _, test := range []struct {
		kind report.Kind
		spec string
		rows map[string]*probe.Entry
		want string
	}{
		{report.Count, "p::__kmalloc(size_t size, unsigned flags):unsigned,size_t:flags,size", map[string]*probe.Entry{
			keyOf(16, 152): {Count: 1}, keyOf(131280, 8): {Count: 6}, keyOf(131280, 16): {Count: 19}},
			"p::__kmalloc(size_t size, unsigned flags):unsigned,size_t:flags,size\n\tCOUNT      EVENT\n" +
				"\t1          flags = 16, size = 152\n\t6          flags = 131280, size = 8\n\t19         flags = 131280, size = 16\n"},
		{report.Count, "t:syscalls:sys_exit_epoll_wait():char*:$COMM", map[string]*probe.Entry{keyOf("node"): {Count: 4}},
			"t:syscalls:sys_exit_epoll_wait():char*:$COMM\n\tCOUNT      EVENT\n\t4          $COMM = b'node'\n"},
		{report.Count, "p:c:fork()#fork calls", map[string]*probe.Entry{keyOf(0): {Count: 3}}, "fork calls\n\tCOUNT      EVENT\n\t3          total calls\n"},
		{report.Count, "r:c:read()", map[string]*probe.Entry{keyOf(-11): {Count: 3}}, "r:c:read()\n\tCOUNT      EVENT\n\t3          retval = -11\n"},
		{report.Count, "r:c:f(int size):int:$entry(size)", map[string]*probe.Entry{keyOf(7): {Count: 1}},
			"r:c:f(int size):int:$entry(size)\n\tCOUNT      EVENT\n\t1          size = 7\n"},
		{report.Log2, "p:c:write(int fd, void *buf, size_t len):size_t:len", map[string]*probe.Entry{keyOf(2): {Count: 2}, keyOf(6): {Count: 6}},
			"     len                 : count     distribution\n" +
				"         0 -> 1          : 0        |                                        |\n" +
				"         2 -> 3          : 2        |*************                           |\n" +
				"         4 -> 7          : 0        |                                        |\n" +
				"         8 -> 15         : 0        |                                        |\n" +
				"        16 -> 31         : 0        |                                        |\n" +
				"        32 -> 63         : 6        |****************************************|\n"},
	} {
		got := printed(t, tallyOf(t, test.kind, test.spec, test.rows).table(0))
		qt.Check(t, qt.Equals(got, test.want), qt.Commentf("%s", test.spec))
	}
}

// TestHistogramKeys puts the buckets of each key together.
func TestHistogramKeys(t *testing.T) {
	ta := tallyOf(t, report.Log2, "p::f(int a, long b)::a,b", map[string]*probe.Entry{keyOf(1, 3): {Count: 5}, keyOf(1, -2): {Count: 7}, keyOf(2, 1): {Count: 11}})
	table := ta.table(0)
	qt.Check(t, qt.DeepEquals(table.Exprs, []string{"a"}))
	qt.Check(t, qt.Equals(table.Value, "b"))
	qt.Check(t, qt.IsTrue(table.Signed))
	qt.Assert(t, qt.Equals(len(table.Rows), 2))
	n := 0
	for _, r := range table.Rows {
		n += len(r.Buckets)
	}
	qt.Check(t, qt.Equals(n, 3))
}

// TestMerge adds up what processors and intervals have gathered.
func TestMerge(t *testing.T) {
	e := probe.Entry{Count: 1, Sum: 5, Min: 5, Max: 5}
	minus := int64(-3)
	e.Merge(&probe.Entry{Count: 2, Sum: uint64(minus) + 1, Min: uint64(minus), Max: 1}, true)
	qt.Check(t, qt.DeepEquals(e, probe.Entry{Count: 3, Sum: 3, Min: uint64(minus), Max: 5}))
	e.Merge(&probe.Entry{}, true)
	qt.Check(t, qt.Equals(e.Count, 3))
}

func TestShown(t *testing.T) {
	qt.Check(t, qt.Equals(shown("$latency/$entry( size )"), "$latency/size"))
	qt.Check(t, qt.Equals(oneLine("a\n   b"), "a b"))
}

func TestOwnFrames(t *testing.T) {
	const ours, write = 1, 2
	bpf := func(addr uint64) bool { return addr == ours }
	qt.Check(t, qt.DeepEquals(withoutOurs([]uint64{ours, ours, write, ours}, bpf), []uint64{write, ours}))
	qt.Check(t, qt.DeepEquals(withoutOurs([]uint64{ours}, bpf), []uint64{ours}))
	qt.Check(t, qt.DeepEquals(withoutOurs([]uint64{ours, write}, bpf), []uint64{write}))
	qt.Check(t, qt.HasLen(withoutOurs(nil, bpf), 0))
}
