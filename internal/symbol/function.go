package symbol

import (
	"bytes"
	"cmp"
	"debug/elf"
	"fmt"
	"io"
	"runtime"
	"slices"
)

// Function is a function of a program or library.
type Function struct {
	Name    string
	Version string // "GLIBC_2.2.5", "" if it has none
	Hidden  bool   // an old version, which new programs are not linked to
	Address uint64 // as the file's symbols have it
	Offset  uint64 // in the file: where a uprobe goes
	Size    uint64 // 0 if unknown
	Table   string // that names it: .symtab, .dynsym, debug file or .gopclntab
	// Indirect says that it is an IFUNC: it returns the address of the function that suits
	// the processor, and runs once in each process. A probe sees that, and not the calls.
	Indirect bool
	global   bool
}

// Runs returns why a program that this kernel runs natively cannot be in the file.
func (f *ELF) Runs() error {
	want := elf.EM_X86_64
	if runtime.GOARCH == "arm64" {
		want = elf.EM_AARCH64
	}
	switch {
	case f.Class != elf.ELFCLASS64 || f.Data != elf.ELFDATA2LSB || f.Machine != want:
		return fmt.Errorf("it is for %v (%v): only functions of %v programs can be probed", f.Machine, f.Class, want)
	case f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN:
		return fmt.Errorf("it is neither a program nor a library (%v)", f.Type)
	}
	return nil
}

// nativeELF reads the headers of a file that this kernel runs natively.
func nativeELF(file io.ReaderAt) (*ELF, error) {
	f, err := NewELF(file)
	if err != nil {
		return nil, err
	}
	return f, f.Runs()
}

// Functions returns the functions of a file whose names match, by address. It asks the
// file's own symbols first; where those were stripped, what was stripped if it is
// installed, and the table that a Go program has for itself. A function has an element
// for each of its names.
func (m Mapped) Functions(match func(name []byte) bool) ([]Function, error) {
	file, id, err := m.Open()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	f, err := nativeELF(file)
	if err != nil {
		return nil, fmt.Errorf("list functions of %s: %w", m.Path, err)
	}
	return m.functions(f, file, id.Size, match, func([]Function) bool { return f.HasSymbols() }), nil
}

// Locate returns the functions of these names in a file that need not be of this machine,
// each the best of its name as [Mapped.Function] has it. All tables are asked that
// [Mapped.Functions] has, until every name is found; one that none has is not in the result.
// The file may be anything.
func Locate(file io.ReaderAt, size int64, names ...string) (map[string]Function, error) {
	f, err := NewELF(file)
	if err != nil {
		return nil, fmt.Errorf("find functions: %w", err)
	}
	found := make(map[string]Function, len(names))
	all := Mapped{}.functions(f, file, size, func(b []byte) bool { return slices.Contains(names, string(b)) }, func(out []Function) bool {
		for _, fn := range out {
			found[fn.Name] = fn
		}
		return len(found) == len(names)
	})
	for _, fn := range slices.Backward(bestFirst(all)) {
		found[fn.Name] = fn
	}
	return found, nil
}

// functions are those of a file by address. After its own symbols, the other tables are
// asked if these are not enough.
func (m Mapped) functions(f *ELF, file io.ReaderAt, size int64, match func(name []byte) bool, enough func([]Function) bool) []Function {
	var out []Function
	f.functions(f, "", match, &out)
	if !enough(out) {
		if debug, symbols, err := m.DebugFile(f); err == nil {
			f.functions(symbols, "debug file", match, &out)
			debug.Close()
		}
		if im, err := readImage(file, size); err == nil {
			f.goFunctions(im, match, &out)
		}
	}
	slices.SortStableFunc(out, func(a, b Function) int {
		return cmp.Or(cmp.Compare(a.Address, b.Address), cmp.Compare(a.Name, b.Name))
	})
	return slices.CompactFunc(out, func(a, b Function) bool { return a.Address == b.Address && a.Name == b.Name })
}

// Function returns the functions of a name, best first: one that other files can call
// before one of a single source file, of which there can be several, and the version
// that new programs are linked to before old ones. "name@VERSION" asks for that version.
// It returns nothing if there is none.
func (m Mapped) Function(name string) ([]Function, error) {
	want, version := name, ""
	if at := bytes.IndexByte([]byte(name), '@'); at > 0 {
		want, version = name[:at], string(bytes.TrimLeft([]byte(name[at:]), "@"))
	}
	all, err := m.Functions(func(b []byte) bool { return string(b) == want })
	if err != nil {
		return nil, err
	}
	if version != "" {
		all = slices.DeleteFunc(all, func(f Function) bool { return f.Version != version })
	}
	return bestFirst(all), nil
}

// bestFirst sorts functions by what a caller of their name would get.
func bestFirst(all []Function) []Function {
	rank := func(f Function) int {
		switch {
		case !f.global:
			return 2
		case f.Hidden:
			return 1
		}
		return 0
	}
	slices.SortStableFunc(all, func(a, b Function) int { return cmp.Compare(rank(a), rank(b)) })
	return all
}

// functions adds those of the symbols of a file, which is f itself or has been stripped
// from it; table is the name of the latter.
func (f *ELF) functions(symbols *ELF, table string, match func([]byte) bool, out *[]Function) {
	symbols.Symbols(func(s ELFSymbol) bool {
		if s.Type != elf.STT_FUNC && s.Type != elf.STT_GNU_IFUNC || s.Section >= elf.SHN_LORESERVE || !match(s.Name) {
			return true
		}
		offset, ok := f.Offset(s.Address)
		if ok && len(*out) < maxSymbols {
			*out = append(*out, Function{
				Name: string(s.Name), Table: cmp.Or(table, s.Table), Version: s.Version, Hidden: s.Hidden, Address: s.Address, Offset: offset, Size: s.Size,
				Indirect: s.Type == elf.STT_GNU_IFUNC, global: s.Global,
			})
		}
		return true
	})
}

func (f *ELF) goFunctions(im *image, match func([]byte) bool, out *[]Function) {
	t, err := readGoTable(im)
	if err != nil {
		return
	}
	for _, s := range t.syms {
		name := t.name(s)
		if offset, ok := f.Offset(s.addr); ok && match(name) {
			*out = append(*out, Function{Name: string(name), Address: s.addr, Offset: offset, Size: uint64(s.size), Table: ".gopclntab", global: true})
		}
	}
}
