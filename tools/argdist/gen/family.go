package gen

import "github.com/cilium/ebpf/asm"

// Maps of --follow.
const (
	FamilyMap     = "filter_family" // hash by process id, of 8 bytes
	FamilyFullMap = "family_full"   // array of one: children for whom there was no room
)

// TaskOffsets are where the kernel has what --follow reads, in bytes.
type TaskOffsets struct {
	TGID   int // in struct task_struct
	Signal int // in struct task_struct: a pointer
	Live   int // in struct signal_struct: threads that have not ended
}

// Join is the program of the raw tracepoint sched_process_fork: a child of a process of
// the family belongs to it before it first runs. The id of one whose end was missed leaves
// the family when it is given to somebody else's child.
func Join(o TaskOffsets) asm.Instructions {
	const parent, child, one = -8, -16, -24
	g := &generator{}
	g.emit(asm.Mov.Reg(asm.R6, asm.R1))
	g.readTask(0, o.TGID, parent, 4)
	g.readTask(8, o.TGID, child, 4)
	g.emit(
		asm.LoadMem(asm.R1, asm.RFP, parent, asm.DWord), asm.LoadMem(asm.R2, asm.RFP, child, asm.DWord),
		asm.JEq.Reg(asm.R1, asm.R2, "done"), // a thread
		mapPointer(asm.R1, FamilyMap),
	)
	g.stackAddress(asm.R2, parent)
	g.emit(asm.FnMapLookupElem.Call(), asm.JNE.Imm(asm.R0, 0, "joins"), mapPointer(asm.R1, FamilyMap))
	g.stackAddress(asm.R2, child)
	g.emit(asm.FnMapDeleteElem.Call(), asm.Ja.Label("done"))

	g.here("joins")
	g.emit(asm.Instruction{OpCode: asm.StoreImmOp(asm.DWord), Dst: asm.RFP, Offset: one, Constant: 1}, mapPointer(asm.R1, FamilyMap))
	g.stackAddress(asm.R2, child)
	g.stackAddress(asm.R3, one)
	g.emit(asm.Mov.Imm(asm.R4, 0), asm.FnMapUpdateElem.Call(), asm.JEq.Imm(asm.R0, 0, "done"))

	g.emit(storeZero(one), mapPointer(asm.R1, FamilyFullMap))
	g.stackAddress(asm.R2, one)
	g.emit(asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "done"), asm.Mov.Imm(asm.R1, 1), atomicAdd(asm.R0, asm.R1, 0))
	return g.returns()
}

// Leave is the program of the raw tracepoint sched_process_exit: a process leaves the
// family with its last thread.
func Leave(o TaskOffsets) asm.Instructions {
	const pid, signal, live = -8, -16, -24
	g := &generator{}
	g.emit(asm.Mov.Reg(asm.R6, asm.R1))
	g.readTask(0, o.TGID, pid, 4)
	g.readTask(0, o.Signal, signal, 8)
	g.emit(asm.LoadMem(asm.R3, asm.RFP, signal, asm.DWord))
	g.read(o.Live, live, 4)
	g.emit(asm.LoadMem(asm.R1, asm.RFP, live, asm.DWord), asm.JNE.Imm(asm.R1, 0, "done"), mapPointer(asm.R1, FamilyMap))
	g.stackAddress(asm.R2, pid)
	g.emit(asm.FnMapDeleteElem.Call())
	return g.returns()
}

// readTask reads from a task that is the argument at an offset of the context in r6.
func (g *generator) readTask(argument int16, offset int, at int16, bytes int) {
	g.emit(asm.LoadMem(asm.R3, asm.R6, argument, asm.DWord))
	g.read(offset, at, bytes)
}

// read reads behind the address in r3 to the stack, where it becomes a number of 8 bytes.
func (g *generator) read(offset int, at int16, bytes int) {
	g.emit(storeZero(at), asm.Add.Imm(asm.R3, int32(offset)), asm.Mov.Imm(asm.R2, int32(bytes)))
	g.stackAddress(asm.R1, at)
	g.emit(asm.FnProbeReadKernel.Call(), asm.JNE.Imm(asm.R0, 0, "done"))
}

func (g *generator) returns() asm.Instructions {
	g.here("done")
	g.emit(asm.Mov.Imm(asm.R0, 0), asm.Return())
	return g.out
}
