// Package usdt reads the static probes that programs are built with: what the
// macros of <sys/sdt.h> leave in an ELF file. Each place of a probe is a note in
// the section .note.stapsdt, with the address of a nop, that of a counter which
// makes the program compute what only the probe needs, and a text that says in
// which registers and where in memory the arguments are.
//
// The format is described in
// https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation.
package usdt

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ringside-tools/ringside/internal/symbol"
)

// Location is a place of a probe. A probe has one wherever the program's source
// has the macro and wherever that was inlined.
type Location struct {
	Provider, Name string
	Address        uint64 // as the file's symbols have it
	Offset         uint64 // in the file: where a uprobe goes
	Semaphore      uint64 // offset in the file of the counter (a uprobe's ref_ctr_offset); 0 for none
	Args           []Arg
	Text           string // of the arguments, as it is in the file
}

// Layout says where the arguments are: places with the same one can share a program.
// The text alone does not tell, since a variable that is addressed from the program
// counter is elsewhere from each place.
func (l *Location) Layout() string {
	layout := l.Text
	for i := range l.Args {
		if a := &l.Args[i]; a.Kind == Memory && a.Base != nil {
			layout += fmt.Sprintf(" %d", a.Displacement)
		}
	}
	return layout
}

// ErrNone says that a file has no static probes.
var ErrNone = errors.New("it has no static probes (no section .note.stapsdt)")

// Bounds. The largest programs have some thousand places; a libc with all of its
// probes has a hundred.
const (
	maxNotes     = 16 << 20 // bytes of the section
	maxLocations = 1 << 16
	maxName      = 255
	maxText      = 4096
	maxArgs      = 64
)

// Read returns all places of a file, in their order. An argument that cannot be
// understood is in its place, with an error; everything else that is wrong makes
// the file unreadable.
func Read(f *symbol.ELF) ([]Location, error) {
	arch, err := archOf(f.File)
	if err != nil {
		return nil, err
	}
	notes, err := f.Section(".note.stapsdt", maxNotes)
	if err != nil {
		return nil, err
	}
	if notes == nil {
		return nil, ErrNone
	}
	r := reader{file: f, arch: arch}
	if base := f.File.Section(".stapsdt.base"); base != nil {
		r.base = base.Addr
	}
	for len(notes) > 0 {
		var desc []byte
		var ok bool
		if desc, notes, ok = nextNote(notes); !ok {
			break
		}
		if desc == nil {
			continue
		}
		if len(r.out) == maxLocations {
			return nil, fmt.Errorf("read static probes: more than %d", maxLocations)
		}
		if err := r.add(desc); err != nil {
			return nil, fmt.Errorf("read static probes: %w", err)
		}
	}
	return r.out, nil
}

// Find returns the places of a probe; of any provider if that is "".
func Find(all []Location, provider, name string) []Location {
	var out []Location
	for _, l := range all {
		if l.Name == name && (provider == "" || l.Provider == provider) {
			out = append(out, l)
		}
	}
	return out
}

func archOf(f *elf.File) (*Arch, error) {
	if f.Class == elf.ELFCLASS64 && f.Data == elf.ELFDATA2LSB {
		switch f.Machine {
		case elf.EM_X86_64:
			return &AMD64, nil
		case elf.EM_AARCH64:
			return &ARM64, nil
		}
	}
	return nil, fmt.Errorf("read static probes: a program for %v, %v: only 64-bit x86 and Arm are known", f.Machine, f.Class)
}

// The owner and type of a probe's note.
const (
	owner    = "stapsdt\x00"
	noteType = 3
)

// nextNote returns the content of the first note, nil if it is not a probe's.
func nextNote(b []byte) (desc, rest []byte, ok bool) {
	const head = 12
	if len(b) < head {
		return nil, nil, false
	}
	le := binary.LittleEndian
	nameSize, descSize := uint64(le.Uint32(b)), uint64(le.Uint32(b[4:]))
	kind := le.Uint32(b[8:])
	start := head + (nameSize+3)&^3
	if start+descSize > uint64(len(b)) {
		return nil, nil, false
	}
	if kind == noteType && string(b[head:head+nameSize]) == owner {
		desc = b[start : start+descSize]
	}
	return desc, b[min(start+(descSize+3)&^3, uint64(len(b))):], true
}

type reader struct {
	file    *symbol.ELF
	arch    *Arch
	base    uint64 // where .stapsdt.base is now
	out     []Location
	symbols map[string]uint64 // nil until somebody asks
}

// add takes a note apart: three addresses and three strings.
func (r *reader) add(desc []byte) error {
	const addresses = 3 * 8
	if len(desc) < addresses {
		return fmt.Errorf("a note of %d bytes", len(desc))
	}
	le := binary.LittleEndian
	addr, base, semaphore := le.Uint64(desc), le.Uint64(desc[8:]), le.Uint64(desc[16:])
	texts := bytes.SplitN(desc[addresses:], []byte{0}, 4)
	if len(texts) != 4 || len(texts[0]) > maxName || len(texts[1]) > maxName || len(texts[2]) > maxText {
		return errors.New("a note whose names do not end or are too long")
	}
	l := Location{Provider: string(texts[0]), Name: string(texts[1]), Text: string(texts[2])}
	// Prelinking moves code without mending the notes; what the base has moved by tells.
	var moved uint64
	if r.base != 0 {
		moved = r.base - base
	}
	var ok bool
	l.Address = addr + moved
	if l.Offset, ok = r.file.Offset(l.Address); !ok {
		return fmt.Errorf("probe %q of %q is at %#x, where the file has nothing", l.Name, l.Provider, l.Address)
	}
	if semaphore != 0 {
		if l.Semaphore, ok = r.file.Offset(semaphore + moved); !ok {
			return fmt.Errorf("the semaphore of probe %q of %q is at %#x, where the file has nothing", l.Name, l.Provider, semaphore)
		}
	}
	for _, text := range splitArgs(l.Text) {
		if len(l.Args) == maxArgs {
			return fmt.Errorf("probe %q of %q has more than %d arguments", l.Name, l.Provider, maxArgs)
		}
		l.Args = append(l.Args, parseArg(r.arch, text, l.Address, r.symbol))
	}
	r.out = append(r.out, l)
	return nil
}

// splitArgs splits at spaces, but not within brackets: Arm has "8@[sp, 16]".
func splitArgs(text string) []string {
	depth := 0
	return slices.DeleteFunc(strings.FieldsFunc(text, func(c rune) bool {
		switch c {
		case '[', '(':
			depth++
		case ']', ')':
			depth--
		}
		return c == ' ' && depth <= 0
	}), func(s string) bool { return s == "" })
}

// symbol returns the address of a variable, by which code that is not position
// independent, or that addresses its own data, names an operand.
func (r *reader) symbol(name string) (uint64, bool) {
	if r.symbols == nil {
		r.symbols = make(map[string]uint64)
		r.file.Symbols(func(s symbol.ELFSymbol) bool {
			if s.Type == elf.STT_OBJECT || s.Type == elf.STT_NOTYPE {
				r.symbols[string(s.Name)] = s.Address
			}
			return true
		})
	}
	addr, ok := r.symbols[name]
	return addr, ok
}
