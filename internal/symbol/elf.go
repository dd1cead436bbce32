package symbol

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

var errELF = errors.New("malformed ELF file")

// Bounds on what is believed of a file's header. The files of large programs have some 15 segments and 50 sections.
const (
	maxSegments = 128
	maxSections = 4096
	maxNotes    = 64 << 10 // bytes of one note segment
)

// image is what the headers of an ELF file say. Only 64-bit and 32-bit little-endian files are known, which is what the
// kernels run that we run on.
type image struct {
	file     io.ReaderAt
	size     int64
	wide     bool // 64-bit
	segments []segment
	sections []section
	names    uint32 // section of the names of sections
	id       BuildID
}

// segment is executable.
type segment struct{ offset, size, addr uint64 }

type section struct {
	name, kind         uint32
	addr, offset, size uint64
	link               uint32
}

// readImage reads the headers and the build id.
func readImage(file io.ReaderAt, size int64) (*image, error) {
	head := make([]byte, 64)
	n, err := file.ReadAt(head, 0)
	if n < 52 {
		return nil, fmt.Errorf("read ELF header: %w", err)
	}
	if string(head[:4]) != elf.ELFMAG || head[elf.EI_DATA] != byte(elf.ELFDATA2LSB) {
		return nil, errELF
	}
	im := &image{file: file, size: size}
	var phoff, shoff uint64
	var sizes []byte // of the entries of both tables, and their counts
	switch elf.Class(head[elf.EI_CLASS]) {
	case elf.ELFCLASS64:
		im.wide = true
		phoff, shoff, sizes = le64(head[32:]), le64(head[40:]), head[54:]
	case elf.ELFCLASS32:
		phoff, shoff, sizes = uint64(le32(head[28:])), uint64(le32(head[32:])), head[42:]
	default:
		return nil, errELF
	}
	if err := im.readSegments(phoff, int(le16(sizes)), int(le16(sizes[2:]))); err != nil {
		return nil, err
	}
	// Many files have no sections, or lost them; they run nevertheless.
	im.names = uint32(le16(sizes[8:]))
	im.readSections(shoff, int(le16(sizes[4:])), int(le16(sizes[6:])))
	return im, nil
}

func (im *image) readSegments(at uint64, size, count int) error {
	want := 32
	if im.wide {
		want = 56
	}
	if size != want || count > maxSegments {
		return errELF
	}
	table, err := im.read(at, uint64(size*count))
	if err != nil {
		return fmt.Errorf("read segments: %w", err)
	}
	for ; len(table) > 0; table = table[size:] {
		kind, flags := elf.ProgType(le32(table)), le32(table[24:])
		var s segment
		if im.wide {
			flags = le32(table[4:])
			s = segment{offset: le64(table[8:]), addr: le64(table[16:]), size: le64(table[32:])}
		} else {
			s = segment{offset: uint64(le32(table[4:])), addr: uint64(le32(table[8:])), size: uint64(le32(table[16:]))}
		}
		switch {
		case kind == elf.PT_LOAD && elf.ProgFlag(flags)&elf.PF_X != 0:
			im.segments = append(im.segments, s)
		case kind == elf.PT_NOTE && im.id == BuildID{} && s.size <= maxNotes:
			if notes, err := im.read(s.offset, s.size); err == nil {
				im.id = findBuildID(notes)
			}
		}
	}
	return nil
}

func (im *image) readSections(at uint64, size, count int) {
	want := 40
	if im.wide {
		want = 64
	}
	if size != want || count > maxSections {
		return
	}
	table, err := im.read(at, uint64(size*count))
	if err != nil {
		return
	}
	im.sections = make([]section, 0, count)
	for ; len(table) > 0; table = table[size:] {
		s := section{name: le32(table), kind: le32(table[4:])}
		if im.wide {
			s.addr, s.offset, s.size, s.link = le64(table[16:]), le64(table[24:]), le64(table[32:]), le32(table[40:])
		} else {
			s.addr, s.offset, s.size, s.link =
				uint64(le32(table[12:])), uint64(le32(table[16:])), uint64(le32(table[20:])), le32(table[24:])
		}
		im.sections = append(im.sections, s)
	}
}

// findBuildID looks for the note in which a linker writes it: owner "GNU", type 3, at most 20 bytes.
func findBuildID(notes []byte) (id BuildID) {
	const head = 12 // sizes of owner and content, type
	for len(notes) >= head {
		nameLen, descLen, kind := uint64(le32(notes)), uint64(le32(notes[4:])), le32(notes[8:])
		notes = notes[head:]
		desc := (nameLen + 3) &^ 3
		next := desc + (descLen+3)&^3
		if desc+descLen > uint64(len(notes)) {
			break
		}
		if kind == 3 && string(notes[:nameLen]) == "GNU\x00" && descLen > 0 && descLen <= uint64(len(id)) {
			copy(id[:], notes[desc:][:descLen])
			break
		}
		notes = notes[min(next, uint64(len(notes))):]
	}
	return id
}

// addrOf translates an offset in the file to the address that symbols have.
func addrOf(segments []segment, offset uint64) (uint64, bool) {
	for _, s := range segments {
		if offset >= s.offset && offset-s.offset < s.size {
			return s.addr + offset - s.offset, true
		}
	}
	return 0, false
}

// find returns the first section of that name.
func (im *image) find(name string) (section, bool) {
	if int64(im.names) >= int64(len(im.sections)) {
		return section{}, false
	}
	table := im.sections[im.names]
	buf := make([]byte, len(name)+1)
	for _, s := range im.sections {
		if uint64(s.name) >= table.size || table.offset > uint64(im.size) {
			continue
		}
		if _, err := im.file.ReadAt(buf, int64(table.offset+uint64(s.name))); err == nil && string(buf) == name+"\x00" {
			return s, true
		}
	}
	return section{}, false
}

// kind returns the first section of a type.
func (im *image) kind(kind elf.SectionType) (section, bool) {
	for _, s := range im.sections {
		if s.kind == uint32(kind) {
			return s, true
		}
	}
	return section{}, false
}

// read returns a piece of the file, which the caller has found to be small.
func (im *image) read(offset, size uint64) ([]byte, error) {
	if offset > uint64(im.size) || size > uint64(im.size)-offset {
		return nil, io.ErrUnexpectedEOF
	}
	b := make([]byte, size)
	if n, err := im.file.ReadAt(b, int64(offset)); n < len(b) {
		return nil, err
	}
	return b, nil
}

func le16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }
func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
