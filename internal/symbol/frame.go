// Package symbol turns the addresses of a stack into names, and names into places: of
// libraries and executables, and of functions in them.
//
// A kernel address is looked up in /proc/kallsyms, which [ReadKernel] reads once. A user address comes from the kernel as
// an offset in a file with that file's build id, because the process may have ended before anybody asks; [Users] finds
// the file and its symbols, in the process while it lives and elsewhere when it does not.
//
// The other way, [FindLibrary] finds the file that a user means by a name, and
// [Mapped.Function] what is called so in it, with its offset for a uprobe;
// [Mapped.Variants] are those that an indirect function chooses from.
//
// Files, mappings and names belong to the traced processes. They are read with every length checked and every size
// bounded; what is beyond a bound has no name, and its frame says file and offset instead. Names are bytes, to be escaped
// by who prints them.
package symbol

import "strconv"

// Frame is one frame of a stack.
type Frame struct {
	Name   []byte // of the function; nil if unknown
	Offset uint64 // into the function; without Name into Module (in a file: from its start); without both the address itself
	Module []byte // kernel module, or path of the library or executable; nil for the kernel itself, or if unknown
	User   bool   // which of the two Module is
}

// Append writes the frame: "cap_capable+0x1a", "nf_hook+0x3 [nf_tables]", "setuid+0x1b (/usr/lib/libc.so.6)",
// "+0x1234 (/usr/lib/libc.so.6)" or "[unknown] 0x7f0012345678". Nothing is escaped.
func (f Frame) Append(dst []byte) []byte {
	if f.Name == nil && f.Module == nil {
		return appendHex(append(dst, "[unknown] "...), f.Offset)
	}
	dst = append(append(dst, f.Name...), '+')
	dst = appendHex(dst, f.Offset)
	switch {
	case f.Module == nil:
	case f.User:
		dst = append(append(append(dst, " ("...), f.Module...), ')')
	default:
		dst = append(append(append(dst, " ["...), f.Module...), ']')
	}
	return dst
}

func appendHex(dst []byte, n uint64) []byte { return strconv.AppendUint(append(dst, "0x"...), n, 16) }
