package symbol

import "fmt"

// The first bytes of .gopclntab, since Go 1.16, 1.18 and 1.20.
const (
	magicGo116 = 0xfffffffa
	magicGo118 = 0xfffffff0
	magicGo120 = 0xfffffff1
)

// readGoTable reads the functions of a Go program from the table that its runtime prints stacks with, which is there
// also in a stripped program. Older ones than those of Go 1.18 have no names without .symtab.
func readGoTable(im *image) (*table, error) {
	s, ok := im.find(".gopclntab")
	if !ok {
		if s, ok = im.find(".data.rel.ro.gopclntab"); !ok { // position independent
			return &table{}, nil
		}
	}
	if s.size > maxNames {
		return nil, fmt.Errorf(".gopclntab of %d bytes: too large", s.size)
	}
	word := uint64(8)
	if !im.wide {
		word = 4
	}
	head, err := im.read(s.offset, min(s.size, 8+8*word))
	if err != nil {
		return nil, fmt.Errorf("read .gopclntab: %w", err)
	}
	if uint64(len(head)) == 8+8*word && uint64(head[7]) == word && le32(head) == magicGo116 && im.wide {
		return readGo116Table(im, s, head)
	}
	if uint64(len(head)) < 8+8*word || uint64(head[7]) != word || (le32(head) != magicGo118 && le32(head) != magicGo120) {
		return nil, errELF
	}
	field := func(i uint64) uint64 {
		if im.wide {
			return le64(head[8+8*i:])
		}
		return uint64(le32(head[8+4*i:]))
	}
	count, text, names, namesEnd, funcs := field(0), field(2), field(3), field(4), field(7)
	if count > maxSymbols || names > namesEnd || namesEnd > s.size || funcs > s.size {
		return nil, errELF
	}
	t := &table{syms: make([]tableSymbol, 0)}
	if t.names, err = im.read(s.offset+names, namesEnd-names); err != nil {
		return nil, fmt.Errorf("read .gopclntab: %w", err)
	}
	data, err := im.read(s.offset+funcs, s.size-funcs)
	if err != nil {
		return nil, fmt.Errorf("read .gopclntab: %w", err)
	}
	if text == 0 { // position independent
		text, _ = relocated(im, s.addr+8+2*word)
	}
	if text == 0 && len(data) >= 4 { // not told since Go 1.26
		if text, ok = goText(im, le32(data)); !ok {
			return &table{}, nil
		}
	}
	// Pairs of where a function begins in the text and where it is described; the last one is the end of the text.
	for i := range count {
		pair := data[min(8*i, uint64(len(data))):]
		if len(pair) < 12 {
			return nil, errELF
		}
		start, end, at := le32(pair), le32(pair[8:]), uint64(le32(pair[4:]))
		if end <= start || at+8 > uint64(len(data)) {
			continue
		}
		// The description begins with the start, once more, and the offset of the name.
		f := tableSymbol{addr: text + uint64(start), size: end - start, name: le32(data[at+4:])}
		if len(t.name(f)) > 0 {
			t.syms = append(t.syms, f)
		}
	}
	t.finish()
	return t, nil
}

// goText returns where the text of Go functions begins, whose first one is first bytes into it.
func goText(im *image, first uint32) (uint64, bool) {
	if text, ok := goModule(im, first); ok {
		return text, true
	}
	// It is the start of .text, unless a C linker has put some of its own before it. Such a linker also leaves .init.
	if _, ok := im.find(".init"); ok {
		return 0, false
	}
	s, ok := im.find(".text")
	return s.addr, ok
}

// Words of the runtime's moduledata, since Go 1.26 in a section of its own.
const (
	moduleMinPC = 20
	moduleText  = 22
)

// goModule asks the runtime's own record. Other versions of Go can have another record: the address of the first function
// must fit.
func goModule(im *image, first uint32) (uint64, bool) {
	s, ok := im.find(".go.module")
	if !ok || !im.wide {
		return 0, false
	}
	b, err := im.read(s.offset, 8*(moduleText+1))
	if err != nil {
		return 0, false
	}
	text, minPC := le64(b[8*moduleText:]), le64(b[8*moduleMinPC:])
	if text == 0 { // until the dynamic linker has come by
		if text, ok = relocated(im, s.addr+8*moduleText); !ok {
			return 0, false
		}
		if minPC, ok = relocated(im, s.addr+8*moduleMinPC); !ok {
			return 0, false
		}
	}
	return text, text != 0 && minPC == text+uint64(first)
}
