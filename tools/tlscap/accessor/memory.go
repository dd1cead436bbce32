package accessor

import (
	"errors"
	"fmt"
)

// The abstract machine. Addresses are made up: each thing that a pointer can point to has a region of its own, in the
// middle of which the pointer points.
const (
	regionBase = 0x7000_0000_0000
	regionSize = 1 << 32
	regionMid  = 1 << 31
	maxRegions = 64
	maxSteps   = 512

	inArgument = 0 // the structure
	inOut      = 1 // a buffer that results are copied to
	inStack    = 2
	firstFree  = 3
)

var (
	errSteps  = errors.New("does not come to an end")
	errMemory = errors.New("reads or writes outside of what it was given")
)

// access is one read of a structure.
type access struct {
	region int
	offset int64
	size   int
	value  uint64
}

// copied is a call with a source and a destination, as of memcpy.
type call struct{ args [3]uint64 }

// memory is what the machine sees.
type memory struct {
	written map[uint64]byte
	loads   []access
	parents []access       // of regions from firstFree on: where the pointer to it was read
	zero    map[int64]bool // offsets of the argument that hold null
	calls   []call
}

func newMemory(zero ...int64) *memory {
	m := &memory{written: make(map[uint64]byte), zero: make(map[int64]bool)}
	for _, offset := range zero {
		m.zero[offset] = true
	}
	return m
}

func pointer(region int) uint64 { return regionBase + uint64(region)*regionSize + regionMid }

// locate returns the region and the offset that an address is.
func (m *memory) locate(addr uint64) (region int, offset int64, ok bool) {
	if addr < regionBase || addr >= regionBase+maxRegions*regionSize {
		return 0, 0, false
	}
	region = int((addr - regionBase) / regionSize)
	return region, int64((addr-regionBase)%regionSize) - regionMid, region < firstFree+len(m.parents)
}

// maxStructure is more than any offset in a structure.
const maxStructure = 1 << 16

func (m *memory) load(addr uint64, size int) (uint64, error) {
	region, offset, ok := m.locate(addr)
	if !ok || offset <= -maxStructure || offset >= maxStructure {
		return 0, errMemory
	}
	if _, ok := m.written[addr]; ok || region == inStack || region == inOut {
		value := uint64(0)
		for i := range size {
			value |= uint64(m.written[addr+uint64(i)]) << (8 * i)
		}
		return value, nil
	}
	for _, a := range m.loads { // the same again
		if a.region == region && a.offset == offset && a.size == size {
			m.loads = append(m.loads, a)
			return a.value, nil
		}
	}
	a := access{region: region, offset: offset, size: size}
	switch {
	case region == inArgument && (m.zero[offset] || offset == 0 && size == 4):
	case size == 8:
		if len(m.parents)+firstFree >= maxRegions {
			return 0, errMemory
		}
		a.value = pointer(firstFree + len(m.parents))
		m.parents = append(m.parents, a)
	default:
		a.value = (0x5a5a5a00 + uint64(len(m.loads)) + 1) & (1<<(8*size) - 1)
	}
	m.loads = append(m.loads, a)
	return a.value, nil
}

func (m *memory) store(addr uint64, size int, value uint64) error {
	region, offset, ok := m.locate(addr)
	if !ok || region != inStack && region != inOut || offset <= -maxStructure || offset >= maxStructure {
		return errMemory
	}
	for i := range size {
		m.written[addr+uint64(i)] = byte(value >> (8 * i))
	}
	return nil
}

// Path leads from a structure to a field: all but the last are offsets of pointers on the way.
type Path []uint64

func (p Path) String() string {
	s := ""
	for i, offset := range p {
		if i > 0 {
			s += " -> "
		}
		s += fmt.Sprintf("%#x", offset)
	}
	return s
}

// path returns how an address is reached from the argument.
func (m *memory) path(region int, offset int64) (Path, bool) {
	if offset < 0 || len(m.parents) > maxRegions {
		return nil, false
	}
	if region == inArgument {
		return Path{uint64(offset)}, true
	}
	if region < firstFree {
		return nil, false
	}
	parent := m.parents[region-firstFree]
	p, ok := m.path(parent.region, parent.offset)
	return append(p, uint64(offset)), ok
}

// source returns the path to the field whose value a function returned: the last one read that has it.
func (m *memory) source(value uint64) (Path, int, bool) {
	for i := len(m.loads) - 1; i >= 0; i-- {
		if a := m.loads[i]; a.value == value&(1<<(8*a.size)-1) || a.size == 8 && a.value == value {
			p, ok := m.path(a.region, a.offset)
			return p, a.size, ok
		}
	}
	return nil, 0, false
}

// address returns the path to where a pointer into the structure points.
func (m *memory) address(value uint64) (Path, bool) {
	region, offset, ok := m.locate(value)
	if !ok {
		return nil, false
	}
	return m.path(region, offset)
}
