package gen

import (
	"encoding/binary"
	"math/bits"
	"testing"

	"github.com/cilium/ebpf/asm"
)

// machine runs programs as the kernel does, as far as ours go, so that what they
// compute is tested without one. Its memory has the stack, the context, the counters
// and the entries of maps; pointers are addresses in it, and maps are small numbers.
type machine struct {
	t        *testing.T
	memory   map[uint64][]byte // by where it begins, a multiple of segment
	maps     map[string]uint64
	entries  map[uint64]map[string]uint64 // by map and key: where the value is
	pid, tid uint32
	uid      uint32
	comm     string
	under    map[uint64]bool // cgroups of the array that the task is below
	now      uint64
	turned   bool // there is a table in the map of tables
}

const (
	segment      = 0x10000
	stackAt      = 1 * segment
	contextAt    = 2 * segment
	countersAt   = 3 * segment
	dataAt       = 4 * segment // what expressions read
	valuesAt     = 5 * segment
	innerTable   = 99
	clobbered    = 0xdeadbeef
	noEntryError = 2  // ENOENT
	existsError  = 17 // EEXIST
	faultError   = 14 // EFAULT
)

func newMachine(t *testing.T) *machine {
	return &machine{t: t, maps: map[string]uint64{FirstMap: innerTable}, entries: make(map[uint64]map[string]uint64), pid: 7, tid: 8, comm: "dd",
		memory: map[uint64][]byte{contextAt: make([]byte, 256), countersAt: make([]byte, CountersSize), dataAt: make([]byte, 256)}}
}

// at is memory, nil if it is none.
func (m *machine) at(address, size uint64) []byte {
	base := address / segment * segment
	b, offset := m.memory[base], address-base
	if offset+size > uint64(len(b)) {
		return nil
	}
	return b[offset:][:size]
}

func (m *machine) must(address, size uint64) []byte {
	m.t.Helper()
	b := m.at(address, size)
	if b == nil {
		m.t.Fatalf("%d bytes at %#x are no memory", size, address)
	}
	return b
}

func (m *machine) get(address, size uint64) uint64 {
	var word [8]byte
	copy(word[:], m.must(address, size))
	return binary.LittleEndian.Uint64(word[:])
}

func (m *machine) put(address, size, v uint64) {
	var word [8]byte
	binary.LittleEndian.PutUint64(word[:], v)
	copy(m.must(address, size), word[:size])
}

func (m *machine) counters() (c Counters) {
	for i, p := range []*uint64{&c.Seen, &c.Counted, &c.Filtered, &c.Fault, &c.Divide, &c.NoEntry, &c.Full, &c.NoStack, &c.NoRoom} {
		*p = m.get(countersAt+8*uint64(i), 8)
	}
	counted := uint64(0)
	for _, at := range m.entries[innerTable] {
		counted += m.get(at, 8)
	}
	c.Conclude(counted)
	return c
}

// run runs a program to its end. Every second time it finds its table in the map of
// tables.
func (m *machine) run(insns asm.Instructions) {
	m.t.Helper()
	defer func() { m.turned = !m.turned }()
	m.memory[stackAt] = make([]byte, stackSize)
	var r [11]uint64
	r[1], r[10] = contextAt, stackAt+stackSize
	labels := make(map[string]int)
	for i, ins := range insns {
		if s := ins.Symbol(); s != "" {
			labels[s] = i
		}
	}
	for pc := 0; ; pc++ {
		ins := insns[pc]
		op, d := ins.OpCode, &r[ins.Dst]
		source := uint64(ins.Constant)
		if op.Source() == asm.RegSource {
			source = r[ins.Src]
		}
		address := func(base asm.Register) uint64 { return r[base] + uint64(int64(ins.Offset)) }
		switch op.Class() {
		case asm.ALUClass, asm.ALU64Class:
			m.compute(ins, d, source)
		case asm.LdClass:
			*d = uint64(ins.Constant)
			if ins.Reference() != "" {
				*d = m.mapOf(ins.Reference())
			}
		case asm.LdXClass:
			*d = m.get(address(ins.Src), uint64(op.Size().Sizeof()))
		case asm.StClass:
			m.put(address(ins.Dst), uint64(op.Size().Sizeof()), uint64(ins.Constant))
		case asm.StXClass:
			v := r[ins.Src]
			if op.Mode() != asm.MemMode {
				v += m.get(address(ins.Dst), 8)
			}
			m.put(address(ins.Dst), uint64(op.Size().Sizeof()), v)
		case asm.JumpClass, asm.Jump32Class:
			switch op.JumpOp() {
			case asm.Exit:
				return
			case asm.Call:
				r[0] = m.call(asm.BuiltinFunc(ins.Constant), r[1:6])
				for i := 1; i <= 5; i++ {
					r[i] = clobbered
				}
				continue
			}
			x := *d
			if op.Class() == asm.Jump32Class {
				x, source = uint64(uint32(x)), uint64(uint32(source))
			}
			if holds(op.JumpOp(), x, source) {
				pc = labels[ins.Reference()] - 1
			}
		}
	}
}

