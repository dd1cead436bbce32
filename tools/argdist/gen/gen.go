// Package gen makes BPF programs of typed trees.
//
// A program has one event at a time: it looks at the filter, computes the key,
// and adds to the key's entry in a map. Whatever keeps it from that is counted:
// memory that cannot be read, a division by zero, a map that is full. No value
// is ever made up.
//
// # Registers
//
// r6 is the context, r8 the map of this interval where it was looked for. Expressions leave their value in r0 and may change r0 to r5; what must
// survive a part of an expression lies on the stack.
//
// # Stack
//
//	key, then what the entry of the function has left, then room to compare text,
//	then numbers in the middle of expressions
//
// Programs run on kernels from 5.10 on and use only what those have: no signed
// division, no atomic operation that returns something, no loops.
package gen

import (
	"fmt"

	"github.com/cilium/ebpf/asm"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
)

// Names of the maps that programs refer to.
const (
	CountersMap   = "counters" // per-CPU array of one [Counters]
	FirstMap      = "first"    // that of the first interval, per-CPU hash by key
	TablesMap     = "tables"   // array of one map: that of this interval, nothing in the first
	EntriesMap    = "entries"  // what the entry of a function leaves for its return
	StacksMap     = "stacks"   // stack traces by id
	UserStacksMap = "user_stacks"
)

// Counters are what a program counts, in this order, each 8 bytes. What most events
// come to, an entry of the table, is counted there and nowhere else: a program that
// runs at each write of a machine has no time to count it twice. So these two are
// nothing to it, and made of the tables by who reads them.
type Counters struct {
	Seen     uint64 // events: those of the table, and all others
	Counted  uint64 // of them in the table
	Filtered uint64
	Fault    uint64 // memory that could not be read
	Divide   uint64 // divisions by zero
	NoEntry  uint64 // returns whose entry was not seen
	Full     uint64 // no room for another key
	NoStack  uint64 // stacks that could not be taken
	// Entries that could not be remembered are no events; their returns will be.
	NoRoom uint64
}

// Lost is how many events were seen and are in no table.
func (c *Counters) Lost() uint64 { return c.Fault + c.Divide + c.NoEntry + c.Full + c.NoStack }

// Conclude adds what was counted in the tables.
func (c *Counters) Conclude(counted uint64) {
	c.Counted += counted
	c.Seen += counted + c.Filtered + c.Lost()
}

type counter int16

const (
	filtered counter = iota + 2
	fault
	divide
	noEntry
	full
	noStack
	noRoom
	// CountersSize is in bytes.
	CountersSize = 8 * (iota + 2)
)

// stackSize is what a program has (MAX_BPF_STACK).
const stackSize = 512

// generator writes one program.
type generator struct {
	hook    *Hook
	out     asm.Instructions
	labels  []string // that the next instruction has
	used    map[string]bool
	count   int
	frame   int // bytes of the stack in use
	deepest int
	saved   map[int]int16 // slot of an argument -> its place on the stack
	started int16         // place of the latency
	compare int16         // place of text to compare
}

func newGenerator(h *Hook) *generator {
	return &generator{hook: h, used: make(map[string]bool), saved: make(map[int]int16)}
}

func (g *generator) emit(ins ...asm.Instruction) {
	for _, i := range ins {
		if len(g.labels) > 0 {
			i = i.WithSymbol(g.labels[0])
			for _, l := range g.labels[1:] {
				// An instruction has one name: those before it do nothing.
				nop := asm.Mov.Imm(asm.R5, 0).WithSymbol(l)
				g.out = append(g.out, nop)
			}
			g.labels = nil
		}
		g.out = append(g.out, i)
	}
}

// label makes up a name for a place.
func (g *generator) label(what string) string {
	g.count++
	return fmt.Sprintf("%s_%d", what, g.count)
}

// here gives the next instruction a name.
func (g *generator) here(label string) { g.labels = append(g.labels, label) }

// end is the name of the place where an event ends that way.
func (g *generator) end(c counter) string {
	name := endings[c]
	g.used[name] = true
	return name
}

var endings = map[counter]string{
	filtered: "filtered", fault: "fault", divide: "divide", noEntry: "no_entry", full: "full", noStack: "no_stack", noRoom: "no_room",
}

