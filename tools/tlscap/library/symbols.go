package library

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
)

// Bounds on what is read of a file. node has some 100000 symbols.
const (
	maxTable   = 256 << 20 // bytes of a table of symbols, or of its names
	maxVersion = 64 << 20  // bytes looked through for a version
)

// readSymbols adds the functions that are known by name, and where they are in the file: a program can
// have those of several versions of a library of Rust.
// It sets *derives if the file has EVP_KDF_derive, or wants it of another. budget is how many symbols may be looked at as those
// of rustls.
func readSymbols(f *elf.File, kind elf.SectionType, to map[string][]uint64, derives *bool, budget *int) error {
	table := f.SectionByType(kind)
	if table == nil || int64(table.Link) >= int64(len(f.Sections)) {
		return nil
	}
	names := f.Sections[table.Link]
	if table.Size > maxTable || names.Size > maxTable || names.Type != elf.SHT_STRTAB {
		return fmt.Errorf("read symbols: a table of %d bytes with names of %d", table.Size, names.Size)
	}
	syms, err := table.Data()
	if err != nil {
		return fmt.Errorf("read symbols: %w", err)
	}
	text, err := names.Data()
	if err != nil {
		return fmt.Errorf("read names of symbols: %w", err)
	}
	none := 0
	rust := &none
	if bytes.Contains(text, []byte("rustls")) {
		rust = budget
	}
	for ; len(syms) >= elf.Sym64Size; syms = syms[elf.Sym64Size:] {
		name, section := binary.LittleEndian.Uint32(syms), binary.LittleEndian.Uint16(syms[6:])
		if elf.ST_TYPE(syms[4]) != elf.STT_FUNC && elf.SectionIndex(section) != elf.SHN_UNDEF || uint64(name) >= uint64(len(text)) {
			continue
		}
		word := known(text[name:], rust)
		if word == "" {
			continue
		}
		fn := functions[word]
		*derives = *derives || fn.kind == Derive
		addr := binary.LittleEndian.Uint64(syms[8:])
		if elf.SectionIndex(section) == elf.SHN_UNDEF {
			continue
		}
		if offset, ok := fileOffset(f, addr); ok && len(to[word]) < maxSame && !slices.Contains(to[word], offset) {
			to[word] = append(to[word], offset)
		}
	}
	return nil
}

// maxName is longer than any name that is looked for, but for those of Rust.
const maxName = 40

// Bounds on what a hostile file has us do.
const (
	maxSame = 16     // functions of one name
	maxRust = 20_000 // symbols of a file that are looked at closely
)

// known is the name of a function that is known, by the symbol that text begins with; "" if it is none. rust is how many
// symbols may still be looked at as those of rustls, which takes longer.
func known(text []byte, rust *int) string {
	most := maxName
	if *rust > 0 {
		most = maxRustName
	}
	end := bytes.IndexByte(text[:min(len(text), most+1)], 0)
	if end < 0 {
		return ""
	}
	symbol := text[:end]
	if _, ok := functions[string(symbol)]; ok {
		return string(symbol)
	}
	if *rust > 0 && mayBeRust(symbol) {
		*rust--
		name, _ := rustFunction(symbol)
		return name
	}
	return ""
}

// fileOffset is where an address of an executable segment is in the file.
func fileOffset(f *elf.File, addr uint64) (uint64, bool) {
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && p.Flags&elf.PF_X != 0 && addr >= p.Vaddr && addr-p.Vaddr < p.Filesz {
			return addr - p.Vaddr + p.Off, true
		}
	}
	return 0, false
}

// versions are how libraries name themselves in their constants. Each is looked for by
// the name that it begins with: an expression with all of them has no beginning of its own,
// and goes through eleven megabytes a second instead of two hundred.
var versions = []struct {
	name   string
	number *regexp.Regexp // what follows the name
}{
	{"OpenSSL ", regexp.MustCompile(`^\d+\.\d+\.\d+[-+.0-9a-z]{0,16}`)},
	{"LibreSSL ", regexp.MustCompile(`^\d+\.\d+\.\d+[-+.0-9a-z]{0,16}`)},
	{"BoringSSL", regexp.MustCompile(`^`)},
	{"NSS ", regexp.MustCompile(`^\d+\.\d+(\.\d+)?`)},
	{"GnuTLS ", regexp.MustCompile(`^\d+\.\d+\.\d+`)},
	{"rustls-", regexp.MustCompile(`^\d+\.\d+\.\d+`)},
}

// maxVersionNumber is the most that is looked at after the name, in bytes.
const maxVersionNumber = 64

// version finds what the file says of itself, which is for people only.
func version(f *elf.File) string {
	s := f.Section(".rodata")
	if s == nil || s.Type == elf.SHT_NOBITS || s.Size > maxVersion {
		return ""
	}
	data, err := s.Data()
	if err != nil {
		return ""
	}
	return firstVersion(data)
}

// firstVersion finds the first name of a library with its version, "" if there is none.
func firstVersion(data []byte) string {
	var found string
	for _, v := range versions {
		for from := 0; ; {
			i := bytes.Index(data[from:], []byte(v.name))
			if i < 0 {
				break
			}
			at := from + i
			from = at + len(v.name)
			number := v.number.Find(data[from:min(from+maxVersionNumber, len(data))])
			if number != nil && !inWord(data, at) {
				data, found = data[:at], v.name+string(number) // others have to begin before
				break
			}
		}
	}
	return found
}

// inWord reports whether what is at i goes on a word, as "OpenSSL" in "myOpenSSL".
func inWord(data []byte, i int) bool {
	if i == 0 {
		return false
	}
	c := data[i-1]
	return c == '_' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}
