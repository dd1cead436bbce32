package tables

import "debug/elf"

// stackAt is where the stack begins: far from all addresses of a file.
const stackAt = 1 << 62

// run runs a function from its first instruction to its last, whatever jumps there are, and returns what it has stored, and
// its result.
func (im *image) run(code []byte, at uint64) (stored map[uint64]value, result value) {
	stored = make(map[uint64]value)
	switch im.machine {
	case elf.EM_X86_64:
		result = (&amd64{im: im, stored: stored}).run(code, at)
	case elf.EM_AARCH64:
		result = (&arm64{im: im, stored: stored}).run(code, at)
	}
	return stored, result
}

// loadFrom reads a word that was stored, or one of the file.
func loadFrom(im *image, stored map[uint64]value, at value) value {
	if !at.known || at.name != "" {
		return value{}
	}
	if v, ok := stored[at.n]; ok {
		return v
	}
	if at.n >= stackAt/2 {
		return value{}
	}
	return im.load(at.n)
}

// storeTo stores a word, unless it is not known where. What is stored twice into the same word of the file is not known:
// one of the two was not meant for it.
func storeTo(stored map[uint64]value, at, v value) {
	if !at.known || at.name != "" {
		return
	}
	if _, twice := stored[at.n]; twice && at.n < stackAt/2 {
		v = value{}
	}
	stored[at.n] = v
}

// plus adds a constant.
func (v value) plus(n uint64) value {
	if !v.known || v.name != "" {
		return value{}
	}
	return number(v.n + n)
}
