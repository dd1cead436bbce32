package gen

import (
	"slices"
	"testing"

	"github.com/cilium/ebpf/asm"
	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// jumps are the conditional jumps of a program up to the first look at its argument:
// operation, constant, and where it leads.
type jump struct {
	op    asm.OpCode
	value int64
	to    string
}

func jumps(t *testing.T, insns asm.Instructions) (jumps []jump, helpers []asm.BuiltinFunc) {
	t.Helper()
	for _, i := range insns {
		switch op := i.OpCode; {
		case op.Class().IsLoad() && i.Src == asm.R6:
			return jumps, helpers
		case i.IsBuiltinCall():
			helpers = append(helpers, asm.BuiltinFunc(i.Constant))
		case op.Class().IsJump() && op.JumpOp() != asm.Exit:
			jumps = append(jumps, jump{op, i.Constant, i.Reference()})
		}
	}
	t.Fatal("the program does not look at its argument")
	return nil, nil
}

// TestSieve has what each filter asks the kernel, and what it lets pass: all of it
// before the event itself is looked at.
func TestSieve(t *testing.T) {
	imm32 := func(value int64) jump { return jump{asm.JNE.Imm32(asm.R0, 0, "").OpCode, value, "filtered"} }
	imm := func(op asm.JumpOp, value int64, to string) jump { return jump{op.Imm(asm.R0, 0, "").OpCode, value, to} }
	path := []int{8, 16, 24}
	reads := []asm.BuiltinFunc{asm.FnGetCurrentTask, asm.FnProbeReadKernel, asm.FnProbeReadKernel, asm.FnProbeReadKernel}
	read := imm(asm.JNE, 0, "filtered")
	missing := imm(asm.JEq, 0, "filtered")
	for name, test := range map[string]struct {
		sieve   Sieve
		helpers []asm.BuiltinFunc
		jumps   []jump
	}{
		"nothing": {Sieve{}, nil, nil},
		"self":    {Sieve{Self: 7}, []asm.BuiltinFunc{asm.FnGetCurrentPidTgid}, []jump{imm(asm.JEq, 7, "done")}},
		"process": {Sieve{PIDs: []uint32{7, 9}}, []asm.BuiltinFunc{asm.FnGetCurrentPidTgid},
			[]jump{imm(asm.JEq, 7, "listed_1"), imm(asm.JEq, 9, "listed_1"), {asm.Ja.Label("").OpCode, -1, "filtered"}}},
		"family":          {Sieve{PIDs: []uint32{7}, Family: true}, []asm.BuiltinFunc{asm.FnGetCurrentPidTgid, asm.FnMapLookupElem}, []jump{missing}},
		"thread":          {Sieve{TID: 8}, []asm.BuiltinFunc{asm.FnGetCurrentPidTgid}, []jump{imm32(8)}},
		"root":            {Sieve{ByUID: true}, []asm.BuiltinFunc{asm.FnGetCurrentUidGid}, []jump{imm32(0)}},
		"the last user":   {Sieve{ByUID: true, UID: 0xfffffffe}, []asm.BuiltinFunc{asm.FnGetCurrentUidGid}, []jump{imm32(-2)}},
		"two cgroups":     {Sieve{Cgroups: 2}, slices.Repeat([]asm.BuiltinFunc{asm.FnCurrentTaskUnderCgroup}, 2), slices.Repeat([]jump{imm(asm.JNE, 1, "filtered")}, 2)},
		"set of cgroups":  {Sieve{CgroupSet: true}, []asm.BuiltinFunc{asm.FnGetCurrentCgroupId, asm.FnMapLookupElem}, []jump{missing}},
		"mount namespace": {Sieve{MntNS: 0xf0000001, MntNSPath: path}, reads, []jump{read, read, read, imm32(int64(int32(-0x0fffffff)))}},
		"set of mount namespaces": {Sieve{MntNSSet: true, MntNSPath: path}, append(slices.Clone(reads), asm.FnMapLookupElem),
			[]jump{read, read, read, missing}},
		"name": {Sieve{Comm: "bash"}, []asm.BuiltinFunc{asm.FnGetCurrentComm},
			[]jump{imm(asm.JSLT, 0, "fault"), {asm.JNE.Reg(0, 0, "").OpCode, -1, "filtered"}, {asm.JNE.Reg(0, 0, "").OpCode, -1, "filtered"}}},
	} {
		qt.Check(t, qt.Equals(test.sieve.some(), name != "nothing" && name != "self"), qt.Commentf("%s", name))
		insns, err := Program(hook(), &Table{Sieve: test.sieve, Filter: &tree.Binary{Op: ">", X: arg(0, ctype.Long), Y: arg(1, ctype.Long), T: ctype.IntType}})
		qt.Assert(t, qt.IsNil(err))
		resolved(t, insns)
		got, helpers := jumps(t, insns)
		for i := range got {
			if got[i].op.Source() == asm.RegSource || got[i].op.JumpOp() == asm.Ja {
				got[i].value = -1
			}
		}
		if !slices.Equal(got, test.jumps) {
			t.Errorf("%s: jumps %v, want %v", name, got, test.jumps)
		}
		qt.Check(t, qt.DeepEquals(helpers, test.helpers), qt.Commentf("%s", name))

		// The entry sieves as the return does, and counts nothing.
		entry, err := Entry(hook(), []int{0}, test.sieve)
		qt.Assert(t, qt.IsNil(err))
		resolved(t, entry)
		atEntry, _ := jumps(t, entry)
		qt.Assert(t, qt.HasLen(atEntry, len(got)), qt.Commentf("%s", name))
		for i, j := range atEntry {
			to := got[i].to
			if to == "filtered" {
				to = "done"
			}
			qt.Check(t, qt.Equals(j.to, to), qt.Commentf("%s", name))
		}
	}
}

// A name is compared up to its end and not beyond, where the kernel may have anything.
func TestSieveName(t *testing.T) {
	for comm, want := range map[string][]asm.Size{
		"a": {asm.Half}, "ab": {asm.Half, asm.Byte}, "abc": {asm.Word}, "abcdefg": {asm.DWord}, "abcdefgh": {asm.DWord, asm.Byte},
		"fifteen bytes a": {asm.DWord, asm.DWord},
	} {
		insns, err := Program(hook(), &Table{Sieve: Sieve{Comm: comm}})
		qt.Assert(t, qt.IsNil(err))
		var got []asm.Size
		for i, ins := range insns {
			if i > 0 && ins.OpCode.Class().IsLoad() && ins.Src == asm.RFP && len(got) < len(want) {
				got = append(got, ins.OpCode.Size())
			}
		}
		qt.Check(t, qt.DeepEquals(got, want), qt.Commentf("%s", comm))
	}
}
