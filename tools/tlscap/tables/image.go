package tables

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Bounds on what is read of a file. A libnss3.so of Firefox, which has all of NSS in it, has some 3 MiB.
const (
	maxImage     = 32 << 20 // bytes of all segments, which are read and run
	maxSegments  = 64
	maxFunctions = 1 << 17
	maxFunction  = 8192 // bytes of one that is run
)

// value is what a word holds: a number, or the address that a name has in another file.
type value struct {
	known bool
	n     uint64
	name  string
}

func number(n uint64) value { return value{known: true, n: n} }

type segment struct {
	bytes        []byte
	addr, offset uint64
	executable   bool
}

// function is one of the file's, up to the next.
type function struct{ addr, size uint64 }

// image is a file as it would be in memory.
type image struct {
	machine   elf.Machine
	segments  []segment
	relocated map[uint64]value  // words that are written when it is loaded
	exported  map[string]uint64 // names that were asked for, if they are its own
	functions []function        // in the order of their addresses
}

// word is what a pointer takes, in bytes.
const word = 8

// readImage reads a file, and where it has some names.
func readImage(r io.ReaderAt, size int64, names ...string) (*image, error) {
	f, err := elf.NewFile(r)
	if err != nil {
		return nil, err
	}
	if f.Class != elf.ELFCLASS64 || f.ByteOrder != binary.LittleEndian || relocations[f.Machine].relative == 0 {
		return nil, fmt.Errorf("%s of %s is not known", f.Class, f.Machine)
	}
	im := &image{machine: f.Machine, relocated: make(map[uint64]value), exported: make(map[string]uint64)}
	left := uint64(maxImage)
	for _, p := range f.Progs {
		if p.Type != elf.PT_LOAD || p.Filesz == 0 {
			continue
		}
		if p.Filesz > left || p.Off > uint64(size) || p.Filesz > uint64(size)-p.Off || len(im.segments) >= maxSegments {
			return nil, fmt.Errorf("segment of %d bytes", p.Filesz)
		}
		left -= p.Filesz
		s := segment{bytes: make([]byte, p.Filesz), addr: p.Vaddr, offset: p.Off, executable: p.Flags&elf.PF_X != 0}
		if _, err := r.ReadAt(s.bytes, int64(p.Off)); err != nil {
			return nil, err
		}
		im.segments = append(im.segments, s)
	}
	if err := im.readRelocations(f, names); err != nil {
		return nil, err
	}
	if err := im.readFunctions(f); err != nil {
		return nil, err
	}
	return im, nil
}

// relocation has the types of relocations that write a word.
type relocation struct{ relative, absolute, global, jump uint32 }

var relocations = map[elf.Machine]relocation{
	elf.EM_X86_64:  {uint32(elf.R_X86_64_RELATIVE), uint32(elf.R_X86_64_64), uint32(elf.R_X86_64_GLOB_DAT), uint32(elf.R_X86_64_JMP_SLOT)},
	elf.EM_AARCH64: {uint32(elf.R_AARCH64_RELATIVE), uint32(elf.R_AARCH64_ABS64), uint32(elf.R_AARCH64_GLOB_DAT), uint32(elf.R_AARCH64_JUMP_SLOT)},
}

func (im *image) readRelocations(f *elf.File, names []string) error {
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return fmt.Errorf("read symbols: %w", err)
	}
	for _, s := range symbols {
		if slices.Contains(names, s.Name) && s.Section != elf.SHN_UNDEF {
			im.exported[s.Name] = s.Value
		}
	}
	kinds := relocations[f.Machine]
	for _, s := range f.Sections {
		if s.Type != elf.SHT_RELA || s.Flags&elf.SHF_ALLOC == 0 {
			continue
		}
		if s.Size > maxImage {
			return fmt.Errorf("%d bytes of relocations", s.Size)
		}
		data, err := s.Data()
		if err != nil {
			return fmt.Errorf("read relocations: %w", err)
		}
		for ; len(data) >= 24; data = data[24:] {
			at, info, addend := binary.LittleEndian.Uint64(data), binary.LittleEndian.Uint64(data[8:]), binary.LittleEndian.Uint64(data[16:])
			switch kind, n := uint32(info), info>>32; {
			case kind == kinds.relative:
				im.relocated[at] = number(addend)
			case kind != kinds.absolute && kind != kinds.global && kind != kinds.jump, n == 0, n > uint64(len(symbols)):
			case symbols[n-1].Section == elf.SHN_UNDEF:
				im.relocated[at] = value{known: addend == 0, name: symbols[n-1].Name}
			default:
				im.relocated[at] = number(symbols[n-1].Value + addend)
			}
		}
	}
	return nil
}

