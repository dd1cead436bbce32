package events

import "bytes"

// Tail is the variable part of a record, taken apart from the front.
type Tail []byte

// Take returns the next n bytes, or what there is of them.
func (t *Tail) Take(n uint16) []byte {
	at := min(int(n), len(*t))
	b := (*t)[:at:at]
	*t = (*t)[at:]
	return b
}

// JoinPath appends a path whose components come leaf first, each with its NUL
// (internal/bpf/path.h). No components are the root; a detached file has a name
// but no place; a cut path begins with "...".
func JoinPath(dst, parts []byte, cut, detached bool) []byte {
	if detached {
		return append(dst, CString(parts)...)
	}
	if cut {
		dst = append(dst, "..."...)
	}
	if len(parts) == 0 && !cut {
		return append(dst, '/')
	}
	for end := len(parts); end > 0; {
		end-- // the NUL
		begin := bytes.LastIndexByte(parts[:end], 0) + 1
		dst = append(append(dst, '/'), parts[begin:end]...)
		end = begin
	}
	return dst
}

// CString returns b up to its first NUL.
func CString(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}
