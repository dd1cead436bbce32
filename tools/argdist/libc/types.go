// Package libc has what C programs get from headers: types with other names,
// the structs of common system calls, and constants. A compiler reads them from
// header files; here they are tables, for the machine that we run on.
package libc

import (
	"runtime"
	"slices"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
)

// char has a sign on x86 and none on arm64. (In the kernel it has none anywhere
// since 6.2, of which its type information says nothing.)
var char = func() *ctype.Int {
	if runtime.GOARCH == "amd64" {
		return ctype.Char
	}
	return &ctype.Int{Name: "char", Bytes: 1, Char: true}
}()

// Named returns the type of a name that stands for one alone: an integer of C,
// in any of its spellings, or a typedef.
func Named(name string) (ctype.Type, bool) {
	if t, ok := basic(name); ok {
		return t, true
	}
	if t, ok := typedefs[name]; ok {
		return &ctype.Typedef{Name: name, Target: t}, true
	}
	return nil, false
}

// Tagged returns a struct or a union.
func Tagged(tag, name string) (ctype.Type, bool) {
	s, ok := structs[name]
	if !ok || s.Union != (tag == "union") || tag == "enum" {
		return nil, false
	}
	return s, true
}

// Names lists the typedefs, for who looks for what was meant.
func Names() []string {
	var out []string
	for name := range typedefs {
		out = append(out, name)
	}
	return out
}

var typedefs = map[string]ctype.Type{
	"bool": ctype.Bool, "uint": ctype.UInt, "ulong": ctype.ULong, "ushort": ctype.UShort, "uchar": ctype.UChar,
	"size_t": ctype.ULong, "ssize_t": ctype.Long, "off_t": ctype.Long, "loff_t": ctype.LLong, "off64_t": ctype.LLong,
	"ptrdiff_t": ctype.Long, "intptr_t": ctype.Long, "uintptr_t": ctype.ULong,
	"pid_t": ctype.IntType, "uid_t": ctype.UInt, "gid_t": ctype.UInt, "id_t": ctype.UInt, "mode_t": ctype.UInt,
	"dev_t": ctype.ULong, "ino_t": ctype.ULong, "ino64_t": ctype.ULong, "nlink_t": ctype.ULong, "blkcnt_t": ctype.Long, "blksize_t": ctype.Long,
	"time_t": ctype.Long, "suseconds_t": ctype.Long, "useconds_t": ctype.UInt, "clock_t": ctype.Long, "clockid_t": ctype.IntType,
	"socklen_t": ctype.UInt, "sa_family_t": ctype.UShort, "in_port_t": ctype.UShort, "in_addr_t": ctype.UInt,
	"key_t": ctype.IntType, "nfds_t": ctype.ULong, "pthread_t": ctype.ULong, "rlim_t": ctype.ULong, "wint_t": ctype.UInt, "wchar_t": ctype.IntType,
	// of the kernel, whose own definitions come first
	"gfp_t": ctype.UInt, "umode_t": ctype.UShort, "fmode_t": ctype.UInt, "sector_t": ctype.ULLong, "cputime_t": ctype.ULong,
	"__be16": ctype.UShort, "__be32": ctype.UInt, "__be64": ctype.ULLong, "__le16": ctype.UShort, "__le32": ctype.UInt, "__le64": ctype.ULLong,
}

// basic are C's integers by their words, which may stand in any order, the
// integers of a size, and [Alike].
func basic(name string) (ctype.Type, bool) {
	if t, ok := words(name); ok {
		return t, true
	}
	t, ok := sized[name]
	if !ok && slices.Contains(Alike, name) {
		t, ok = typedefs[name]
	}
	if !ok {
		return nil, false
	}
	return &ctype.Typedef{Name: name, Target: t}, true
}

// Alike are typedefs by which 64-bit kernels and programs mean the same. Most fields of
// tracepoints have such types, and for them nobody has to read the kernel's own, which
// takes a third of the time until argdist traces.
var Alike = []string{"bool", "size_t", "ssize_t", "loff_t", "pid_t", "uid_t", "gid_t", "gfp_t", "umode_t", "sector_t"}

var sized = func() map[string]ctype.Type {
	m := make(map[string]ctype.Type)
	for bits, types := range map[string][2]ctype.Type{
		"8": {ctype.UChar, ctype.SChar}, "16": {ctype.UShort, ctype.Short}, "32": {ctype.UInt, ctype.IntType}, "64": {ctype.ULLong, ctype.LLong},
	} {
		for _, name := range []string{"u" + bits, "__u" + bits, "uint" + bits + "_t", "u_int" + bits + "_t"} {
			m[name] = types[0]
		}
		for _, name := range []string{"s" + bits, "__s" + bits, "int" + bits + "_t"} {
			m[name] = types[1]
		}
	}
	return m
}()
