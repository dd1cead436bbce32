package slimbtf

import (
	"encoding/binary"
	"fmt"
	"io"
)

// index knows where types are, and which ones were asked for by name.
type index struct {
	file  io.ReaderAt
	h     header
	count uint32   // type ids, from 1; id 0 is void
	steps []uint32 // offset in the type section of every stride-th type
	named []uint32

	functions []functionAt

	window []byte // of the type section, from at
	at     int64
}

// functionAt is a function that was asked for: the offset of its name, and its id.
type functionAt struct{ name, id uint32 }

// stride is how many types lie between two known offsets. The few that are
// read are found from the last one before them, which costs less than knowing
// all of a hundred thousand.
const stride = 64

// readTypes streams over the type section.
func readTypes(file io.ReaderAt, h header, wanted found) (*index, error) {
	ix := &index{file: file, h: h}
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
		if ix.count%stride == 0 {
			ix.steps = append(ix.steps, at)
		}
		ix.count++
		switch kind := kindOf(info); { // a lookup for every type would take longest
		case selectable(kind):
			if _, ok := wanted.types[name]; ok {
				ix.named = append(ix.named, ix.count)
			}
		case kind == kindFunc:
			if _, ok := wanted.functions[name]; ok {
				ix.functions = append(ix.functions, functionAt{name, ix.count})
			}
		}
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
	if id == 0 || id > ix.count {
		return rawType{}, fmt.Errorf("%w: no type %d", errFormat, id)
	}
	at := int64(ix.steps[(id-1)/stride])
	for skip := (id - 1) % stride; ; skip-- {
		b, err := ix.bytes(at, typeSize)
		if err != nil {
			return rawType{}, fmt.Errorf("read type %d: %w", id, err)
		}
		t := rawType{
			name: binary.NativeEndian.Uint32(b),
			info: binary.NativeEndian.Uint32(b[4:]),
			size: binary.NativeEndian.Uint32(b[8:]),
		}
		n, err := extraSize(t.info)
		if err != nil {
			return rawType{}, err
		}
		if skip > 0 {
			at += typeSize + int64(n)
			continue
		}
		if b, err = ix.bytes(at+typeSize, n); err != nil {
			return rawType{}, fmt.Errorf("read type %d: %w", id, err)
		}
		t.extra = append([]byte(nil), b...)
		return t, nil
	}
}

// bytes returns n bytes at an offset of the type section, valid until the
// next call, from a window of the file that it moves as needed.
func (ix *index) bytes(at int64, n int) ([]byte, error) {
	if at+int64(n) > ix.h.typeLen {
		return nil, errFormat
	}
	if at < ix.at || at+int64(n) > ix.at+int64(len(ix.window)) {
		size := min(int64(max(n, 4<<10)), ix.h.typeLen-at)
		ix.window = append(ix.window[:0], make([]byte, size)...)
		ix.at = at
		if _, err := ix.file.ReadAt(ix.window, ix.h.typeOff+at); err != nil {
			ix.window = ix.window[:0]
			return nil, err
		}
	}
	return ix.window[at-ix.at:][:n], nil
}
