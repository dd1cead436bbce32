package engine

import (
	"encoding/binary"
	mathbits "math/bits"
	"strings"
)

// sip hashes paths component by component, as hash.h does.
type sip [4]uint64

func newSip(key [2]uint64) sip {
	return sip{
		key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
		key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573,
	}
}

func (s *sip) word(word uint64) {
	a, b, c, d := s[0], s[1], s[2], s[3]^word
	a += b
	b = mathbits.RotateLeft64(b, 13) ^ a
	a = mathbits.RotateLeft64(a, 32)
	c += d
	d = mathbits.RotateLeft64(d, 16) ^ c
	a += d
	d = mathbits.RotateLeft64(d, 21) ^ a
	c += b
	b = mathbits.RotateLeft64(b, 17) ^ c
	c = mathbits.RotateLeft64(c, 32)
	*s = sip{a ^ word, b, c, d}
}

// name absorbs a component, in words of eight bytes, and then its length.
func (s *sip) name(name string) {
	var word [8]byte
	for rest := name; rest != ""; {
		clear(word[:])
		n := copy(word[:], rest)
		rest = rest[n:]
		s.word(binary.LittleEndian.Uint64(word[:]))
	}
	s.word(uint64(len(name)))
}

func (s *sip) sum() [2]uint64 { return [2]uint64{s[0] ^ s[1], s[2] ^ s[3]} }

// hashPath hashes an absolute path; that of "/" has no component.
func hashPath(key [2]uint64, path string) [2]uint64 {
	s := newSip(key)
	for c := range strings.SplitSeq(path, "/") {
		if c != "" {
			s.name(c)
		}
	}
	return s.sum()
}

// hashName hashes a name that is no path.
func hashName(key [2]uint64, name string) [2]uint64 {
	s := newSip(key)
	s.name(name)
	return s.sum()
}
