package loader

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"
)

// ending ends with the body that sits in a map.
func ending(in string) *ebpf.ProgramSpec {
	return &ebpf.ProgramSpec{Type: ebpf.RawTracepoint, Instructions: asm.Instructions{
		asm.LoadMapPtr(asm.R2, 0).WithReference(in),
		asm.Mov.Imm(asm.R3, 0),
		asm.FnTailCall.Call(),
		asm.Mov.Imm(asm.R0, 0),
		asm.Return(),
	}}
}

func returning() *ebpf.ProgramSpec {
	return &ebpf.ProgramSpec{Type: ebpf.RawTracepoint, Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}}
}

func bodyMap(name string) *ebpf.MapSpec {
	return &ebpf.MapSpec{Type: ebpf.ProgramArray, KeySize: 4, ValueSize: 4, MaxEntries: 1, Contents: []ebpf.MapKV{{Key: uint32(0), Value: name}}}
}

// TestTakeBodies: a body is loaded where a program that is left ends with it.
func TestTakeBodies(t *testing.T) {
	spec := &ebpf.CollectionSpec{
		Programs: map[string]*ebpf.ProgramSpec{"first": ending("at_a"), "backup": ending("at_a"), "other": ending("at_b"), "a": returning(), "b": returning()},
		Maps:     map[string]*ebpf.MapSpec{"at_a": bodyMap("a"), "at_b": bodyMap("b"), "counts": {Type: ebpf.Array, Contents: []ebpf.MapKV{{Key: uint32(0), Value: uint32(7)}}}},
	}
	programs := map[string]*ebpf.ProgramSpec{"first": spec.Programs["first"], "backup": spec.Programs["backup"]}
	got := takeBodies(spec, programs)
	qt.Assert(t, qt.HasLen(got, 1))
	qt.Check(t, qt.Equals(got[0], body{program: "a", in: "at_a", key: uint32(0)}))
	qt.Check(t, qt.HasLen(programs, 3))
	qt.Check(t, qt.Equals(programs["a"], spec.Programs["a"]))
	qt.Check(t, qt.IsTrue(hasTailCall(programs["a"].Instructions)), qt.Commentf("two tasks would share its stack"))
	qt.Check(t, qt.IsFalse(hasTailCall(spec.Programs["b"].Instructions)))
	qt.Check(t, qt.HasLen(spec.Maps["at_a"].Contents, 0))
	qt.Check(t, qt.HasLen(spec.Maps["at_b"].Contents, 0), qt.Commentf("the library would look for b"))
	qt.Check(t, qt.HasLen(spec.Maps["counts"].Contents, 1))
}

// TestBodies: each body of each command ends a program and two backups, and its section is
// theirs.
func TestBodies(t *testing.T) {
	bodies := 0
	for path, object := range objects(t) {
		spec := readSpec(t, object)
		for name, m := range spec.Maps {
			if m.Type != ebpf.ProgramArray {
				continue
			}
			qt.Assert(t, qt.HasLen(m.Contents, 1), qt.Commentf("%s %s", path, name))
			of := spec.Programs[m.Contents[0].Value.(string)]
			qt.Assert(t, qt.IsNotNil(of), qt.Commentf("%s %s", path, name))
			bodies++
			ends := 0
			for _, p := range spec.Programs {
				if takes := takeBodies(&ebpf.CollectionSpec{Programs: spec.Programs, Maps: map[string]*ebpf.MapSpec{name: m.Copy()}}, map[string]*ebpf.ProgramSpec{p.Name: p}); len(takes) == 1 {
					ends++
					qt.Check(t, qt.Equals(p.SectionName, of.SectionName), qt.Commentf("%s %s", path, p.Name))
				}
			}
			qt.Check(t, qt.Equals(ends, 3), qt.Commentf("%s %s", path, name)) // a program and two backups
		}
	}
	qt.Check(t, qt.IsTrue(bodies > 0))
}
