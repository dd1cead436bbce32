package main

import (
	"testing"

	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"
)

func TestFloorHook(t *testing.T) {
	for text, want := range map[string]floorHook{
		"fexit/inet_bind":              {"fexit", "inet_bind", -1},
		"raw_tp/sys_exit/257":          {"raw_tp", "sys_exit", 257},
		"raw_tp/inet_sock_set_state/2": {"raw_tp", "inet_sock_set_state", 2},
	} {
		h, err := parseFloorHook(text)
		qt.Check(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(h, want))
	}
	_, err := parseFloorHook("raw_tp/sys_exit/bind")
	qt.Check(t, qt.ErrorMatches(err, `parse hook "raw_tp/sys_exit/bind": .*`))
	_, err = parseFloorHook("sys_exit")
	qt.Check(t, qt.ErrorMatches(err, `parse hook "sys_exit": KIND/NAME expected`))
	_, err = attachFirst([]string{"dance/a", "dance/b"}, nil)
	qt.Check(t, qt.ErrorMatches(err, "dance/a: no kind of hook \"dance\"\ndance/b: .*"))
	qt.Check(t, qt.ErrorMatches(floorMain([]string{"8"}), "the size of a record and a hook expected"))
}

// TestFloorProgram: without work there is none, and every jump has a target.
func TestFloorProgram(t *testing.T) {
	work := asm.Instructions{asm.Mov.Imm(asm.R0, 1)}
	for _, test := range []struct {
		hook floorHook
		work asm.Instructions
		want int
	}{
		{floorHook{"fexit", "inet_bind", -1}, nil, 2},
		{floorHook{"fexit", "inet_bind", -1}, work, 3},
		{floorHook{"raw_tp", "inet_sock_set_state", 2}, work, 5},
		{floorHook{"raw_tp", "sys_exit", 257}, work, 11},
	} {
		insns := test.hook.program(test.work)
		qt.Check(t, qt.HasLen(insns, test.want))
		at, err := insns.SymbolOffsets()
		qt.Check(t, qt.IsNil(err))
		for name := range insns.ReferenceOffsets() {
			_, ok := at[name]
			qt.Check(t, qt.IsTrue(ok), qt.Commentf("jump to %q", name))
		}
	}
}

func TestSizeOf(t *testing.T) {
	qt.Check(t, qt.Equals(sizeOf(100*208, 100), 200))
	qt.Check(t, qt.Equals(sizeOf(100*208+300, 101), 200), qt.Commentf("one of another process"))
	qt.Check(t, qt.Equals(sizeOf(0, 3), 0), qt.Commentf("nothing is sent"))
	qt.Check(t, qt.Equals(sizeOf(0, 0), 0))
}

// TestFloorIsNoPeer: it has a column, and nothing is compared with it.
func TestFloorIsNoPeer(t *testing.T) {
	r := &result{
		metric: metric{
			figures:  []figure{{"time", count}},
			subjects: withFloor([]subject{{tool: ours}, {tool: ours, mode: "-x"}, {tool: "bcc"}}, floor(0, "fexit/x")),
		},
		samples:  [][][]float64{{{60}}, {{90}}, {{120}}, {{30}}},
		failures: make([]string, 4),
	}
	qt.Assert(t, qt.DeepEquals(r.peers(), []string{"bcc"}))
	page := render([]part{{results: []result{*r}}})
	for _, text := range []string{
		"|  | time | ratio to bcc | ratio to floor |\n", "| ringside | 60 | 0.50 | 2.00 |\n", "| ringside `-x` | 90 | 0.75 | 3.00 |\n", "| floor | 30 |  |  |\n",
	} {
		qt.Check(t, qt.StringContains(page, text))
	}
	// A floor that got twice as good is no loss of ours.
	now := &result{metric: r.metric, samples: [][][]float64{{{60}}, {{90}}, {{120}}, {{15}}}}
	compared, worse := now.worseThan(r)
	qt.Check(t, qt.Equals(compared, 2))
	qt.Check(t, qt.HasLen(worse, 0))
}
