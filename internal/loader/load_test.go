package loader

import (
	"maps"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/preflight"
)

func TestKinds(t *testing.T) {
	got := Kinds(&ebpf.CollectionSpec{Programs: map[string]*ebpf.ProgramSpec{
		"a": {Type: ebpf.RawTracepoint, AttachTo: "sched_process_exec"},
		"b": {Type: ebpf.Tracing, AttachType: ebpf.AttachTraceFEntry, AttachTo: "execve"},
		"c": {Type: ebpf.Tracing, AttachType: ebpf.AttachTraceFExit, AttachTo: "execve"},
		"d": {Type: ebpf.Kprobe, AttachTo: "x"},
		"e": {Type: ebpf.Kprobe, AttachTo: "x", SectionName: "kprobe/x"},
		"f": {Type: ebpf.Kprobe, AttachTo: "x", SectionName: "kretprobe/x"},
		"g": {Type: ebpf.CGroupSKB, AttachType: ebpf.AttachCGroupInetIngress, SectionName: "cgroup_skb/ingress"},
		"h": {Type: ebpf.CGroupSKB, AttachType: ebpf.AttachCGroupInetEgress},
	}})
	qt.Assert(t, qt.DeepEquals(got, map[string]Kind{
		"a": {RawTracepoint, "sched_process_exec"},
		"b": {Tracing, "execve"},
		"c": {Tracing, "execve"},
		"d": {Other, "x"},
		"e": {Kprobe, "x"},
		"f": {Kretprobe, "x"},
		"g": {CgroupIngress, "ingress"},
		"h": {Other, ""},
	}))
}

func TestKindsOfObject(t *testing.T) {
	kinds := Kinds(object(t))
	qt.Check(t, qt.Equals(kinds["filter_follow_fork"], Kind{RawTracepoint, "sched_process_fork"}))
	for name, k := range kinds {
		qt.Check(t, qt.Not(qt.Equals(k.Type, Other)), qt.Commentf("%s", name))
		qt.Check(t, qt.Not(qt.Equals(k.Target, "")), qt.Commentf("%s", name))
	}
}

// smallObject has two programs, a constant and a map.
func smallObject() *ebpf.CollectionSpec {
	return &ebpf.CollectionSpec{
		Programs: map[string]*ebpf.ProgramSpec{
			"enter":  {Name: "enter", Type: ebpf.Tracing, AttachTo: "execve"},
			"exit":   {Name: "exit", Type: ebpf.Tracing, AttachTo: "execve"},
			"tp":     {Name: "tp", Type: ebpf.RawTracepoint, AttachTo: "sys_enter"},
			"unused": {Name: "unused", Type: ebpf.RawTracepoint, AttachTo: "sys_exit"},
		},
		Variables: map[string]*ebpf.VariableSpec{"deep": {Name: "deep", Value: []byte{0}}},
	}
}

func TestPrepare(t *testing.T) {
	k := &fakeKernel{functions: []string{"execve", "__x64_sys_execve", "compat_b"}, preemptible: true}
	hook := &Hook{Name: "execs"}
	for _, test := range []struct {
		what    string
		choices []Choice
		steps   []step
		aims    map[string]string // program -> AttachTo
	}{
		{"nothing", nil, nil, map[string]string{}},
		{"an optional hook that has no rung", []Choice{{Hook: hook}}, nil, map[string]string{}},
		{"as the section names say", []Choice{{hook, &Rung{Attach: []Attachment{{Program: "enter"}, {Program: "tp"}}}, nil, nil}},
			[]step{{"enter", Tracing, "execve", roleAlone, false}, {"tp", RawTracepoint, "sys_enter", roleAlone, false}},
			map[string]string{"enter": "execve", "tp": "sys_enter"}},
		{"said again", []Choice{{hook, &Rung{Attach: []Attachment{{Program: "enter", To: "execve"}}}, nil, nil}},
			[]step{{"enter", Tracing, "execve", roleAlone, false}}, map[string]string{"enter": "execve"}},
		{"elsewhere, twice", []Choice{{hook, &Rung{Attach: []Attachment{{Program: "exit", To: "a"}, {Program: "exit", To: "b"}, {Program: "exit"}}}, nil, nil}},
			[]step{{"exit@a", Tracing, "a", roleAlone, false}, {"exit@b", Tracing, "b", roleAlone, false}, {"exit", Tracing, "execve", roleAlone, false}},
			map[string]string{"exit@a": "a", "exit@b": "b", "exit": "execve"}},
		{"optional ones that exist", []Choice{{hook, &Rung{Attach: []Attachment{
			{Program: "exit", To: "compat_a", Optional: true}, {Program: "exit", To: "compat_b", Optional: true}}}, nil, nil}},
			[]step{{"exit@compat_b", Tracing, "compat_b", roleAlone, false}}, map[string]string{"exit@compat_b": "compat_b"}},
		{"with a backup", []Choice{{hook, &Rung{Attach: []Attachment{
			{Program: "enter", Backed: true}, {Program: "exit", Backup: true}, {Program: "tp"}}}, nil, nil}},
			[]step{{"enter", Tracing, "execve", roleBacked, false}, {"exit", Tracing, "execve", roleBackup, false}, {"tp", RawTracepoint, "sys_enter", roleAlone, false}},
			map[string]string{"enter": "execve", "exit": "execve", "tp": "sys_enter"}},
		{"two hooks, in order", []Choice{
			{hook, &Rung{Attach: []Attachment{{Program: "tp"}}}, nil, nil},
			{hook, &Rung{Attach: []Attachment{{Program: "enter", To: "__x64_sys_execve"}}}, nil, nil}},
			[]step{{"tp", RawTracepoint, "sys_enter", roleAlone, false}, {"enter@__x64_sys_execve", Tracing, "__x64_sys_execve", roleAlone, false}},
			map[string]string{"tp": "sys_enter", "enter@__x64_sys_execve": "__x64_sys_execve"}},
	} {
		comment := qt.Commentf("%s", test.what)
		spec := smallObject()
		original := maps.Clone(spec.Programs)
		steps, _ := prepare(k, spec, test.choices)
		qt.Check(t, qt.IsTrue(slices.Equal(steps, test.steps)), qt.Commentf("%s: %v", test.what, steps))

		aims := make(map[string]string)
		for name, p := range spec.Programs {
			aims[name] = p.AttachTo
		}
		qt.Check(t, qt.DeepEquals(aims, test.aims), comment)
		for name, p := range original { // a copy is aimed, never what it was copied from
			qt.Check(t, qt.Equals(p.AttachTo, smallObject().Programs[name].AttachTo), comment)
		}
	}
}

