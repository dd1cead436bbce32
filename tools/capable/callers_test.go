package main

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/symbol"
)

// TestCallerRanges: what a kernel has of the functions, in their order, with what
// each implies.
func TestCallerRanges(t *testing.T) {
	has := map[string][]symbol.Range{
		"capable":              {{Start: 10, End: 20}},
		"ns_capable_setid":     {{Start: 30, End: 40}, {Start: 90, End: 95}}, // a part of it lies elsewhere
		"cap_vm_enough_memory": {{Start: 50, End: 60}},
		"cap_capable":          {{Start: 1, End: 9}}, // in every stack
	}
	got := callerRanges(func(name string) []symbol.Range { return has[name] })
	qt.Check(t, qt.DeepEquals(got, []bpfCaller{
		{Start: 50, End: 60, How: callerNoAudit},
		{Start: 30, End: 40, How: callerSetid},
		{Start: 90, End: 95, How: callerSetid},
		{Start: 10, End: 20, How: callerAudits},
	}))
	qt.Check(t, qt.HasLen(callerRanges(func(string) []symbol.Range { return nil }), 0))
}

// TestCallerRangesBound: there is room for so many, and the frequent ones are
// among them.
func TestCallerRangesBound(t *testing.T) {
	n := uint64(0)
	got := callerRanges(func(name string) []symbol.Range {
		var out []symbol.Range
		for range 7 {
			n++
			out = append(out, symbol.Range{Start: n, End: n + 1})
		}
		return out
	})
	qt.Assert(t, qt.Equals(len(got), maxCallers))
	for i, c := range got {
		qt.Check(t, qt.Equals(c.Start, uint64(i+1)))
	}
	qt.Check(t, qt.IsTrue(len(callers) <= maxCallers))

	seen := make(map[string]bool)
	for _, c := range callers {
		qt.Check(t, qt.IsFalse(seen[c.name]), qt.Commentf("%s stands there twice", c.name))
		seen[c.name] = true
	}
}

// TestCallersFit: what is found can be written into the object.
func TestCallersFit(t *testing.T) {
	spec, err := loadBpf()
	qt.Assert(t, qt.IsNil(err))
	table := [maxCallers]bpfCaller{{Start: 1, End: 2, How: callerSetid}}
	table[maxCallers-1].End = 7
	qt.Assert(t, qt.IsNil(loader.SetConstant(spec, "callers", table)))
	var got [maxCallers]bpfCaller
	qt.Assert(t, qt.IsNil(spec.Variables["callers"].Get(&got)))
	qt.Check(t, qt.Equals(got, table))
}

// TestSetCallers: without the kernel's addresses it is an error only where they
// are needed, and nothing is written.
func TestSetCallers(t *testing.T) {
	_, hidden := symbol.ReadKernel()
	for _, needed := range []bool{false, true} {
		spec, err := ebpf.LoadCollectionSpec("bpf_x86_bpfel.o")
		qt.Assert(t, qt.IsNil(err))
		err = setCallers(needed)(nil, spec)
		var count uint32
		qt.Assert(t, qt.IsNil(spec.Variables["caller_count"].Get(&count)))
		if hidden != nil {
			qt.Check(t, qt.Equals(err != nil, needed))
			qt.Check(t, qt.Equals(count, 0))
			continue
		}
		qt.Check(t, qt.IsNil(err))
		qt.Check(t, qt.IsTrue(count > 3 && count <= maxCallers), qt.Commentf("%d", count))
	}
}