// load reads a word of the file. Where a linker packs relocations (DT_RELR) the word itself has the address.
func (im *image) load(at uint64) value {
	if v, ok := im.relocated[at]; ok {
		return v
	}
	for _, s := range im.segments {
		if at >= s.addr && at-s.addr+word <= uint64(len(s.bytes)) && at-s.addr < uint64(len(s.bytes)) {
			return number(binary.LittleEndian.Uint64(s.bytes[at-s.addr:]))
		}
	}
	return value{}
}

// is reports whether a value is the address of a function of NSPR, of another file or of this one.
func (im *image) is(v value, name string) bool {
	if own, ok := im.exported[name]; ok {
		return v.known && v.name == "" && v.n == own
	}
	return v.known && v.name == name
}

// offset is where code at an address is in the file.
func (im *image) offset(addr uint64) (uint64, bool) {
	for _, s := range im.segments {
		if s.executable && addr >= s.addr && addr-s.addr < uint64(len(s.bytes)) {
			return addr - s.addr + s.offset, true
		}
	}
	return 0, false
}

// code is that of a function.
func (im *image) code(f function) []byte {
	for _, s := range im.segments {
		if s.executable && f.addr >= s.addr && f.addr-s.addr < uint64(len(s.bytes)) {
			rest := s.bytes[f.addr-s.addr:]
			return rest[:min(f.size, uint64(len(rest)))]
		}
	}
	return nil
}

// begins reports whether a function begins at an address.
func (im *image) begins(addr uint64) bool {
	_, found := im.function(addr)
	return found
}

// function is the one that begins at an address.
func (im *image) function(addr uint64) (function, bool) {
	n, found := slices.BinarySearchFunc(im.functions, addr, func(f function, addr uint64) int {
		switch {
		case f.addr < addr:
			return -1
		case f.addr > addr:
			return 1
		}
		return 0
	})
	if !found {
		return function{}, false
	}
	return im.functions[n], true
}

// readFunctions reads where functions begin from the table that unwinding searches (.eh_frame_hdr), which also stripped
// files have. All linkers write it in one way: pairs of 32 bits, relative to its own address.
func (im *image) readFunctions(f *elf.File) error {
	const head = 12 // version, three encodings, address of the frames, count
	i := slices.IndexFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_GNU_EH_FRAME })
	if i < 0 {
		return errors.New("no table of functions")
	}
	p := f.Progs[i]
	table := im.bytes(p.Vaddr, p.Filesz)
	if len(table) < head || [4]byte(table) != [4]byte{1, 0x1b, 0x03, 0x3b} {
		return errors.New("no table of functions that is known")
	}
	count := uint64(binary.LittleEndian.Uint32(table[8:]))
	table = table[head:]
	if count > maxFunctions || count*8 > uint64(len(table)) {
		return fmt.Errorf("table of %d functions", count)
	}
	for n := range count {
		at := p.Vaddr + uint64(int64(int32(binary.LittleEndian.Uint32(table[n*8:]))))
		im.functions = append(im.functions, function{addr: at})
	}
	slices.SortFunc(im.functions, func(a, b function) int {
		if a.addr < b.addr {
			return -1
		}
		return 1
	})
	for n := range im.functions {
		im.functions[n].size = maxFunction
		if n+1 < len(im.functions) {
			im.functions[n].size = im.functions[n+1].addr - im.functions[n].addr
		}
	}
	return nil
}

// bytes are those of the file at an address.
func (im *image) bytes(addr, size uint64) []byte {
	for _, s := range im.segments {
		if addr >= s.addr && addr-s.addr < uint64(len(s.bytes)) && size <= uint64(len(s.bytes))-(addr-s.addr) {
			return s.bytes[addr-s.addr:][:size]
		}
	}
	return nil
}