// A program for uprobes stays on the task's stack, as TestOneCPU of argdist needs it in the kernel.
func TestPrepareUprobe(t *testing.T) {
	spec := object(t)
	p := &ebpf.ProgramSpec{Name: "called", Type: ebpf.Kprobe, SectionName: "uprobe", Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}}
	spec.Programs = map[string]*ebpf.ProgramSpec{"called": p, "exec_done": spec.Programs["exec_done"]}
	rung := &Rung{Attach: []Attachment{{Program: "called"}, {Program: "exec_done"}}}
	prepare(&fakeKernel{}, spec, []Choice{{Rung: rung}})
	qt.Check(t, qt.IsTrue(hasTailCall(spec.Programs["called"].Instructions)))
	qt.Check(t, qt.IsFalse(hasTailCall(spec.Programs["exec_done"].Instructions)))
}

// Where no task loses its CPU in the kernel, only interrupts make a program be skipped.
func TestLeaveOutBackups(t *testing.T) {
	attach := func(interrupts bool) []Choice {
		return []Choice{{&Hook{Name: "execs"}, &Rung{Attach: []Attachment{
			{Program: "enter", Backed: true, Interrupts: interrupts}, {Program: "exit", Backup: true, Interrupts: interrupts}, {Program: "tp"}}}, nil, nil}}
	}
	for _, test := range []struct {
		preemptible, interrupts, backups bool
	}{{true, false, true}, {true, true, true}, {false, true, true}, {false, false, false}} {
		spec := smallObject()
		spec.Maps = map[string]*ebpf.MapSpec{handledMap: {MaxEntries: 4096}}
		spec.Variables["has_backups"] = object(t).Variables["has_backups"]
		want := []step{{"enter", Tracing, "execve", roleBacked, false}, {"tp", RawTracepoint, "sys_enter", roleAlone, false}}
		marks := uint32(1)
		if test.backups {
			want = slices.Insert(want, 1, step{"exit", Tracing, "execve", roleBackup, false})
			marks = 4096
		}
		plan, _ := prepare(&fakeKernel{preemptible: test.preemptible}, spec, attach(test.interrupts))
		qt.Check(t, qt.IsTrue(slices.Equal(plan, want)), qt.Commentf("%+v: %v", test, plan))
		qt.Check(t, qt.HasLen(spec.Programs, len(want)))

		qt.Assert(t, qt.IsNil(setBackups(spec, plan)))
		var told bool
		qt.Assert(t, qt.IsNil(spec.Variables["has_backups"].Get(&told)))
		qt.Check(t, qt.Equals(told, test.backups))
		qt.Check(t, qt.Equals(spec.Maps[handledMap].MaxEntries, marks))
	}
}

func TestSetConstant(t *testing.T) {
	spec := object(t)
	var on bool
	qt.Assert(t, qt.IsNil(SetConstant(spec, "use_ringbuf", false)))
	qt.Assert(t, qt.IsNil(spec.Variables["use_ringbuf"].Get(&on)))
	qt.Check(t, qt.IsFalse(on))
	qt.Check(t, qt.ErrorMatches(SetConstant(spec, "use_carrier_pigeons", true), `set constant use_carrier_pigeons: not in the BPF object`))
	qt.Check(t, qt.ErrorMatches(SetConstant(spec, "use_ringbuf", uint64(1)), `set constant use_ringbuf: .*`))
}

