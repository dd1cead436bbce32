package gen

import (
	"github.com/cilium/ebpf/asm"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// Kind is what is gathered of each key.
type Kind uint8

const (
	Count  Kind = iota
	Log2        // of the last expression: its slot is the last part of the key
	Linear      // the same in equal steps
	Stats       // of the last expression: number, sum, minimum and maximum
)

// Scale is that of a linear histogram: Low, what is not below High, and the step.
type Scale struct {
	Low, High int64
	Step      uint64
}

// Table is what a program gathers.
type Table struct {
	Kind  Kind
	Scale Scale
	// Exprs make the key; unless it is a count, the last one is what is gathered.
	Exprs  []tree.Node
	Filter tree.Node // nil for none
	// Saved are the slots of arguments that were remembered at the entry, and Latency
	// the time: see [Entry].
	Saved   []int
	Latency bool
	Sieve   Sieve
}

// Paired reports whether the program needs another one at the entry.
func (t *Table) Paired(h *Hook) bool { return t.Latency || len(t.Saved) > 0 && !h.AtReturn }

// Remembered are the slots of arguments that the entry must leave for the return.
func (t *Table) Remembered(h *Hook) []int {
	if h.AtReturn {
		return nil
	}
	return t.Saved
}

// KeySize is the size of a key, in bytes: eight for each number and each slot, and
// of a string its size rounded up to eight. It is never 0.
func (t *Table) KeySize() int {
	n := 0
	for _, e := range t.keys() {
		n += KeyPart(e)
	}
	if t.Kind == Log2 || t.Kind == Linear {
		n += 8
	}
	return max(n, 8)
}

// KeyPart is what an expression takes of the key, in bytes.
func KeyPart(e tree.Node) int {
	if t, ok := e.(*tree.Text); ok {
		return room(t)
	}
	return 8
}

// ValueSize is that of an entry of the table: a count, or of statistics number, sum,
// minimum and maximum.
func (t *Table) ValueSize() int {
	if t.Kind == Stats {
		return 32
	}
	return 8
}

// keys are the expressions that make the key.
func (t *Table) keys() []tree.Node {
	if t.Kind == Count {
		return t.Exprs
	}
	return t.Exprs[:len(t.Exprs)-1]
}

func (t *Table) value() tree.Node { return t.Exprs[len(t.Exprs)-1] }

// Program makes the program that gathers a table.
func Program(h *Hook, t *Table) (asm.Instructions, error) {
	g := newGenerator(h)
	g.begin(t.Sieve, true)
	if t.Paired(h) {
		g.restore(t.Remembered(h), t.Latency)
	}
	if n := compareRoom(append(t.Exprs, t.Filter)...); n > 0 {
		g.compare = g.alloc(n)
	}
	if t.Filter != nil {
		g.branch(t.Filter, g.end(filtered))
	}
	key := g.alloc(t.KeySize())
	g.key(t, key)
	value := g.alloc(t.ValueSize())
	var sample int16
	if t.Kind == Stats {
		sample = g.alloc(8)
		g.value(t.value())
		g.emit(asm.StoreMem(asm.RFP, sample, asm.R0, asm.DWord))
	}
	g.find(key, value, t.ValueSize())
	if t.Kind == Stats {
		g.stats(sample, ctype.IsSigned(t.value().Type()))
	} else {
		g.emit(asm.Mov.Imm(asm.R1, 1), atomicAdd(asm.R0, asm.R1, 0))
	}
	return g.finish()
}

// key computes the key of the event.
func (g *generator) key(t *Table, at int16) {
	place := at
	for _, e := range t.keys() {
		if text, ok := e.(*tree.Text); ok {
			g.text(text, place)
		} else {
			g.value(e)
			g.emit(asm.StoreMem(asm.RFP, place, asm.R0, asm.DWord))
		}
		place += int16(KeyPart(e))
	}
	switch {
	case t.Kind == Log2:
		g.value(t.value())
		g.log2(ctype.IsSigned(t.value().Type()))
	case t.Kind == Linear:
		g.value(t.value())
		g.linear(t.Scale, ctype.IsSigned(t.value().Type()))
	case len(t.keys()) == 0:
		g.emit(asm.Mov.Imm(asm.R0, 0))
	default:
		return
	}
	g.emit(asm.StoreMem(asm.RFP, place, asm.R0, asm.DWord))
}

// find leaves in r0 the entry of a key in the table of this interval. That is the
// first one while [TablesMap] is empty: what is put there is put behind a grace period,
// which is a good part of the time until a command traces.
func (g *generator) find(key, value int16, size int) {
	first, found := g.label("first"), g.label("found")
	index := g.alloc(8)
	g.emit(storeZero(index), mapPointer(asm.R1, TablesMap))
	g.stackAddress(asm.R2, index)
	g.free(8)
	g.emit(asm.FnMapLookupElem.Call(), asm.JEq.Imm(asm.R0, 0, first), asm.Mov.Reg(asm.R8, asm.R0))
	g.findIn(asm.Mov.Reg(asm.R1, asm.R8), found, key, value, size)
	g.emit(asm.Ja.Label(found))
	// Not the same instructions with another map in r8: the kernel calls a map's own
	// functions only where the verifier has seen one map alone.
	g.here(first)
	g.findIn(mapPointer(asm.R1, FirstMap), found, key, value, size)
	g.here(found)
}

// findIn finds an entry in the table that an instruction loads into r1.
func (g *generator) findIn(table asm.Instruction, found string, key, value int16, size int) {
	lookup := func() {
		g.emit(table)
		g.stackAddress(asm.R2, key)
		g.emit(asm.FnMapLookupElem.Call())
	}
	lookup()
	g.emit(asm.JNE.Imm(asm.R0, 0, found))
	g.zero(value, size)
	g.emit(table)
	g.stackAddress(asm.R2, key)
	g.stackAddress(asm.R3, value)
	const noExist = 1 // BPF_NOEXIST: another processor may have been faster
	g.emit(asm.Mov.Imm(asm.R4, noExist), asm.FnMapUpdateElem.Call())
	lookup()
	g.emit(asm.JEq.Imm(asm.R0, 0, g.end(full)))
}

// stats adds a number to the entry in r0: how many, sum, minimum, maximum. Other
// processors have entries of their own, where nothing is yet in a new one.
func (g *generator) stats(sample int16, signed bool) {
	below, above := asm.JGE, asm.JLE
	if signed {
		below, above = asm.JSGE, asm.JSLE
	}
	more, low, high, done := g.label("more"), g.label("low"), g.label("high"), g.label("within")
	g.emit(
		asm.LoadMem(asm.R1, asm.RFP, sample, asm.DWord),
		asm.LoadMem(asm.R2, asm.R0, 0, asm.DWord),
		asm.JNE.Imm(asm.R2, 0, more),
		asm.StoreMem(asm.R0, 16, asm.R1, asm.DWord),
		asm.StoreMem(asm.R0, 24, asm.R1, asm.DWord),
		asm.Ja.Label(done),
	)
	g.here(more)
	g.emit(asm.LoadMem(asm.R2, asm.R0, 16, asm.DWord), below.Reg(asm.R1, asm.R2, low), asm.StoreMem(asm.R0, 16, asm.R1, asm.DWord))
	g.here(low)
	g.emit(asm.LoadMem(asm.R2, asm.R0, 24, asm.DWord), above.Reg(asm.R1, asm.R2, high), asm.StoreMem(asm.R0, 24, asm.R1, asm.DWord))
	g.here(high)
	g.here(done)
	g.emit(atomicAdd(asm.R0, asm.R1, 8), asm.Mov.Imm(asm.R2, 1), atomicAdd(asm.R0, asm.R2, 0))
}
