package http

import (
	"errors"
	"slices"

	"golang.org/x/net/http2/hpack"
)

// field is a header field as HPACK carries it.
type field struct{ name, value []byte }

var unknownField = field{[]byte(Unknown), []byte(Unknown)}

func (f field) size() int { return len(f.name) + len(f.value) + 32 } // RFC 7541, section 4.1

// table is the dynamic table of one direction. Entries that were added before the capture are beyond its end; and since
// the newest entry comes first, all others have their right index nevertheless.
//
// It may hold more than the table of the other side: a sender does not refer to what its table has dropped.
type table struct {
	entries []field // the newest is last
	size    int
	limit   int
}

// defaultTable is the size of a table that nobody has changed (SETTINGS_HEADER_TABLE_SIZE).
const defaultTable = 4096

func (t *table) add(f field) {
	t.entries = append(t.entries, f)
	t.size += f.size()
	n := 0
	for t.size > t.limit && n < len(t.entries) {
		t.size -= t.entries[n].size()
		n++
	}
	if n > 0 {
		t.entries = slices.Delete(t.entries, 0, n)
	}
}

// grow lets the table be as large as somebody said it may become.
func (t *table) grow(limit uint64) { t.limit = max(t.limit, int(min(limit, maxTable))) }

// forget is for when entries were missed: all indexes have moved.
func (t *table) forget() { t.entries, t.size = nil, 0 }

// get returns what an index means, which counts from 1.
func (t *table) get(i uint64) field {
	if i == 0 {
		return unknownField
	}
	if i <= uint64(len(staticTable)) {
		return staticTable[i-1]
	}
	if i -= uint64(len(staticTable)); i <= uint64(len(t.entries)) {
		return t.entries[uint64(len(t.entries))-i]
	}
	return unknownField
}

// staticTable is that of RFC 7541, appendix A, asked of a decoder that has it.
var staticTable = func() (out []field) {
	d := hpack.NewDecoder(defaultTable, nil)
	for i := 1; i <= 61; i++ {
		f, err := d.DecodeFull([]byte{0x80 | byte(i)})
		if err != nil || len(f) != 1 {
			panic("hpack: no static table")
		}
		out = append(out, field{[]byte(f[0].Name), []byte(f[0].Value)})
	}
	return out
}()

var (
	errHPACK       = errors.New("malformed header block")
	errManyHeaders = errors.New("too many header fields")
)

// decode reads a header block. Even after an error the fields before it are right; the table then is not to be trusted.
// The fields are at most maxFields, and their bytes, which a few indexes can multiply, at most limit.
func (t *table) decode(block []byte, limit int) (out []field, err error) {
	total := 0
	for len(block) > 0 {
		var f field
		var listed bool
		if f, listed, block, err = t.next(block); err != nil {
			return out, err
		}
		if !listed {
			continue
		}
		if total += len(f.name) + len(f.value); total > limit || len(out) >= maxFields {
			err = errManyHeaders // the table goes on
			for len(block) > 0 {
				var bad error
				if _, _, block, bad = t.next(block); bad != nil {
					return out, bad
				}
			}
			return out, err
		}
		out = append(out, f)
	}
	return out, nil
}

// next reads one representation (RFC 7541, section 6); listed says that it is a field and not a new size of the table.
func (t *table) next(b []byte) (f field, listed bool, rest []byte, err error) {
	first := b[0]
	switch {
	case first&0x80 != 0: // indexed
		i, rest, ok := integer(b, 7)
		if !ok {
			return f, false, nil, errHPACK
		}
		return t.get(i), true, rest, nil
	case first&0xe0 == 0x20:
		size, rest, ok := integer(b, 5)
		if !ok {
			return f, false, nil, errHPACK
		}
		t.grow(size)
		return f, false, rest, nil
	}
	bits := 4 // not to be indexed, or never
	if first&0x40 != 0 {
		bits = 6
	}
	i, b, ok := integer(b, bits)
	if !ok {
		return f, false, nil, errHPACK
	}
	if i > 0 {
		f.name = t.get(i).name
	} else if f.name, b, ok = text(b); !ok {
		return f, false, nil, errHPACK
	}
	if f.value, b, ok = text(b); !ok {
		return f, false, nil, errHPACK
	}
	if bits == 6 {
		t.add(f)
	}
	return f, true, b, nil
}

// integer reads a number whose first byte has that many bits of it (RFC 7541, section 5.1).
func integer(b []byte, bits int) (n uint64, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, nil, false
	}
	mask := byte(1)<<bits - 1
	n = uint64(b[0] & mask)
	b = b[1:]
	if n < uint64(mask) {
		return n, b, true
	}
	for shift := 0; shift < 32 && len(b) > 0; shift += 7 {
		n += uint64(b[0]&0x7f) << shift
		last := b[0]&0x80 == 0
		if b = b[1:]; last {
			return n, b, true
		}
	}
	return 0, nil, false
}

// text reads a string, plain or in Huffman code.
func text(b []byte) (s, rest []byte, ok bool) {
	if len(b) == 0 {
		return nil, nil, false
	}
	coded := b[0]&0x80 != 0
	n, b, ok := integer(b, 7)
	if !ok || n > uint64(len(b)) {
		return nil, nil, false
	}
	s, rest = b[:n:n], b[n:]
	if !coded {
		return slices.Clone(s), rest, true
	}
	plain, err := hpack.HuffmanDecodeToString(s)
	if err != nil {
		return nil, nil, false
	}
	return []byte(plain), rest, true
}
