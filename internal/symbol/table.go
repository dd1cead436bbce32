package symbol

import (
	"bytes"
	"cmp"
	"debug/elf"
	"fmt"
	"io"
	"slices"
	"sort"
)

// table knows the functions of one symbol table of a file.
type table struct {
	syms  []tableSymbol // by address, one for each
	names []byte        // as they stand in the file, each with a zero behind it
}

type tableSymbol struct {
	addr uint64
	size uint32
	name uint32 // where it begins in names
}

// Bounds. A browser with all of its symbols has about a million functions and 100 MiB of names.
const (
	maxSymbols = 1 << 21
	maxNames   = 128 << 20
	maxName    = 4096 // a longer name is no name
	maxNesting = 16   // functions that begin inside of another, looked at in vain
)

// openEnd marks, until all are read, a size that the table does not tell: that up to the end of the section. Functions
// written in assembly have none.
const openEnd = 1 << 31

// readTable reads the functions of .symtab (SHT_SYMTAB) or .dynsym (SHT_DYNSYM). A file without it has an empty table.
func readTable(im *image, kind elf.SectionType) (*table, error) {
	s, ok := im.kind(kind)
	if !ok {
		return &table{}, nil
	}
	entry := uint64(16)
	if im.wide {
		entry = 24
	}
	if uint64(s.link) >= uint64(len(im.sections)) {
		return nil, errELF
	}
	strings := im.sections[s.link]
	if s.size/entry > maxSymbols || strings.size > maxNames {
		return nil, fmt.Errorf("%v of %d bytes with %d bytes of names: too large", kind, s.size, strings.size)
	}
	if s.offset > uint64(im.size) || s.size > uint64(im.size)-s.offset {
		return nil, errELF
	}
	names, err := im.read(strings.offset, strings.size)
	if err != nil {
		return nil, fmt.Errorf("read names of %v: %w", kind, err)
	}
	t := &table{names: names}
	buf := make([]byte, entry<<10)
	for in := io.NewSectionReader(im.file, int64(s.offset), int64(s.size/entry*entry)); ; {
		n, err := io.ReadFull(in, buf)
		for b := buf[:uint64(n)/entry*entry]; len(b) > 0; b = b[entry:] {
			t.add(b, im)
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read %v: %w", kind, err)
		}
	}
	t.finish()
	return t, nil
}

// add takes an entry if it is a function that has an address and a name.
func (t *table) add(b []byte, im *image) {
	var s tableSymbol
	var size uint64
	var info byte
	var index uint16
	s.name = le32(b)
	if im.wide {
		info, index, s.addr, size = b[4], le16(b[6:]), le64(b[8:]), le64(b[16:])
	} else {
		s.addr, size, info, index = uint64(le32(b[4:])), uint64(le32(b[8:])), b[12], le16(b[14:])
	}
	if kind := elf.ST_TYPE(info); kind != elf.STT_FUNC && kind != elf.STT_GNU_IFUNC {
		return
	}
	if elf.SectionIndex(index) == elf.SHN_UNDEF || s.addr == 0 || len(t.name(s)) == 0 {
		return
	}
	s.size = uint32(min(size, openEnd-1))
	if size == 0 {
		s.size = 1<<32 - 1 // open, and as large as can be
		if int(index) < len(im.sections) {
			in := im.sections[index]
			if s.addr < in.addr || s.addr-in.addr >= in.size {
				return
			}
			s.size = openEnd | uint32(min(in.size-(s.addr-in.addr), openEnd-1))
		}
	}
	t.syms = append(t.syms, s)
}

// finish sorts, and keeps of the names of one address the best.
func (t *table) finish() {
	slices.SortFunc(t.syms, func(a, b tableSymbol) int {
		return cmp.Or(cmp.Compare(a.addr, b.addr), cmp.Compare(a.name, b.name))
	})
	out := t.syms[:0]
	for _, s := range t.syms {
		n := len(out)
		if n == 0 || out[n-1].addr != s.addr {
			out = append(out, s)
			continue
		}
		last := &out[n-1]
		if t.better(s, *last) {
			last.name = s.name
		}
		switch lastOpen, open := last.size&openEnd != 0, s.size&openEnd != 0; {
		case lastOpen == open:
			last.size = max(last.size, s.size)
		case lastOpen:
			last.size = s.size
		}
	}
	for i := range out {
		if s := &out[i]; s.size&openEnd != 0 {
			s.size &^= openEnd
			if i+1 < len(out) {
				s.size = uint32(min(uint64(s.size), out[i+1].addr-s.addr))
			}
		}
	}
	t.syms = slices.Clone(out)
}

// better reports whether a has a better name than b: the one that programmers use. Libraries give their functions several,
// and mark the inner ones with underscores, prefixes and suffixes: read, __read, __libc_read.
func (t *table) better(a, b tableSymbol) bool {
	x, y := t.name(a), t.name(b)
	return cmp.Or(cmp.Compare(underscores(x), underscores(y)), cmp.Compare(len(x), len(y)), bytes.Compare(x, y)) < 0
}

func underscores(name []byte) int { return len(name) - len(bytes.TrimLeft(name, "_")) }

// name returns a name without its version, which debug files add: setuid@@GLIBC_2.2.5. It returns nil for one that is not
// whole, or too long.
func (t *table) name(s tableSymbol) []byte {
	if uint64(s.name) >= uint64(len(t.names)) {
		return nil
	}
	b := t.names[s.name:]
	n := bytes.IndexByte(b[:min(len(b), maxName+1)], 0)
	if n < 0 {
		return nil
	}
	if at := bytes.IndexByte(b[:n], '@'); at > 0 {
		n = at
	}
	return b[:n:n]
}

// find returns the function at an address. One that begins last is looked at first.
func (t *table) find(addr uint64) (name []byte, offset uint64, ok bool) {
	i := sort.Search(len(t.syms), func(i int) bool { return t.syms[i].addr > addr }) - 1
	for n := 0; i >= 0 && n < maxNesting; i, n = i-1, n+1 {
		if s := t.syms[i]; addr-s.addr < uint64(s.size) {
			return t.name(s), addr - s.addr, true
		}
	}
	return nil, 0, false
}

// bytes is how much memory the table takes.
func (t *table) bytes() int { return 16*cap(t.syms) + cap(t.names) }
