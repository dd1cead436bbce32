package loader

import (
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/btf"
	"github.com/go-quicktest/qt"
)

// TestTaskStack: the function begins where it did, and all that the kernel takes is after.
func TestTaskStack(t *testing.T) {
	spec, err := ebpf.LoadCollectionSpec("../../tools/tlscap/bpf_x86_bpfel.o")
	qt.Assert(t, qt.IsNil(err))
	seen := 0
	for name, p := range spec.Programs {
		if Kinds(spec)[name].Type != Uprobe {
			continue
		}
		seen++
		before := p.Copy().Instructions
		TaskStack(p)
		TaskStack(p) // once is enough
		qt.Assert(t, qt.HasLen(p.Instructions, len(before)+3))
		head, rest := p.Instructions[:3], p.Instructions[3:]
		qt.Check(t, qt.Equals(head[0].Symbol(), before[0].Symbol()))
		qt.Check(t, qt.Equals(btf.FuncMetadata(&head[0]), btf.FuncMetadata(&before[0])))
		qt.Check(t, qt.IsNotNil(head[0].Source()))
		qt.Check(t, qt.Equals(head[1].OpCode.JumpOp(), asm.JEq))
		qt.Check(t, qt.Equals(head[2].Constant, int64(asm.FnTailCall)))
		qt.Check(t, qt.Equals(rest[0].Symbol(), ""))
		qt.Check(t, qt.IsNil(btf.FuncMetadata(&rest[0])))
		for i := range rest {
			qt.Check(t, qt.Equals(rest[i].OpCode, before[i].OpCode))
			qt.Check(t, qt.Equals(btf.CORERelocationMetadata(&rest[i]), btf.CORERelocationMetadata(&before[i])))
		}
	}
	qt.Check(t, qt.IsTrue(seen > 3), qt.Commentf("%d programs", seen))
	TaskStack(&ebpf.ProgramSpec{})
}
