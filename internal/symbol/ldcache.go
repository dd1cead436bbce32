package symbol

import (
	"bytes"
	"errors"
	"runtime"
)

// The format of /etc/ld.so.cache (glibc, sysdeps/generic/dl-cache.h): a header, entries,
// and the strings that both offsets of an entry lead to, from the start of the header. In
// files that old versions of glibc understand, too, their table stands before it.
const (
	cacheMagic  = "glibc-ld.so.cache1.1"
	cacheHeader = 48
	cacheEntry  = 24
	maxCache    = 16 << 20 // bytes of the file
)

// Flags of an entry: what kind of library it is.
const (
	cacheELF   = 3 // for glibc 2
	cacheAMD64 = 0x0300
	cacheARM64 = 0x0a00
)

// cacheLibrary is an entry: a library for programs of our kind.
type cacheLibrary struct {
	name, path string
	special    bool // only for some processors
}

var errCache = errors.New("malformed /etc/ld.so.cache")

// parseCache reads the entries for 64-bit programs.
func parseCache(b []byte) ([]cacheLibrary, error) {
	start := bytes.Index(b, []byte(cacheMagic))
	if start < 0 || len(b)-start < cacheHeader {
		return nil, errCache
	}
	b = b[start:]
	count := uint64(le32(b[len(cacheMagic):]))
	if count > uint64(len(b)-cacheHeader)/cacheEntry {
		return nil, errCache
	}
	want := uint32(cacheELF | cacheAMD64)
	if runtime.GOARCH == "arm64" {
		want = cacheELF | cacheARM64
	}
	var out []cacheLibrary
	for entry := b[cacheHeader : cacheHeader+count*cacheEntry]; len(entry) > 0; entry = entry[cacheEntry:] {
		if le32(entry) != want {
			continue
		}
		name, path := cacheString(b, le32(entry[4:])), cacheString(b, le32(entry[8:]))
		if name != "" && path != "" {
			out = append(out, cacheLibrary{name, path, le64(entry[16:]) != 0})
		}
	}
	return out, nil
}

func cacheString(b []byte, at uint32) string {
	if uint64(at) >= uint64(len(b)) {
		return ""
	}
	b = b[at:]
	end := bytes.IndexByte(b[:min(len(b), maxPath)], 0)
	if end < 0 {
		return ""
	}
	return string(b[:end])
}