func holds(op asm.JumpOp, x, y uint64) bool {
	switch op {
	case asm.JEq:
		return x == y
	case asm.JNE:
		return x != y
	case asm.JGT:
		return x > y
	case asm.JGE:
		return x >= y
	case asm.JLT:
		return x < y
	case asm.JLE:
		return x <= y
	case asm.JSGT:
		return int64(x) > int64(y)
	case asm.JSGE:
		return int64(x) >= int64(y)
	case asm.JSLT:
		return int64(x) < int64(y)
	case asm.JSLE:
		return int64(x) <= int64(y)
	}
	return true // Ja
}

func (m *machine) compute(ins asm.Instruction, d *uint64, y uint64) {
	m.t.Helper()
	switch op := ins.OpCode.ALUOp(); op {
	case asm.Mov:
		*d = y
	case asm.Add:
		*d += y
	case asm.Sub:
		*d -= y
	case asm.Mul:
		*d *= y
	case asm.Div:
		*d /= y // never by zero: a program looks before
	case asm.Mod:
		*d %= y
	case asm.And:
		*d &= y
	case asm.Or:
		*d |= y
	case asm.Xor:
		*d ^= y
	case asm.LSh:
		*d <<= y & 63
	case asm.RSh:
		*d >>= y & 63
	case asm.ArSh:
		*d = uint64(int64(*d) >> (y & 63))
	case asm.Neg:
		*d = -*d
	case asm.Swap: // to big endian
		*d = bits.ReverseBytes64(*d) >> (64 - uint(ins.Constant))
		return
	default:
		m.t.Fatalf("%v: unknown to the machine", ins)
	}
	if ins.OpCode.Class() == asm.ALUClass {
		*d = uint64(uint32(*d))
	}
}

func (m *machine) mapOf(name string) uint64 {
	if _, ok := m.maps[name]; !ok {
		m.maps[name] = uint64(len(m.maps) + 1)
	}
	return m.maps[name]
}

// add puts a value into a map.
func (m *machine) add(id uint64, key, value string) {
	if m.entries[id] == nil {
		m.entries[id] = make(map[string]uint64)
	}
	at := valuesAt + segment*uint64(len(m.memory))
	m.memory[at] = []byte(value)
	m.entries[id][key] = at
}

func (m *machine) call(f asm.BuiltinFunc, arg []uint64) uint64 {
	m.t.Helper()
	failed := func(errno int64) uint64 { return uint64(-errno) }
	key := func() string { return string(m.must(arg[1], m.keySize(arg[0]))) }
	switch f {
	case asm.FnMapLookupElem:
		switch arg[0] {
		case m.mapOf(CountersMap):
			return countersAt
		case m.mapOf(TablesMap):
			if !m.turned {
				return 0
			}
			return innerTable
		}
		return m.entries[arg[0]][key()]
	case asm.FnMapUpdateElem:
		_, there := m.entries[arg[0]][key()]
		switch {
		case arg[3] == 1 && there:
			return failed(existsError)
		case arg[3] == 2 && !there:
			return failed(noEntryError)
		}
		size := uint64(8)
		if arg[0] == m.maps[EntriesMap] {
			size = 16 // the time and one argument
		}
		m.add(arg[0], key(), string(m.must(arg[2], size)))
		if arg[0] == innerTable { // of statistics the value is longer
			m.memory[m.entries[arg[0]][key()]] = make([]byte, 32)
		}
		return 0
	case asm.FnMapDeleteElem:
		delete(m.entries[arg[0]], key())
		return 0
	case asm.FnGetCurrentPidTgid:
		return uint64(m.pid)<<32 | uint64(m.tid)
	case asm.FnGetCurrentUidGid:
		return 5<<32 | uint64(m.uid)
	case asm.FnGetCurrentCgroupId:
		return 77
	case asm.FnGetCurrentTask:
		return dataAt
	case asm.FnKtimeGetNs:
		m.now += 100
		return m.now
	case asm.FnCurrentTaskUnderCgroup:
		if m.under[arg[1]] {
			return 1
		}
		return 0
	case asm.FnGetCurrentComm:
		copy(m.must(arg[0], arg[1]), m.comm+"\x00")
		return 0
	case asm.FnProbeReadKernel, asm.FnProbeReadUser:
		from := m.at(arg[2], arg[1])
		if from == nil {
			return failed(faultError)
		}
		copy(m.must(arg[0], arg[1]), from)
		return 0
	case asm.FnProbeReadKernelStr, asm.FnProbeReadUserStr:
		for i := uint64(0); i < arg[1]; i++ {
			b := m.at(arg[2]+i, 1)
			if b == nil {
				return failed(faultError)
			}
			if m.must(arg[0]+i, 1)[0] = b[0]; b[0] == 0 {
				return i + 1
			}
		}
		m.must(arg[0]+arg[1]-1, 1)[0] = 0
		return arg[1]
	}
	m.t.Fatalf("%v: unknown to the machine", f)
	return 0
}

// keySize is that of a map's keys, which tests have of eight bytes.
func (m *machine) keySize(id uint64) uint64 {
	if id == m.maps[EntriesMap] {
		return EntryKeySize
	}
	return 8
}