func TestSetTransport(t *testing.T) {
	ringbuf := func(spec *ebpf.CollectionSpec) (on bool) {
		qt.Assert(t, qt.IsNil(spec.Variables["use_ringbuf"].Get(&on)))
		return on
	}
	spec := object(t)
	qt.Assert(t, qt.IsNil(setTransport(spec, Options{Transport: RingBuffer, Buffer: 1 << 16})))
	m := spec.Maps[EventsMap]
	qt.Check(t, qt.Equals(m.Type, ebpf.RingBuf))
	qt.Check(t, qt.Equals(m.MaxEntries, 1<<16))
	qt.Check(t, qt.IsTrue(ringbuf(spec)))

	qt.Assert(t, qt.IsNil(setTransport(spec, Options{Transport: PerfBuffer, Buffer: 1 << 16})))
	qt.Check(t, qt.Equals(m.Type, ebpf.PerfEventArray))
	qt.Check(t, qt.Equals(m.KeySize, 4))
	qt.Check(t, qt.Equals(m.ValueSize, 4))
	qt.Check(t, qt.Equals(m.MaxEntries, 0)) // the library makes it one per CPU
	qt.Check(t, qt.IsNil(m.Key))
	qt.Check(t, qt.IsNil(m.Value))
	qt.Check(t, qt.IsFalse(ringbuf(spec)))

	// From a perf buffer there is no way back to check for, but a constant
	// that is off must be turned on.
	spec = object(t)
	qt.Assert(t, qt.IsNil(SetConstant(spec, "use_ringbuf", false)))
	qt.Assert(t, qt.IsNil(setTransport(spec, Options{Transport: RingBuffer, Buffer: 1 << 16})))
	qt.Check(t, qt.IsTrue(ringbuf(spec)))

	delete(spec.Maps, EventsMap)
	qt.Check(t, qt.ErrorMatches(setTransport(spec, Options{}), `no map events in the BPF object`))
}

// TestPickTransport has the answers that need no kernel.
func TestPickTransport(t *testing.T) {
	qt.Check(t, qt.Equals(PickTransport(nil, "perf"), PerfBuffer))
	qt.Check(t, qt.Equals(PickTransport(nil, "ring"), RingBuffer))
	qt.Check(t, qt.Equals(RingBuffer.String(), "ring buffer"))
	qt.Check(t, qt.Equals(PerfBuffer.String(), "perf buffer"))
}

// TestNothingLoaded: closing what was never attached is no error.
func TestNothingLoaded(t *testing.T) {
	l := &Loaded{Collection: &ebpf.Collection{}}
	lost, others := l.Skipped(0)
	qt.Check(t, qt.Equals(lost+others, 0))
	qt.Check(t, qt.IsNil(l.Attach()))
	qt.Check(t, qt.IsNil(l.Detach()))
	qt.Check(t, qt.IsNil(l.Close()))
}

// TestExplain has the refusals of a kernel that is not locked down; where it
// is, every refusal has that for its reason.
func TestExplain(t *testing.T) {
	want, verifier := "load BPF object: .*", "(?s)load BPF object: .*"
	if preflight.Lockdown() == "confidentiality" {
		want, verifier = "this kernel is locked down .*", "(?s)this kernel is locked down .*"
	}
	err := explain(errRefused)
	qt.Check(t, qt.ErrorMatches(err, want))
	qt.Check(t, qt.ErrorIs(err, errRefused))
	err = explain(&ebpf.VerifierError{Cause: errRefused, Log: []string{"R1 type=ctx"}})
	qt.Check(t, qt.ErrorMatches(err, verifier))
	qt.Check(t, qt.ErrorIs(err, errRefused))
}

// TestAnyLeft: a rung whose own Set took out all of its programs would do nothing.
func TestAnyLeft(t *testing.T) {
	spec := smallObject()
	plan := []step{{program: "exit@a"}, {program: "enter"}}
	here, there := &Rung{Attach: []Attachment{{Program: "exit", To: "a"}, {Program: "tp"}}}, &Rung{Attach: []Attachment{{Program: "enter"}}}
	qt.Check(t, qt.IsFalse(anyLeft(here, plan, spec))) // "exit" is there, and not what was made of it
	spec.Programs["exit@a"] = spec.Programs["exit"]
	qt.Check(t, qt.IsTrue(anyLeft(here, plan, spec)))
	qt.Check(t, qt.IsTrue(anyLeft(there, plan, spec)))
	delete(spec.Programs, "enter")
	qt.Check(t, qt.IsFalse(anyLeft(there, plan, spec)))
}
