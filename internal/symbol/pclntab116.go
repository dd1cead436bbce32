package symbol

import "fmt"

// readGo116Table reads the table of Go 1.16 and 1.17, which has whole addresses instead of offsets in the text. A
// position-independent program has them only once it runs, and no names without .symtab.
func readGo116Table(im *image, s section, head []byte) (*table, error) {
	field := func(i int) uint64 { return le64(head[8+8*i:]) }
	count, names, namesEnd, funcs := field(0), field(2), field(3), field(6)
	if count > maxSymbols || names > namesEnd || namesEnd > s.size || funcs > s.size {
		return nil, errELF
	}
	t := &table{syms: make([]tableSymbol, 0)}
	var err error
	if t.names, err = im.read(s.offset+names, namesEnd-names); err != nil {
		return nil, fmt.Errorf("read .gopclntab: %w", err)
	}
	data, err := im.read(s.offset+funcs, s.size-funcs)
	if err != nil {
		return nil, fmt.Errorf("read .gopclntab: %w", err)
	}
	for i := range count {
		pair := data[min(16*i, uint64(len(data))):]
		if len(pair) < 24 {
			return nil, errELF
		}
		start, at, end := le64(pair), le64(pair[8:]), le64(pair[16:])
		if end <= start || end-start >= openEnd || at > uint64(len(data)) || uint64(len(data))-at < 12 {
			continue
		}
		f := tableSymbol{addr: start, size: uint32(end - start), name: le32(data[at+8:])}
		if len(t.name(f)) > 0 {
			t.syms = append(t.syms, f)
		}
	}
	t.finish()
	return t, nil
}
