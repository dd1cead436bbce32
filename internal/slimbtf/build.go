package slimbtf

import (
	"encoding/binary"
	"fmt"
)

// builder makes the small BTF.
type builder struct {
	ix      *index
	wanted  map[uint32]string // by offset in the kernel's strings
	ids     map[uint32]uint32 // kernel id -> our id
	types   [][]byte          // by our id - 1
	strings []byte
	stroff  map[string]uint32
	depth   int
}

func newBuilder(ix *index, wanted map[uint32]string) *builder {
	return &builder{
		ix: ix, wanted: wanted, ids: map[uint32]uint32{0: 0},
		strings: []byte{0}, stroff: map[string]uint32{"": 0},
	}
}

// maxDepth bounds how deep types by value can nest; the kernel's do not come near.
const maxDepth = 64

// name returns our offset of a name of the kernel's; that of "" for one that
// was not asked for.
func (b *builder) name(off uint32) uint32 {
	s := b.wanted[off]
	at, ok := b.stroff[s]
	if !ok {
		at = uint32(len(b.strings))
		b.strings = append(append(b.strings, s...), 0)
		b.stroff[s] = at
	}
	return at
}

// add takes a type of the kernel and all that is part of it by value, and
// returns our id. What a pointer points at does not matter to CO-RE: it is
// void here.
func (b *builder) add(id uint32) (uint32, error) {
	if ours, ok := b.ids[id]; ok {
		return ours, nil
	}
	if b.depth++; b.depth > maxDepth {
		return 0, fmt.Errorf("%w: types nested too deep", errFormat)
	}
	defer func() { b.depth-- }()
	t, err := b.ix.read(id)
	if err != nil {
		return 0, err
	}
	b.types = append(b.types, nil)
	ours := uint32(len(b.types))
	b.ids[id] = ours

	name, info, size, extra := b.name(t.name), t.info, t.size, t.extra
	switch kindOf(t.info) {
	case kindInt, kindFloat:
	case kindPtr:
		name, size = 0, 0
	case kindTypedef:
		if size, err = b.add(t.size); err != nil {
			return 0, err
		}
		if name == 0 { // a typedef must have a name; its target does as well
			info = kindConst << 24
		}
	case kindVolatile, kindConst, kindRestrict, kindTypeTag:
		// One qualifier is as good as another, and a type tag needs a name.
		name, info = 0, kindConst<<24
		if size, err = b.add(t.size); err != nil {
			return 0, err
		}
	case kindArray:
		if extra, err = b.array(t.extra); err != nil {
			return 0, err
		}
	case kindStruct, kindUnion:
		if extra, err = b.members(t.extra); err != nil {
			return 0, err
		}
		info = info&^0xffff | uint32(len(extra)/12)
	case kindEnum:
		extra = b.values(t.extra, 8)
		info = info&^0xffff | uint32(len(extra)/8)
	case kindEnum64:
		extra = b.values(t.extra, 12)
		info = info&^0xffff | uint32(len(extra)/12)
	default: // nothing else can be part of a struct by value
		name, info, size, extra = 0, kindPtr<<24, 0, nil
	}
	b.types[ours-1] = encode(name, info, size, extra)
	return ours, nil
}

func encode(name, info, size uint32, extra []byte) []byte {
	out := make([]byte, 0, typeSize+len(extra))
	out = binary.NativeEndian.AppendUint32(out, name)
	out = binary.NativeEndian.AppendUint32(out, info)
	out = binary.NativeEndian.AppendUint32(out, size)
	return append(out, extra...)
}

// array rewrites element type, index type, count.
func (b *builder) array(extra []byte) ([]byte, error) {
	elem, err := b.add(binary.NativeEndian.Uint32(extra))
	if err != nil {
		return nil, err
	}
	index, err := b.add(binary.NativeEndian.Uint32(extra[4:]))
	if err != nil {
		return nil, err
	}
	out := binary.NativeEndian.AppendUint32(nil, elem)
	out = binary.NativeEndian.AppendUint32(out, index)
	return append(out, extra[8:12]...), nil
}

// members keeps the members that were asked for, and those without a name,
// which may have some inside. Each is name, type, offset.
func (b *builder) members(extra []byte) ([]byte, error) {
	var out []byte
	for ; len(extra) >= 12; extra = extra[12:] {
		name := binary.NativeEndian.Uint32(extra)
		if _, ok := b.wanted[name]; !ok && name != 0 {
			continue
		}
		typ, err := b.add(binary.NativeEndian.Uint32(extra[4:]))
		if err != nil {
			return nil, err
		}
		out = binary.NativeEndian.AppendUint32(out, b.name(name))
		out = binary.NativeEndian.AppendUint32(out, typ)
		out = append(out, extra[8:12]...)
	}
	return out, nil
}

// values keeps the values of an enum that were asked for.
func (b *builder) values(extra []byte, width int) []byte {
	var out []byte
	for ; len(extra) >= width; extra = extra[width:] {
		name := binary.NativeEndian.Uint32(extra)
		if _, ok := b.wanted[name]; !ok {
			continue
		}
		out = binary.NativeEndian.AppendUint32(out, b.name(name))
		out = append(out, extra[4:width]...)
	}
	return out
}

// marshal writes header, types and strings.
func (b *builder) marshal() []byte {
	size := 0
	for _, t := range b.types {
		size += len(t)
	}
	out := binary.NativeEndian.AppendUint16(nil, magic)
	out = append(out, 1, 0) // version, flags
	for _, v := range []int{headerSize, 0, size, size, len(b.strings)} {
		out = binary.NativeEndian.AppendUint32(out, uint32(v))
	}
	for _, t := range b.types {
		out = append(out, t...)
	}
	return append(out, b.strings...)
}
