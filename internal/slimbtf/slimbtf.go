// Package slimbtf reads from the kernel's type information (BTF) just what a
// BPF object needs to be fitted to the kernel.
//
// The kernel's BTF is some five megabytes with more than a hundred thousand
// types; an object of ours touches twenty structs and a few fields of each.
// Reading all of it is the most costly thing that a command does when it
// starts, in time and in memory. [Extract] streams over it once, keeps the
// types and fields whose names it was asked for, and makes of them a small
// BTF of the same meaning: sizes, offsets and bit fields are the kernel's.
//
// The format is that of Documentation/bpf/btf.rst in the kernel.
package slimbtf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/cilium/ebpf/btf"
)

// Kinds of types (include/uapi/linux/btf.h).
const (
	kindInt      = 1
	kindPtr      = 2
	kindArray    = 3
	kindStruct   = 4
	kindUnion    = 5
	kindEnum     = 6
	kindFwd      = 7
	kindTypedef  = 8
	kindVolatile = 9
	kindConst    = 10
	kindRestrict = 11
	kindFunc     = 12
	kindProto    = 13
	kindVar      = 14
	kindDatasec  = 15
	kindFloat    = 16
	kindDeclTag  = 17
	kindTypeTag  = 18
	kindEnum64   = 19
)

const (
	magic      = 0xeb9f
	headerSize = 24
	typeSize   = 12 // name, info, size or type
)

var errFormat = errors.New("malformed BTF")

// header is where the two sections of the file are.
type header struct {
	typeOff, typeLen int64 // from the start of the file
	strOff, strLen   int64
}

// Extract returns the types of raw BTF that are called one of names, with
// those of their fields and values that are, too. Types that have another name
// appear only as far as they are part of those.
func Extract(file io.ReaderAt, names []string) (*btf.Spec, error) {
	blob, err := extract(file, names)
	if err != nil {
		return nil, fmt.Errorf("extract kernel types: %w", err)
	}
	spec, err := btf.LoadSpecFromReader(bytes.NewReader(blob))
	if err != nil {
		return nil, fmt.Errorf("extract kernel types: %w", err)
	}
	return spec, nil
}

func extract(file io.ReaderAt, names []string) ([]byte, error) {
	h, err := readHeader(file)
	if err != nil {
		return nil, err
	}
	wanted, err := findNames(file, h, names)
	if err != nil {
		return nil, err
	}
	ix, err := readTypes(file, h, wanted)
	if err != nil {
		return nil, err
	}
	b := newBuilder(ix, wanted)
	for _, id := range ix.named {
		if _, err := b.add(id); err != nil {
			return nil, err
		}
	}
	return b.marshal(), nil
}

func readHeader(file io.ReaderAt) (header, error) {
	var raw [headerSize]byte
	if _, err := file.ReadAt(raw[:], 0); err != nil {
		return header{}, fmt.Errorf("read header: %w", err)
	}
	u32 := func(off int) int64 { return int64(binary.NativeEndian.Uint32(raw[off:])) }
	if binary.NativeEndian.Uint16(raw[:]) != magic || u32(4) < headerSize {
		return header{}, errFormat
	}
	base := u32(4)
	h := header{base + u32(8), u32(12), base + u32(16), u32(20)}
	if h.typeLen > 1<<28 || h.strLen > 1<<28 {
		return header{}, errFormat
	}
	return h, nil
}

// findNames returns the offsets in the string section of the names that are
// there. The kernel keeps every string once.
func findNames(file io.ReaderAt, h header, names []string) (map[uint32]string, error) {
	want := make(map[string]bool, len(names))
	longest := 0
	for _, n := range names {
		want[n] = true
		longest = max(longest, len(n))
	}
	found := make(map[uint32]string, len(names))
	s := newStream(file, h.strOff, h.strLen)
	for s.off < h.strLen {
		at := s.off
		str, err := s.string()
		if err != nil {
			return nil, err
		}
		if len(str) > 0 && len(str) <= longest && want[string(str)] {
			found[uint32(at)] = string(str)
		}
	}
	return found, nil
}
