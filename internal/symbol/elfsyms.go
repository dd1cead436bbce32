package symbol

import (
	"bytes"
	"debug/elf"
	"errors"
	"io"
)

// ELFSymbol is an entry of a symbol table.
type ELFSymbol struct {
	Name          []byte // without version; valid as long as the file's other symbols
	Address, Size uint64
	Type          elf.SymType
	Section       elf.SectionIndex
	Version       string // "GLIBC_2.2.5", "" if it has none
	Hidden        bool   // an old version, which new programs are not linked to
	Global        bool   // other files can use it
	Table         string // .symtab or .dynsym
}

// Symbols calls f for each symbol that is defined and has a name, those of .symtab
// before those of .dynsym, until it returns false. A table that is malformed or too
// large is passed over.
func (f *ELF) Symbols(visit func(ELFSymbol) bool) {
	if more, err := f.symbols(elf.SHT_SYMTAB, nil, visit); more || err != nil {
		f.symbols(elf.SHT_DYNSYM, f.versions(), visit)
	}
}

// tableNames are the sections that symbols stand in.
var tableNames = map[elf.SectionType]string{elf.SHT_SYMTAB: ".symtab", elf.SHT_DYNSYM: ".dynsym"}

// HasSymbols reports whether the file has .symtab, which strip removes.
func (f *ELF) HasSymbols() bool { return f.SectionByType(elf.SHT_SYMTAB) != nil }

var errTable = errors.New("malformed symbol table")

// maxSymbolBytes bounds a symbol table: two million symbols, as elsewhere in this package.
const maxSymbolBytes = maxSymbols * elf.Sym64Size

func (f *ELF) symbols(kind elf.SectionType, versions *versions, visit func(ELFSymbol) bool) (more bool, err error) {
	s := f.SectionByType(kind)
	if s == nil {
		return true, nil
	}
	if f.Class != elf.ELFCLASS64 || f.Data != elf.ELFDATA2LSB || s.Size > maxSymbolBytes || int(s.Link) >= len(f.Sections) {
		return false, errTable
	}
	names, err := f.data(f.Sections[s.Link], maxNames)
	if err != nil {
		return false, err
	}
	f.budget.Allow(int64(s.FileSize) + 1)
	buf := make([]byte, 1024*elf.Sym64Size)
	table := tableNames[kind]
	in := s.Open()
	for index := 0; ; {
		n, err := io.ReadFull(in, buf)
		for b := buf[:n/elf.Sym64Size*elf.Sym64Size]; len(b) > 0; b = b[elf.Sym64Size:] {
			sym, ok := parseELFSymbol(b, names)
			sym.Table = table
			if ok && versions != nil {
				sym.Version, sym.Hidden = versions.of(index)
			}
			if ok && !visit(sym) {
				return false, nil
			}
			index++
		}
		if err != nil {
			return true, nil
		}
	}
}

// parseELFSymbol takes an Elf64_Sym apart.
func parseELFSymbol(b, names []byte) (s ELFSymbol, ok bool) {
	at := uint64(le32(b))
	s.Type, s.Section = elf.ST_TYPE(b[4]), elf.SectionIndex(le16(b[6:]))
	s.Address, s.Size = le64(b[8:]), le64(b[16:])
	if s.Section == elf.SHN_UNDEF || at >= uint64(len(names)) {
		return s, false
	}
	name := names[at:]
	end := bytes.IndexByte(name[:min(len(name), maxName+1)], 0)
	if end <= 0 {
		return s, false
	}
	s.Name, s.Global = name[:end:end], elf.ST_BIND(b[4]) != elf.STB_LOCAL
	if at := bytes.IndexByte(s.Name, '@'); at > 0 { // .symtab has versions in the names: name@OLD, name@@CURRENT
		version := s.Name[at+1:]
		s.Hidden = !bytes.HasPrefix(version, []byte("@"))
		s.Version = string(bytes.TrimLeft(version, "@"))
		s.Name = s.Name[:at:at]
	}
	return s, true
}

// versions says which version each symbol of .dynsym has.
type versions struct {
	index []byte            // .gnu.version: two bytes for each symbol
	names map[uint16]string // of those that the file itself defines
}

// Bounds; glibc has 40 versions and 3000 symbols.
const (
	maxVersionIndex = 2 * maxSymbols
	maxVersionDefs  = 1 << 20
	versionHidden   = 0x8000
)

func (v *versions) of(symbol int) (name string, hidden bool) {
	if len(v.index) < 2*symbol+2 {
		return "", false
	}
	n := le16(v.index[2*symbol:])
	return v.names[n&^versionHidden], n&versionHidden != 0
}

// versions reads .gnu.version and .gnu.version_d.
func (f *ELF) versions() *versions {
	index, err := f.Section(".gnu.version", maxVersionIndex)
	if err != nil || index == nil {
		return nil
	}
	v := &versions{index: index, names: make(map[uint16]string)}
	s := f.File.Section(".gnu.version_d")
	defs, err := f.Section(".gnu.version_d", maxVersionDefs)
	if err != nil || s == nil || int(s.Link) >= len(f.Sections) {
		return v
	}
	names, err := f.data(f.Sections[s.Link], maxNames)
	if err != nil {
		return v
	}
	// A chain of struct Elf64_Verdef, each with the offset of the next one. The name of a
	// version is the first of its own chain of auxiliary entries.
	for at := uint64(0); at+20 <= uint64(len(defs)); {
		def := defs[at:]
		aux, next := uint64(le32(def[12:])), uint64(le32(def[16:]))
		if aux+4 <= uint64(len(def)) {
			if name := le32(def[aux:]); uint64(name) < uint64(len(names)) {
				text, _, _ := bytes.Cut(names[name:], []byte{0})
				v.names[le16(def[4:])] = string(text[:min(len(text), maxName)])
			}
		}
		if next == 0 {
			break
		}
		at += next
	}
	return v
}
