package gen

import (
	"github.com/cilium/ebpf/asm"

	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// Hook is how a kind of probe gives its values to a program.
type Hook struct {
	Args   []Value // by slot; at the return of a function only if it has them there
	Result Value
	// AtReturn says that the arguments are there at the return as well.
	AtReturn bool
	// StackPointer is the offset of the stack pointer among the registers, by which
	// entry and return of a call find each other; -1 if the context has no registers.
	// Then the context itself, which entry and return share, does it.
	StackPointer int
	// Popped is by how much the stack pointer is higher at the return than at the
	// entry: 8 where the call has put the return address on the stack.
	Popped int32
}

// Value is where a value comes from.
type Value struct {
	Node    tree.Node
	Pointer Pointer
}

// Pointer is what the verifier takes a value for, which decides how it becomes a
// number.
type Pointer uint8

const (
	NoPointer Pointer = iota
	Typed             // a pointer to a struct, that it lets us load
	Opaque            // a pointer that some kernels let nobody load
)

// plain reports whether the value is there in full as a number.
func (v Value) plain() bool {
	c, ok := v.Node.(*tree.Context)
	return ok && v.Pointer == NoPointer && c.Size == 8
}

// entryKey writes the key of a call: the thread, and where its frame lies.
func (g *generator) entryKey(at int16, atReturn bool) {
	h := g.hook
	g.emit(asm.FnGetCurrentPidTgid.Call(), asm.StoreMem(asm.RFP, at, asm.R0, asm.DWord))
	if h.StackPointer >= 0 {
		g.emit(asm.LoadMem(asm.R0, asm.R6, int16(h.StackPointer), asm.DWord))
		if atReturn && h.Popped != 0 {
			g.emit(asm.Sub.Imm(asm.R0, h.Popped))
		}
	} else {
		g.emit(asm.Mov.Reg(asm.R0, asm.R6))
		g.number()
	}
	g.emit(asm.StoreMem(asm.RFP, at+8, asm.R0, asm.DWord))
}

// EntryKeySize is that of [EntriesMap], in bytes.
const EntryKeySize = 16

// EntryValueSize is what an entry leaves: the time, and the saved arguments.
func EntryValueSize(saved []int) int { return 8 + 8*len(saved) }

// Entry makes the program at the entry of a function that leaves for the return
// what it needs.
func Entry(h *Hook, saved []int, sieve Sieve) (asm.Instructions, error) {
	g := newGenerator(h)
	g.begin(sieve, false)
	value := g.alloc(EntryValueSize(saved))
	key := g.alloc(EntryKeySize)
	for i, slot := range saved {
		g.given(h.Args[slot])
		g.emit(asm.StoreMem(asm.RFP, value+8+8*int16(i), asm.R0, asm.DWord))
	}
	g.entryKey(key, false)
	g.emit(asm.FnKtimeGetNs.Call(), asm.StoreMem(asm.RFP, value, asm.R0, asm.DWord))
	g.emit(mapPointer(asm.R1, EntriesMap))
	g.stackAddress(asm.R2, key)
	g.stackAddress(asm.R3, value)
	g.emit(asm.Mov.Imm(asm.R4, 0), asm.FnMapUpdateElem.Call(), asm.JNE.Imm(asm.R0, 0, g.end(noRoom)))
	return g.finish()
}

// restore finds what the entry left, and puts it on the stack.
func (g *generator) restore(saved []int, latency bool) {
	if latency {
		// The time is taken first: what follows is not the function's.
		g.started = g.alloc(8)
		g.emit(asm.FnKtimeGetNs.Call(), asm.StoreMem(asm.RFP, g.started, asm.R0, asm.DWord))
	}
	for _, slot := range saved {
		g.saved[slot] = g.alloc(8)
	}
	key := g.alloc(EntryKeySize)
	g.entryKey(key, true)
	g.emit(mapPointer(asm.R1, EntriesMap))
	g.stackAddress(asm.R2, key)
	g.emit(asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, g.end(noEntry)))
	if latency {
		g.emit(
			asm.LoadMem(asm.R1, asm.R0, 0, asm.DWord), asm.LoadMem(asm.R2, asm.RFP, g.started, asm.DWord),
			asm.Sub.Reg(asm.R2, asm.R1), asm.StoreMem(asm.RFP, g.started, asm.R2, asm.DWord),
		)
	}
	for i, slot := range saved {
		g.emit(asm.LoadMem(asm.R1, asm.R0, 8+8*int16(i), asm.DWord), asm.StoreMem(asm.RFP, g.saved[slot], asm.R1, asm.DWord))
	}
	g.emit(mapPointer(asm.R1, EntriesMap))
	g.stackAddress(asm.R2, key)
	g.emit(asm.FnMapDeleteElem.Call())
	g.free(EntryKeySize)
}
