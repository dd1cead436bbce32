package symbol

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

var errTooMuch = errors.New("it makes us read more than any real file does")

// maxELFHeaders is what is read at most of the headers of a file: more than ten times
// that of the largest there are.
const maxELFHeaders = 64 << 20

// ELF is a file of the standard library's reader, which bounds what it makes us read:
// headers can say that a table is as large as the file, which can be larger than memory.
type ELF struct {
	*elf.File
	budget *budget
}

// NewELF reads the headers of an ELF file.
func NewELF(r io.ReaderAt) (*ELF, error) {
	b := &budget{file: r}
	b.Allow(maxELFHeaders)
	f, err := elf.NewFile(b)
	if err != nil {
		return nil, fmt.Errorf("read ELF headers: %w", err)
	}
	return &ELF{f, b}, nil
}

// Section returns what a section contains, which may be compressed, if it is not larger
// than limit bytes; nil if there is no such section.
func (f *ELF) Section(name string, limit uint64) ([]byte, error) {
	s := f.File.Section(name)
	if s == nil || s.Type == elf.SHT_NOBITS {
		return nil, nil
	}
	return f.data(s, limit)
}

func (f *ELF) data(s *elf.Section, limit uint64) ([]byte, error) {
	if s.Size > limit || s.FileSize > limit {
		return nil, fmt.Errorf("read section %q: %d bytes, more than %d", s.Name, max(s.Size, s.FileSize), limit)
	}
	f.budget.Allow(int64(s.FileSize) + 2)
	data, err := f.read(s)
	if err != nil {
		return nil, fmt.Errorf("read section %q: %w", s.Name, err)
	}
	return data, nil
}

// read reads a section at once where its size can be believed: as the file is not
// shorter, it is not larger than what is there.
func (f *ELF) read(s *elf.Section) ([]byte, error) {
	var last [1]byte
	if s.Flags&elf.SHF_COMPRESSED != 0 || s.Size == 0 {
		return s.Data()
	}
	if _, err := s.ReadAt(last[:], int64(s.Size)-1); err != nil {
		return nil, err
	}
	b := make([]byte, s.Size)
	_, err := io.ReadFull(io.NewSectionReader(s, 0, int64(s.Size)), b)
	return b, err
}

// Offset translates an address of the file's symbols to the offset in the file of what
// will be there in memory.
func (f *ELF) Offset(addr uint64) (uint64, bool) {
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && addr >= p.Vaddr && addr-p.Vaddr < p.Filesz {
			return p.Off + (addr - p.Vaddr), true
		}
	}
	return 0, false
}

// budget is a file that can be read only so far.
type budget struct {
	file io.ReaderAt
	left atomic.Int64
}

// Allow lets that many bytes be read, whatever was allowed before.
func (b *budget) Allow(n int64) { b.left.Store(n) }

func (b *budget) ReadAt(p []byte, at int64) (int, error) {
	if b.left.Add(-int64(len(p))) < 0 {
		return 0, errTooMuch
	}
	return b.file.ReadAt(p, at)
}

// SectionNamed returns the headers of a section, nil if there is none of that name.
func (f *ELF) SectionNamed(name string) *elf.Section { return f.File.Section(name) }
