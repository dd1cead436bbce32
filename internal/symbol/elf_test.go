package symbol

import (
	"bytes"
	"cmp"
	"debug/elf"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/go-quicktest/qt"
)

// sample describes an ELF file. Its only segment lies at textOffset in the file and at textAddr in memory, and so does
// its only section that symbols can be in, which has number 1.
type sample struct {
	narrow  bool // 32-bit
	id      []byte
	symtab  []sampleSymbol
	dynsym  []sampleSymbol
	needed  []string
	runpath string
	text    []byte // what lies in the segment
	section string // its name; "" for .text
}

type sampleSymbol struct {
	name    string
	addr    uint64
	size    uint64
	kind    elf.SymType
	section elf.SectionIndex
}

const (
	textOffset = 0x1000
	textAddr   = 0x401000
	textSize   = 0x1000
)

// function is a symbol of the usual kind, offset bytes into the text.
func function(name string, offset, size uint64) sampleSymbol {
	return sampleSymbol{name, textAddr + offset, size, elf.STT_FUNC, 1}
}

// build writes the file.
func (s sample) build() []byte {
	le := binary.LittleEndian
	word := func(b []byte, v uint64) []byte {
		if s.narrow {
			return le.AppendUint32(b, uint32(v))
		}
		return le.AppendUint64(b, v)
	}
	class, machine, headSize, progSize, sectSize := elf.ELFCLASS64, elf.EM_X86_64, 64, 56, 64
	if s.narrow {
		class, machine, headSize, progSize, sectSize = elf.ELFCLASS32, elf.EM_386, 52, 32, 40
	}
	body := make([]byte, textOffset+textSize)
	copy(body[textOffset:], s.text)
	type sect struct {
		name         string
		kind         elf.SectionType
		addr         uint64
		offset, size int
		link         uint32
	}
	sects := []sect{{}, {cmp.Or(s.section, ".text"), elf.SHT_PROGBITS, textAddr, textOffset, textSize, 0}}
	add := func(name string, kind elf.SectionType, link uint32, data []byte) {
		sects = append(sects, sect{name, kind, 0, len(body), len(data), link})
		body = append(body, data...)
	}
	symbols := func(list []sampleSymbol) (table, names []byte) {
		names = []byte{0}
		for _, y := range append([]sampleSymbol{{}}, list...) {
			table = le.AppendUint32(table, uint32(len(names)))
			info := byte(elf.STB_GLOBAL)<<4 | byte(y.kind)
			if s.narrow {
				table = le.AppendUint32(le.AppendUint32(table, uint32(y.addr)), uint32(y.size))
				table = le.AppendUint16(append(table, info, 0), uint16(y.section))
			} else {
				table = le.AppendUint16(append(table, info, 0), uint16(y.section))
				table = le.AppendUint64(le.AppendUint64(table, y.addr), y.size)
			}
			names = append(append(names, y.name...), 0)
		}
		return table, names
	}
	if s.symtab != nil {
		table, names := symbols(s.symtab)
		add(".symtab", elf.SHT_SYMTAB, uint32(len(sects)+1), table)
		add(".strtab", elf.SHT_STRTAB, 0, names)
	}
	if s.dynsym != nil {
		table, names := symbols(s.dynsym)
		add(".dynsym", elf.SHT_DYNSYM, uint32(len(sects)+1), table)
		add(".dynstr", elf.SHT_STRTAB, 0, names)
	}
	if s.needed != nil {
		var table []byte
		names := []byte{0}
		entry := func(tag elf.DynTag, value string) {
			table = word(word(table, uint64(tag)), uint64(len(names)))
			names = append(append(names, value...), 0)
		}
		for _, name := range s.needed {
			entry(elf.DT_NEEDED, name)
		}
		entry(elf.DT_RUNPATH, s.runpath)
		add(".dynamic", elf.SHT_DYNAMIC, uint32(len(sects)+1), word(word(table, 0), 0))
		add(".dynstr2", elf.SHT_STRTAB, 0, names)
	}
	noteOffset := len(body)
	body = append(body, buildNote("GNU\x00", 3, s.id)...)
	noteSize := len(body) - noteOffset
	names, offsets := []byte{0}, make([]int, len(sects)+1)
	sects = append(sects, sect{name: ".shstrtab", kind: elf.SHT_STRTAB})
	for i, x := range sects {
		offsets[i] = len(names)
		names = append(append(names, x.name...), 0)
	}
	sects[len(sects)-1].offset, sects[len(sects)-1].size = len(body), len(names)
	body = append(body, names...)

	sectOffset := len(body)
	for i, x := range sects {
		body = le.AppendUint32(le.AppendUint32(body, uint32(offsets[i])), uint32(x.kind))
		body = word(word(word(word(body, 0), x.addr), uint64(x.offset)), uint64(x.size))
		body = word(word(le.AppendUint32(le.AppendUint32(body, x.link), 0), 0), 0)
	}

	head := append([]byte(elf.ELFMAG), byte(class), byte(elf.ELFDATA2LSB), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	head = le.AppendUint32(le.AppendUint16(le.AppendUint16(head, uint16(elf.ET_DYN)), uint16(machine)), 1)
	head = word(word(word(head, textAddr), uint64(headSize)), uint64(sectOffset))
	head = le.AppendUint32(head, 0)
	for _, v := range []int{headSize, progSize, 2, sectSize, len(sects), len(sects) - 1} {
		head = le.AppendUint16(head, uint16(v))
	}
	prog := func(kind elf.ProgType, flags elf.ProgFlag, offset int, addr uint64, size int) {
		head = le.AppendUint32(head, uint32(kind))
		if !s.narrow {
			head = le.AppendUint32(head, uint32(flags))
		}
		head = word(word(word(word(word(head, uint64(offset)), addr), addr), uint64(size)), uint64(size))
		if s.narrow {
			head = le.AppendUint32(head, uint32(flags))
		}
		head = word(head, 4)
	}
	prog(elf.PT_NOTE, elf.PF_R, noteOffset, 0, noteSize)
	prog(elf.PT_LOAD, elf.PF_R|elf.PF_X, textOffset, textAddr, textSize)
	copy(body, head)
	return body
}

func buildNote(owner string, kind uint32, desc []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(owner)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(desc)))
	b = binary.LittleEndian.AppendUint32(b, kind)
	b = append(b, owner...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	b = append(b, desc...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// id20 is a build id of the usual length.
func id20(first byte) BuildID {
	id := BuildID{first}
	for i := range id[1:] {
		id[i+1] = byte(i)
	}
	return id
}

func imageOf(t testing.TB, s sample) *image {
	t.Helper()
	raw := s.build()
	im, err := readImage(bytes.NewReader(raw), int64(len(raw)))
	qt.Assert(t, qt.IsNil(err))
	return im
}

func TestImage(t *testing.T) {
	id := id20(7)
	for _, narrow := range []bool{false, true} {
		s := sample{narrow: narrow, id: id[:], symtab: []sampleSymbol{function("f", 0, 8)}}
		raw := s.build()
		_, err := elf.NewFile(bytes.NewReader(raw)) // the sample is one
		qt.Assert(t, qt.IsNil(err))
		im := imageOf(t, s)
		qt.Check(t, qt.Equals(im.id, id))
		qt.Check(t, qt.IsTrue(slices.Equal(im.segments, []segment{{textOffset, textSize, textAddr}})))
		found, ok := im.find(".strtab")
		qt.Check(t, qt.IsTrue(ok))
		qt.Check(t, qt.Equals(found.kind, uint32(elf.SHT_STRTAB)))
		for _, name := range []string{".strta", ".strtab2", ""} {
			_, ok := im.find(name)
			qt.Check(t, qt.Equals(ok, name == ""), qt.Commentf("%q", name)) // the first section has no name
		}
		for short := range len(raw) { // of a file that is being written, or was truncated
			if im, err := readImage(bytes.NewReader(raw[:short]), int64(short)); err == nil {
				allTables(im, "")
				needsOf(im, "/")
			}
			// The size was told before it was truncated.
			if im, err := readImage(bytes.NewReader(raw[:short]), int64(len(raw))); err == nil {
				allTables(im, "")
				needsOf(im, "/")
			}
		}
	}
}

func TestImageRefused(t *testing.T) {
	change := func(at int, b ...byte) []byte {
		raw := sample{}.build()
		copy(raw[at:], b)
		return raw
	}
	for what, raw := range map[string][]byte{
		"empty":         nil,
		"script":        []byte("#!/bin/sh\necho this is longer than the header of an ELF file, which has 64 bytes\n"),
		"class":         change(elf.EI_CLASS, 3),
		"big endian":    change(elf.EI_DATA, 2),
		"segment size":  change(54, 55),
		"many segments": change(56, 255, 255),
		"segments away": change(32, 0, 0, 0, 0, 0, 0, 0, 128),
	} {
		_, err := readImage(bytes.NewReader(raw), int64(len(raw)))
		qt.Check(t, qt.IsNotNil(err), qt.Commentf("%s", what))
	}
	for what, raw := range map[string][]byte{ // these run
		"section size":  change(58, 1),
		"many sections": change(60, 255, 255),
		"sections away": change(40, 0, 0, 0, 0, 0, 0, 0, 128),
		"names away":    change(62, 255, 255),
	} {
		im, err := readImage(bytes.NewReader(raw), int64(len(raw)))
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", what))
		qt.Check(t, qt.HasLen(im.segments, 1))
		qt.Check(t, qt.HasLen(allTables(im, ""), 0))
	}
}

func TestBuildID(t *testing.T) {
	id := id20(3)
	abi := buildNote("GNU\x00", 1, make([]byte, 16))
	other := buildNote("Go\x00\x00", 3, make([]byte, 20))
	for what, test := range map[string]struct {
		notes []byte
		want  BuildID
	}{
		"alone":      {buildNote("GNU\x00", 3, id[:]), id},
		"behind":     {bytes.Join([][]byte{abi, other, buildNote("GNU\x00", 3, id[:])}, nil), id},
		"short":      {buildNote("GNU\x00", 3, []byte{9, 8, 7}), BuildID{9, 8, 7}},
		"odd owner":  {append(buildNote("Linux", 3, []byte{1}), buildNote("GNU\x00", 3, id[:])...), id},
		"long":       {buildNote("GNU\x00", 3, make([]byte, 21)), BuildID{}},
		"empty":      {buildNote("GNU\x00", 3, nil), BuildID{}},
		"cut":        {buildNote("GNU\x00", 3, id[:])[:35], BuildID{}},
		"huge name":  {[]byte("\xff\xff\xff\xff\x14\x00\x00\x00\x03\x00\x00\x00GNU\x00"), BuildID{}},
		"huge value": {[]byte("\x04\x00\x00\x00\xff\xff\xff\xff\x03\x00\x00\x00GNU\x00"), BuildID{}},
		"none":       {nil, BuildID{}},
	} {
		qt.Check(t, qt.Equals(findBuildID(test.notes), test.want), qt.Commentf("%s", what))
	}
}

func FuzzELF(f *testing.F) {
	id := id20(7)
	add := func(raw []byte) {
		f.Add(raw[:256], raw[textOffset:textOffset+256], raw[textOffset+textSize:], uint64(textOffset))
	}
	for _, narrow := range []bool{false, true} {
		add(sample{
			narrow: narrow, id: id[:], symtab: []sampleSymbol{function("f", 0, 8), function("g", 0, 0)},
			dynsym: []sampleSymbol{function("h", 8, 0)}, needed: []string{"libx.so"}, runpath: "$ORIGIN:/x",
		}.build())
	}
	add(goTable(textAddr, []string{"main.a", "main.b"}))
	add(goTable(0, []string{"main.a", "main.b"}))
	// In pieces, so that few of the bytes that are changed are those that nobody looks at.
	f.Fuzz(func(t *testing.T, head, text, tail []byte, offset uint64) {
		raw := make([]byte, textOffset+textSize, textOffset+textSize+len(tail))
		copy(raw[textOffset:], text)
		copy(raw, head)
		raw = append(raw, tail...)
		im, err := readImage(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			return
		}
		c := newFiles()
		file := &file{segments: im.segments, loaded: true, tables: allTables(im, "")}
		for _, table := range file.tables {
			if len(table.syms) > len(raw) || table.bytes() > 64*len(raw) {
				t.Fatalf("%d symbols, %d bytes from %d", len(table.syms), table.bytes(), len(raw))
			}
		}
		for _, caller := range []bool{false, true} {
			if name, _, ok := c.find(file, offset, caller); ok && (len(name) == 0 || len(name) > maxName) {
				t.Fatalf("name of %d bytes", len(name))
			}
		}
		needsOf(im, "/")
	})
}
