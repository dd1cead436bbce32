package symbol

import (
	"bytes"
	"debug/elf"
	"io"
)

// relocated returns what the dynamic linker adds the load address to, for the word at an address: in a
// position-independent file such words are zero until then, and their value stands beside the relocation.
func relocated(im *image, addr uint64) (uint64, bool) {
	const entry = 24 // offset, type and symbol, addend
	s, ok := im.find(".rela.dyn")
	if !ok {
		s, ok = im.find(".rela")
	}
	if !ok || !im.wide || s.size > maxNames {
		return 0, false
	}
	in := io.NewSectionReader(im.file, int64(min(s.offset, 1<<62)), int64(s.size))
	var where [8]byte
	for i := range where {
		where[i] = byte(addr >> (8 * i))
	}
	buf := make([]byte, entry<<10)
	for {
		n, err := io.ReadFull(in, buf)
		for b := buf[:n/entry*entry]; len(b) > 0; b = b[entry:] {
			if bytes.Equal(b[:8], where[:]) && isRelative(le32(b[8:])) {
				return le64(b[16:]), true
			}
		}
		if err != nil {
			return 0, false
		}
	}
}

// isRelative tells relocations that only add the load address.
func isRelative(kind uint32) bool {
	return kind == uint32(elf.R_X86_64_RELATIVE) || kind == uint32(elf.R_AARCH64_RELATIVE)
}
