package gen

import (
	"encoding/binary"
	"testing"

	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/report"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

func made(t *testing.T, table *Table) asm.Instructions {
	t.Helper()
	insns, err := Program(hook(), table)
	qt.Assert(t, qt.IsNil(err))
	return insns
}

// TestSlots: programs and reports mean the same by a slot.
func TestSlots(t *testing.T) {
	for _, scale := range []Scale{{-10, 95, 10}, {0, 10, 1<<64 - 1}, {-1 << 63, 1<<63 - 1, 1 << 63}} {
		for _, n := range []int64{0, 1, 2, 3, 4, 7, 8, 1 << 31, 1<<62 + 1, -1, -2, -3, -8, -1 << 63, 1<<63 - 1, -11, -10, 9, 10, 94, 95, 96} {
			testSlots(t, scale, n)
		}
	}
}

func testSlots(t *testing.T, scale Scale, n int64) {
	t.Helper()
	for _, typ := range []ctype.Type{ctype.Long, ctype.ULong} {
		want := map[Kind]int{Log2: report.SlotUnsigned(uint64(n)), Linear: report.Scale(scale).SlotUnsigned(uint64(n))}
		if typ == ctype.Long {
			want = map[Kind]int{Log2: report.Slot(n), Linear: report.Scale(scale).Slot(n)}
		}
		for kind, slot := range want {
			m := newMachine(t)
			m.put(contextAt, 8, uint64(n))
			m.run(made(t, &Table{Kind: kind, Scale: scale, Exprs: []tree.Node{arg(0, typ)}}))
			qt.Check(t, qt.DeepEquals(values(m), []int64{int64(slot)}), qt.Commentf("%d as %s, kind %d, %v", n, typ, kind, scale))
		}
	}
}

// TestStats adds up what a key has had.
func TestStats(t *testing.T) {
	for typ, want := range map[ctype.Type][4]int64{ctype.Long: {4, -3, -5, 7}, ctype.ULong: {4, -3, 0, -2}} {
		m := newMachine(t)
		for _, n := range []int64{0, 7, -5, -5} {
			if typ == ctype.ULong && n == -5 { // two numbers near the largest
				n = -2
			}
			m.put(contextAt, 8, uint64(n))
			m.run(made(t, &Table{Kind: Stats, Exprs: []tree.Node{arg(0, typ)}}))
		}
		if typ == ctype.ULong {
			want[1] = 3
		}
		qt.Assert(t, qt.HasLen(m.entries[innerTable], 1))
		for _, at := range m.entries[innerTable] {
			for i := range want {
				qt.Check(t, qt.Equals(int64(m.get(at+8*uint64(i), 8)), want[i]), qt.Commentf("%s, word %d", typ, i))
			}
		}
		qt.Check(t, qt.Equals(m.counters(), Counters{Seen: 4, Counted: 4}))
	}
}

// TestCounts counts what comes again in the same entry.
func TestCounts(t *testing.T) {
	m := newMachine(t)
	for _, n := range []uint64{5, 5, 6, 5} {
		m.put(contextAt, 8, n)
		m.run(made(t, &Table{Exprs: []tree.Node{arg(0, ctype.Long)}}))
	}
	counts := map[uint64]uint64{}
	for key, at := range m.entries[innerTable] {
		counts[binary.LittleEndian.Uint64([]byte(key))] = m.get(at, 8)
	}
	qt.Check(t, qt.DeepEquals(counts, map[uint64]uint64{5: 3, 6: 1}))
}

// TestFailures end an event as what they are, and leave the table alone.
func TestFailures(t *testing.T) {
	for _, test := range []struct {
		expr string
		want Counters
	}{
		{"a/(b-3)", Counters{Seen: 1, Divide: 1}}, {"u%(b-3)", Counters{Seen: 1, Divide: 1}}, {"*(int *)0", Counters{Seen: 1, Fault: 1}},
		{"1:b==4", Counters{Seen: 1, Filtered: 1}}, {"1:a/(b-3)", Counters{Seen: 1, Divide: 1}}, {"1:b==3", Counters{Seen: 1, Counted: 1}},
	} {
		c, err := checked(t, ":"+test.expr)
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", test.expr))
		m := called(t)
		m.run(made(t, &Table{Exprs: nodes(c), Filter: c.Filter}))
		qt.Check(t, qt.Equals(m.counters(), test.want), qt.Commentf("%s", test.expr))
		qt.Check(t, qt.Equals(len(values(m)), int(test.want.Counted)), qt.Commentf("%s", test.expr))
	}
}

// TestPair: a return finds its own entry by the stack, once.
func TestPair(t *testing.T) {
	table := &Table{Saved: []int{1}, Latency: true, Exprs: []tree.Node{
		&tree.Binary{Op: "+", X: &tree.Input{Source: tree.Saved, Index: 1, T: ctype.Long}, Y: &tree.Input{Source: tree.Latency, T: ctype.Long}, T: ctype.Long}}}
	entry, err := Entry(hook(), table.Remembered(hook()), Sieve{})
	qt.Assert(t, qt.IsNil(err))
	m := newMachine(t)
	stack := func(at uint64) { m.put(contextAt+152, 8, at) }
	m.put(contextAt+8, 8, 5000) // the argument
	stack(0x800)
	m.run(entry)
	qt.Check(t, qt.Equals(m.counters(), Counters{})) // a call is no event
	m.put(contextAt+8, 8, 1)                         // is another thing at the return
	stack(0x800)
	m.run(made(t, table)) // of a call further down, whose entry was not seen
	qt.Check(t, qt.Equals(m.counters(), Counters{Seen: 1, NoEntry: 1}))
	stack(0x808) // the call's return address is gone
	m.run(made(t, table))
	qt.Check(t, qt.Equals(m.counters(), Counters{Seen: 2, NoEntry: 1, Counted: 1}))
	qt.Check(t, qt.DeepEquals(values(m), []int64{5200})) // two looks at the clock later
	m.run(made(t, table))
	qt.Check(t, qt.Equals(m.counters(), Counters{Seen: 3, NoEntry: 2, Counted: 1}))
}

// TestSieved lets pass what it must, and nothing else.
func TestSieved(t *testing.T) {
	path := []int{0, 8, 16}
	for _, test := range []struct {
		name   string
		sieve  Sieve
		change func(m *machine)
		want   Counters
	}{
		{"nothing", Sieve{}, nil, Counters{Seen: 1, Counted: 1}},
		{"self", Sieve{Self: 7}, nil, Counters{}},
		{"another self", Sieve{Self: 8}, nil, Counters{Seen: 1, Counted: 1}},
		{"pid", Sieve{PIDs: []uint32{6, 7}}, nil, Counters{Seen: 1, Counted: 1}},
		{"another pid", Sieve{PIDs: []uint32{6, 8}}, nil, Counters{Seen: 1, Filtered: 1}},
		{"tid", Sieve{TID: 8}, nil, Counters{Seen: 1, Counted: 1}},
		{"another tid", Sieve{TID: 7}, nil, Counters{Seen: 1, Filtered: 1}},
		{"root", Sieve{ByUID: true}, nil, Counters{Seen: 1, Counted: 1}},
		{"user", Sieve{ByUID: true, UID: 0xfffffffe}, func(m *machine) { m.uid = 0xfffffffe }, Counters{Seen: 1, Counted: 1}},
		{"group", Sieve{ByUID: true, UID: 5}, nil, Counters{Seen: 1, Filtered: 1}},
		{"cgroups", Sieve{Cgroups: 2}, func(m *machine) { m.under = map[uint64]bool{0: true, 1: true} }, Counters{Seen: 1, Counted: 1}},
		{"one of two cgroups", Sieve{Cgroups: 2}, func(m *machine) { m.under = map[uint64]bool{0: true} }, Counters{Seen: 1, Filtered: 1}},
		{"set of cgroups", Sieve{CgroupSet: true}, func(m *machine) { m.add(m.mapOf(CgroupSetMap), "\x4d\x00\x00\x00\x00\x00\x00\x00", "x") }, Counters{Seen: 1, Counted: 1}},
		{"another set", Sieve{CgroupSet: true}, func(m *machine) { m.add(m.mapOf(CgroupSetMap), "\x4e\x00\x00\x00\x00\x00\x00\x00", "x") }, Counters{Seen: 1, Filtered: 1}},
		{"mntns", Sieve{MntNS: 0xf0000001, MntNSPath: path}, nil, Counters{Seen: 1, Counted: 1}},
		{"another mntns", Sieve{MntNS: 0xf0000002, MntNSPath: path}, nil, Counters{Seen: 1, Filtered: 1}},
		{"no mntns", Sieve{MntNS: 0xf0000001, MntNSPath: path}, func(m *machine) { m.put(dataAt, 8, 0) }, Counters{Seen: 1, Filtered: 1}},
		{"set of mntns", Sieve{MntNSSet: true, MntNSPath: path}, func(m *machine) { m.add(m.mapOf(MntNSSetMap), "\x01\x00\x00\xf0\x00\x00\x00\x00", "x") }, Counters{Seen: 1, Counted: 1}},
		{"not in the set", Sieve{MntNSSet: true, MntNSPath: path}, nil, Counters{Seen: 1, Filtered: 1}},
		{"name", Sieve{Comm: "dd"}, nil, Counters{Seen: 1, Counted: 1}},
		{"begin of the name", Sieve{Comm: "d"}, nil, Counters{Seen: 1, Filtered: 1}},
		{"more than the name", Sieve{Comm: "ddd"}, nil, Counters{Seen: 1, Filtered: 1}},
		{"long name", Sieve{Comm: "fifteen bytes a"}, func(m *machine) { m.comm = "fifteen bytes a" }, Counters{Seen: 1, Counted: 1}},
		{"two at once", Sieve{ByUID: true, Comm: "cat"}, nil, Counters{Seen: 1, Filtered: 1}},
	} {
		m := newMachine(t)
		m.put(dataAt, 8, dataAt+32) // the task's nsproxy, its mount namespace, and its number
		m.put(dataAt+32+8, 8, dataAt+64)
		m.put(dataAt+64+16, 4, 0xf0000001)
		if test.change != nil {
			test.change(m)
		}
		m.run(made(t, &Table{Sieve: test.sieve, Exprs: []tree.Node{arg(0, ctype.Long)}}))
		qt.Check(t, qt.Equals(m.counters(), test.want), qt.Commentf("%s", test.name))
		qt.Check(t, qt.Equals(len(m.entries[innerTable]), int(test.want.Counted)), qt.Commentf("%s", test.name))
	}
}
