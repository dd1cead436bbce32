// Package debuginfo knows the functions and types of a program from its DWARF, in
// the terms of [ctype]: what the compiler left in the file itself, or what a
// distribution has stripped from it into a file of its own.
//
// Debug information can be a hundred times as large as the program. Nothing is
// indexed: what is asked for is found by where its name or its address stands, and
// only the compilation units in which it can be are read.
//
// The information belongs to whoever owns the file. It is read with bounds, and
// what makes no sense is an error, or a type of which nothing is known.
package debuginfo

import (
	"debug/dwarf"
	"errors"
	"fmt"
	"io"

	"github.com/ringside-tools/ringside/internal/symbol"
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
)

// Info is the debug information of a file.
type Info struct {
	main  *unitFile
	alt   *unitFile // what several debug files share (dwz); nil for none
	types map[ref]ctype.Type
	busy  map[ref]bool // being converted
	steps int          // entries that may still be read for this question
}

// unitFile is the debug information that is in one file.
type unitFile struct {
	data                *dwarf.Data
	info, str, lineStr  []byte
	strOffsets, aranges []byte
	units               []unit
}

// ref is an entry of one of the files.
type ref struct {
	file *unitFile
	at   dwarf.Offset
}

// ErrUnknown says that the debug information does not have what was asked for.
var ErrUnknown = errors.New("not in the debug information")

// maxSections bounds the sections of a file in memory, uncompressed. The kernel has
// 230 MB of them, a browser more than 1 GB.
const maxSections = 1 << 30

// maxSteps bounds the entries that one question reads.
const maxSteps = 20 << 20

// Open reads the debug information of a file: its own, or else that which was
// stripped from it. It returns [symbol.ErrNoDebug] if there is none. The file may
// be closed afterwards.
func Open(at symbol.Mapped) (_ *Info, err error) {
	defer rescue(&err)
	file, _, err := at.Open()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	f, err := symbol.NewELF(file)
	if err != nil {
		return nil, err
	}
	var closer io.Closer
	where := at.Path
	if s := f.SectionNamed(".debug_info"); s == nil {
		debug, elf, err := at.DebugFile(f)
		if err != nil {
			return nil, err
		}
		f, closer, where = elf, debug, debug.Name()
		defer closer.Close()
	}
	return read(f, where)
}

// read reads the sections of a file that is at a path, and of the one it shares
// information with.
func read(f *symbol.ELF, where string) (*Info, error) {
	main, err := readFile(f)
	if err != nil {
		return nil, err
	}
	i := &Info{main: main, types: make(map[ref]ctype.Type), busy: make(map[ref]bool)}
	file, alt, err := f.AltFile(where)
	if err != nil {
		return nil, err
	}
	if file != nil {
		defer file.Close()
		if i.alt, err = readFile(alt); err != nil {
			return nil, err
		}
	}
	return i, nil
}

func readFile(f *symbol.ELF) (*unitFile, error) {
	section := make(map[string][]byte)
	left := uint64(maxSections)
	for _, name := range []string{"abbrev", "info", "str", "line_str", "str_offsets", "addr", "ranges", "rnglists", "aranges"} {
		b, err := f.Section(".debug_"+name, left)
		if err != nil {
			return nil, err
		}
		section[name] = b
		left -= uint64(len(b))
	}
	if section["info"] == nil {
		return nil, symbol.ErrNoDebug
	}
	data, err := dwarf.New(section["abbrev"], nil, nil, section["info"], nil, nil, section["ranges"], section["str"])
	if err != nil {
		return nil, fmt.Errorf("read debug information: %w", err)
	}
	for _, name := range []string{"line_str", "str_offsets", "addr", "rnglists"} {
		if section[name] == nil {
			continue
		}
		if err := data.AddSection(".debug_"+name, section[name]); err != nil {
			return nil, fmt.Errorf("read debug information: %w", err)
		}
	}
	return &unitFile{
		data: data, info: section["info"], str: section["str"], lineStr: section["line_str"],
		strOffsets: section["str_offsets"], aranges: section["aranges"], units: readUnits(section["info"]),
	}, nil
}

// rescue makes an error of a panic of the library that reads what we were given.
func rescue(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("malformed debug information: %v", p)
	}
}

var errSteps = errors.New("debug information takes too long to read")

// entry returns the entry at a place.
func (i *Info) entry(r ref) (*dwarf.Entry, error) {
	in := r.file.data.Reader()
	in.Seek(r.at)
	return i.next(in)
}

// next returns the next entry of a reader: nil at the end of the file, and one with
// tag 0 at the end of the children of another.
func (i *Info) next(in *dwarf.Reader) (*dwarf.Entry, error) {
	if i.steps--; i.steps < 0 {
		return nil, errSteps
	}
	e, err := in.Next()
	if err != nil {
		return nil, fmt.Errorf("read debug information: %w", err)
	}
	return e, nil
}

// children calls f for each child of an entry until it returns false.
func (i *Info) children(r ref, f func(ref, *dwarf.Entry) bool) error {
	in := r.file.data.Reader()
	in.Seek(r.at)
	e, err := i.next(in)
	if err != nil || e == nil || !e.Children {
		return err
	}
	for {
		e, err := i.next(in)
		if err != nil || e == nil || e.Tag == 0 {
			return err
		}
		if !f(ref{r.file, e.Offset}, e) {
			return nil
		}
		if err := i.skip(in, e); err != nil {
			return err
		}
	}
}

// skip passes over the children of the entry that was read last.
func (i *Info) skip(in *dwarf.Reader, e *dwarf.Entry) error {
	if !e.Children {
		return nil
	}
	if sibling, ok := e.Val(dwarf.AttrSibling).(dwarf.Offset); ok && sibling > e.Offset {
		in.Seek(sibling)
		return nil
	}
	for depth := 1; depth > 0; {
		e, err := i.next(in)
		if err != nil {
			return err
		}
		switch {
		case e == nil:
			return nil
		case e.Tag == 0:
			depth--
		case e.Children:
			depth++
		}
	}
	return nil
}

// name returns the name of an entry, "" if it has none.
func (i *Info) text(e *dwarf.Entry, attr dwarf.Attr) string {
	f := e.AttrField(attr)
	if f == nil {
		return ""
	}
	switch v := f.Val.(type) {
	case string:
		return v[:min(len(v), maxName)]
	case int64:
		if f.Class == dwarf.ClassStringAlt && i.alt != nil && v >= 0 && v < int64(len(i.alt.str)) {
			return cString(i.alt.str[v:])
		}
	}
	return ""
}

// maxName is how much of a name is believed.
const maxName = 4096

// target returns the entry that an attribute of another refers to.
func (i *Info) target(r ref, e *dwarf.Entry, attr dwarf.Attr) (ref, bool) {
	f := e.AttrField(attr)
	if f == nil {
		return ref{}, false
	}
	switch v := f.Val.(type) {
	case dwarf.Offset:
		return ref{r.file, v}, true
	case int64:
		if f.Class == dwarf.ClassReferenceAlt && i.alt != nil {
			return ref{i.alt, dwarf.Offset(v)}, true
		}
	}
	return ref{}, false
}
