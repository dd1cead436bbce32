package debuginfo

import (
	"bytes"
	"encoding/binary"
	"sort"
)

// unit is the extent of a compilation unit in .debug_info, and where its first
// entry begins.
type unit struct{ start, end, entry uint64 }

// Types of units of DWARF 5 whose headers are longer than that of a usual one.
const (
	unitType       = 2
	unitSkeleton   = 4
	unitSplit      = 5
	unitSplitType  = 6
	wideLength     = 0xffffffff // what stands for the length of a unit in the 64-bit format
	maxUnits       = 1 << 20
	minUnitHeader  = 11
	unitTypeExtra  = 8 // bytes of a signature, before the offset of the type
	unitSplitExtra = 8
)

// readUnits finds the units; it stops at the first that makes no sense.
func readUnits(info []byte) (units []unit) {
	le := binary.LittleEndian
	for at := uint64(0); at+minUnitHeader < uint64(len(info)) && len(units) < maxUnits; {
		u := unit{start: at}
		b := info[at:]
		length, head, word := uint64(le.Uint32(b)), uint64(4), uint64(4)
		if length == wideLength {
			if len(b) < 12 {
				break
			}
			length, head, word = le.Uint64(b[4:]), 12, 8
		}
		if length < 7 || length > uint64(len(b))-head {
			break
		}
		u.end = at + head + length
		if version := le.Uint16(b[head:]); version >= 5 {
			u.entry = at + head + 4 + word
			switch b[head+2] {
			case unitSkeleton, unitSplit:
				u.entry += unitSplitExtra
			case unitType, unitSplitType:
				u.entry += unitTypeExtra + word
			}
		} else {
			u.entry = at + head + 3 + word
		}
		if u.entry < u.end {
			units = append(units, u)
		}
		at = u.end
	}
	return units
}

// unitAt returns the unit in which an offset lies.
func (f *unitFile) unitAt(offset uint64) (unit, bool) {
	i := sort.Search(len(f.units), func(i int) bool { return f.units[i].end > offset })
	if i == len(f.units) || f.units[i].start > offset {
		return unit{}, false
	}
	return f.units[i], true
}

// mentioning returns the units in which a name can be: those whose bytes contain it,
// or an offset at which a table of strings has it. That is much faster than to read
// their entries, and wrong at times, which the entries tell.
func (i *Info) mentioning(f *unitFile, name string) []unit {
	found := make(map[uint64]unit)
	look := func(pattern []byte) {
		for at := 0; ; {
			n := bytes.Index(f.info[at:], pattern)
			if n < 0 {
				return
			}
			at += n
			u, ok := f.unitAt(uint64(at))
			if !ok {
				at++
				continue
			}
			found[u.start] = u
			at = int(u.end) // it is enough to know the unit
		}
	}
	zero := append([]byte(name), 0)
	look(zero)
	tables := [][]byte{f.str, f.lineStr}
	if i.alt != nil && f != i.alt {
		tables = append(tables, i.alt.str)
	}
	var offset [4]byte
	for _, table := range tables {
		for _, at := range stringOffsets(table, zero) {
			binary.LittleEndian.PutUint32(offset[:], at)
			look(offset[:])
			if bytes.Contains(f.strOffsets, offset[:]) {
				return f.units // by an index into another table: any unit can
			}
		}
	}
	out := make([]unit, 0, len(found))
	for _, u := range found {
		out = append(out, u)
	}
	sort.Slice(out, func(a, b int) bool { return out[a].start < out[b].start })
	return out
}

// maxOffsets bounds the places of a table where a name is; linkers merge strings,
// so that it is one, and it can be the end of longer ones.
const maxOffsets = 64

// stringOffsets finds a name, with its zero, in a table of strings.
func stringOffsets(table, zero []byte) (offsets []uint32) {
	for at := 0; len(offsets) < maxOffsets; {
		n := bytes.Index(table[at:], zero)
		if n < 0 {
			break
		}
		offsets = append(offsets, uint32(at+n))
		at += n + 1
	}
	return offsets
}

func cString(b []byte) string {
	b = b[:min(len(b), maxName)]
	if end := bytes.IndexByte(b, 0); end >= 0 {
		b = b[:end]
	}
	return string(b)
}

// unitOf returns the unit that has the code at an address. The table for that
// (.debug_aranges) is not written by all compilers; units themselves know.
func (f *unitFile) unitOf(addr uint64) (unit, bool) {
	if offset, ok := arange(f.aranges, addr); ok {
		return f.unitAt(offset)
	}
	r := f.data.Reader()
	e, err := r.SeekPC(addr)
	if err != nil || e == nil {
		return unit{}, false
	}
	return f.unitAt(uint64(e.Offset))
}

// arange looks an address up in .debug_aranges: sets of a header with the offset of
// a unit, and pairs of address and length.
func arange(table []byte, addr uint64) (uint64, bool) {
	const head, pair = 12, 16
	le := binary.LittleEndian
	for len(table) > head {
		length := uint64(le.Uint32(table))
		if length == wideLength || length+4 > uint64(len(table)) || length+4 < head {
			return 0, false
		}
		set := table[:length+4]
		table = table[length+4:]
		unit, addrSize := le.Uint32(set[6:]), set[10]
		if addrSize != 8 || len(set) < pair {
			continue
		}
		for b := set[pair:]; len(b) >= pair; b = b[pair:] {
			start, size := le.Uint64(b), le.Uint64(b[8:])
			if addr >= start && addr-start < size {
				return uint64(unit), true
			}
		}
	}
	return 0, false
}