// alloc takes bytes of the stack, a multiple of eight, and returns their place.
func (g *generator) alloc(bytes int) int16 {
	g.frame += (bytes + 7) / 8 * 8
	g.deepest = max(g.deepest, g.frame)
	return int16(-g.frame)
}

func (g *generator) free(bytes int) { g.frame -= (bytes + 7) / 8 * 8 }

// add counts how an event ended. Nothing on the stack is needed any more.
func (g *generator) add(c counter) {
	const index = -8
	g.deepest = max(g.deepest, -index)
	g.emit(storeZero(index), mapPointer(asm.R1, CountersMap))
	g.stackAddress(asm.R2, index)
	g.emit(asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, "done"))
	g.emit(asm.Mov.Imm(asm.R1, 1), atomicAdd(asm.R0, asm.R1, int16(c)*8), asm.Ja.Label("done"))
}

func atomicAdd(dst, src asm.Register, offset int16) asm.Instruction {
	return asm.AddAtomic.Mem(dst, src, asm.DWord, offset)
}

// finish writes the endings that are used.
func (g *generator) finish() (asm.Instructions, error) {
	g.emit(asm.Ja.Label("done"))
	for c := filtered; c <= noRoom; c++ {
		if name := endings[c]; g.used[name] {
			g.here(name)
			g.add(c)
		}
	}
	g.here("done")
	g.emit(asm.Mov.Imm(asm.R0, 0), asm.Return())
	if g.deepest > stackSize {
		return nil, fmt.Errorf("it takes %d bytes of stack, of which a program has %d: shorten the strings (-z), or count by fewer things", g.deepest, stackSize)
	}
	return g.out, nil
}

// mapPointer loads a map by its name.
func mapPointer(dst asm.Register, name string) asm.Instruction {
	return asm.LoadMapPtr(dst, 0).WithReference(name)
}

// stackAddress is the address of a place on the stack.
func (g *generator) stackAddress(dst asm.Register, at int16) {
	g.emit(asm.Mov.Reg(dst, asm.RFP), asm.Add.Imm(dst, int32(at)))
}

// zero clears a part of the stack.
func (g *generator) zero(at int16, bytes int) {
	for i := 0; i < bytes; i += 8 {
		g.emit(storeZero(at + int16(i)))
	}
}

// number makes r0 a number of a pointer in r0. The verifier lets no pointer be
// computed with, and has nothing against one that was added to a zero in memory.
func (g *generator) number() {
	at := g.alloc(8)
	g.emit(
		storeZero(at),
		atomicAdd(asm.RFP, asm.R0, at),
		asm.LoadMem(asm.R0, asm.RFP, at, asm.DWord),
	)
	g.free(8)
}

// extend makes r0 a number of a type: see [tree.Wrap].
func (g *generator) extend(t ctype.Type) {
	if i, ok := ctype.Underlying(t).(*ctype.Int); ok && i.Bool {
		// x|-x has its highest bit set unless x is zero.
		g.emit(asm.Mov.Reg(asm.R1, asm.R0), asm.Neg.Imm(asm.R1, 0), asm.Or.Reg(asm.R0, asm.R1), asm.RSh.Imm(asm.R0, 63))
		return
	}
	g.extendBits(8*t.Size(), ctype.IsSigned(t))
}

func (g *generator) extendBits(width int, signed bool) {
	shift := int32(64 - width)
	switch {
	case width >= 64:
	case signed:
		g.emit(asm.LSh.Imm(asm.R0, shift), asm.ArSh.Imm(asm.R0, shift))
	case width == 32:
		g.emit(asm.Mov.Reg32(asm.R0, asm.R0))
	default:
		g.emit(asm.LSh.Imm(asm.R0, shift), asm.RSh.Imm(asm.R0, shift))
	}
}

// Add adds what another processor has counted.
func (c *Counters) Add(o Counters) {
	c.Seen += o.Seen
	c.Counted += o.Counted
	c.Filtered += o.Filtered
	c.Fault += o.Fault
	c.Divide += o.Divide
	c.NoEntry += o.NoEntry
	c.Full += o.Full
	c.NoStack += o.NoStack
	c.NoRoom += o.NoRoom
}

// storeZero clears eight bytes of the stack, which the library has no function for.
func storeZero(at int16) asm.Instruction {
	return asm.Instruction{OpCode: asm.StoreImmOp(asm.DWord), Dst: asm.RFP, Offset: at}
}
