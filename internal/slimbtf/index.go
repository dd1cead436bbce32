package slimbtf

import (
	"encoding/binary"
	"fmt"
	"io"
)

// index knows where every type is, and which ones were asked for by name.
type index struct {
	file    io.ReaderAt
	h       header
	offsets []uint32 // by type id, in the type section; id 0 is void
	named   []uint32
}

// readTypes streams over the type section.
func readTypes(file io.ReaderAt, h header, wanted map[uint32]string) (*index, error) {
	ix := &index{file: file, h: h, offsets: make([]uint32, 1, h.typeLen/24)}
	s := newStream(file, h.typeOff, h.typeLen)
	for s.off < h.typeLen {
		at := uint32(s.off)
		b, err := s.next(typeSize)
		if err != nil {
			return nil, err
		}
		name, info := binary.NativeEndian.Uint32(b), binary.NativeEndian.Uint32(b[4:])
		rest, err := extraSize(info)
		if err != nil {
			return nil, err
		}
		if _, err := s.next(rest); err != nil {
			return nil, err
		}
		if _, ok := wanted[name]; ok && selectable(kindOf(info)) {
			ix.named = append(ix.named, uint32(len(ix.offsets)))
		}
		ix.offsets = append(ix.offsets, at)
	}
	return ix, nil
}

// selectable kinds are those that an object can ask for by name.
func selectable(kind uint32) bool {
	switch kind {
	case kindStruct, kindUnion, kindEnum, kindEnum64, kindTypedef:
		return true
	}
	return false
}

func kindOf(info uint32) uint32 { return info >> 24 & 0x1f }
func vlenOf(info uint32) int    { return int(info & 0xffff) }

// extraSize is how many bytes follow the first twelve of a type.
func extraSize(info uint32) (int, error) {
	n := vlenOf(info)
	switch kindOf(info) {
	case kindPtr, kindFwd, kindTypedef, kindVolatile, kindConst, kindRestrict, kindFunc, kindFloat, kindTypeTag:
		return 0, nil
	case kindInt, kindVar, kindDeclTag:
		return 4, nil
	case kindArray:
		return 12, nil
	case kindStruct, kindUnion, kindDatasec, kindEnum64:
		return 12 * n, nil
	case kindEnum, kindProto:
		return 8 * n, nil
	}
	return 0, fmt.Errorf("%w: unknown kind %d", errFormat, kindOf(info))
}

// rawType is one type as it stands in the file.
type rawType struct {
	name, info, size uint32 // size, or the type it refers to
	extra            []byte
}

func (ix *index) read(id uint32) (rawType, error) {
	if id == 0 || int(id) >= len(ix.offsets) {
		return rawType{}, fmt.Errorf("%w: no type %d", errFormat, id)
	}
	at := ix.h.typeOff + int64(ix.offsets[id])
	var b [typeSize]byte
	if _, err := ix.file.ReadAt(b[:], at); err != nil {
		return rawType{}, fmt.Errorf("read type %d: %w", id, err)
	}
	t := rawType{
		name: binary.NativeEndian.Uint32(b[:]),
		info: binary.NativeEndian.Uint32(b[4:]),
		size: binary.NativeEndian.Uint32(b[8:]),
	}
	n, err := extraSize(t.info)
	if err != nil || n == 0 {
		return t, err
	}
	t.extra = make([]byte, n)
	if _, err := ix.file.ReadAt(t.extra, at+typeSize); err != nil {
		return rawType{}, fmt.Errorf("read type %d: %w", id, err)
	}
	return t, nil
}
