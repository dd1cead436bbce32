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

// Types are what was taken from the kernel's.
type Types struct {
	Spec *btf.Spec
	// Functions has an entry for each name that was asked for, empty where the
	// kernel has no such function. Some kernels list a function twice.
	Functions map[string][]Function
}

// Extract returns the types of raw BTF that are called one of names, with
// those of their fields and values that are, too, and the functions of other
// names. Types that have another name appear only as far as they are part of
// those.
func Extract(file io.ReaderAt, names, functions []string) (*Types, error) {
	blob, fns, err := extract(file, names, functions)
	if err != nil {
		return nil, fmt.Errorf("extract kernel types: %w", err)
	}
	spec, err := btf.LoadSpecFromReader(bytes.NewReader(blob))
	if err != nil {
		return nil, fmt.Errorf("extract kernel types: %w", err)
	}
	return &Types{Spec: spec, Functions: fns}, nil
}

func extract(file io.ReaderAt, names, functions []string) ([]byte, map[string][]Function, error) {
	h, err := readHeader(file)
	if err != nil {
		return nil, nil, err
	}
	found, err := findNames(file, h, names, functions)
	if err != nil {
		return nil, nil, err
	}
	ix, err := readTypes(file, h, found)
	if err != nil {
		return nil, nil, err
	}
	b := newBuilder(ix, found.types)
	for _, id := range ix.named {
		if _, err := b.add(id); err != nil {
			return nil, nil, err
		}
	}
	fns := make(map[string][]Function, len(functions))
	for _, name := range functions {
		fns[name] = nil
	}
	for _, at := range ix.functions {
		f, err := ix.function(at.id)
		if err != nil {
			return nil, nil, err
		}
		name := found.functions[at.name]
		fns[name] = append(fns[name], f)
	}
	return b.marshal(), fns, nil
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

// found are names by their offsets in the string section.
type found struct {
	types     map[uint32]string // also of fields and values
	functions map[uint32]string
}

// findNames looks for the names that are there. The kernel keeps every string
// once.
func findNames(file io.ReaderAt, h header, names, functions []string) (found, error) {
	const isType, isFunction = 1, 2
	want := make(map[string]uint8, len(names)+len(functions))
	var maybe sieve
	for _, n := range names {
		want[n] |= isType
		maybe.add(n)
	}
	for _, n := range functions {
		want[n] |= isFunction
		maybe.add(n)
	}
	f := found{types: make(map[uint32]string, len(names)), functions: make(map[uint32]string, len(functions))}
	s := newStream(file, h.strOff, h.strLen)
	for s.off < h.strLen {
		at := uint32(s.off)
		str, err := s.string()
		if err != nil {
			return f, err
		}
		if !maybe.has(str) {
			continue
		}
		what := want[string(str)]
		if what&isType != 0 {
			f.types[at] = string(str)
		}
		if what&isFunction != 0 {
			f.functions[at] = string(str)
		}
	}
	return f, nil
}

// sieve lets names pass that have the length and the first byte of a wanted one:
// few of a hundred thousand, at a fraction of what looking them up costs.
type sieve [256]uint64 // bit by length, the longest lengths together

func bit(length int) uint64 { return 1 << min(length, 63) }

func (s *sieve) add(name string) {
	if name != "" {
		s[name[0]] |= bit(len(name))
	}
}

func (s *sieve) has(name []byte) bool {
	return len(name) > 0 && s[name[0]]&bit(len(name)) != 0
}
