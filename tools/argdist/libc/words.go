package libc

import (
	"strings"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
)

// words reads "unsigned long int" in any order of its words.
func words(name string) (ctype.Type, bool) {
	var long, short, signed, unsigned, integer int
	base := ""
	for w := range strings.FieldsSeq(name) {
		switch w {
		case "long":
			long++
		case "short":
			short++
		case "signed":
			signed++
		case "unsigned":
			unsigned++
		case "int":
			integer++
		case "char", "void", "_Bool", "float", "double":
			if base != "" {
				return nil, false
			}
			base = w
		default:
			return nil, false
		}
	}
	sizes, signs := long+short, signed+unsigned
	switch {
	case signs > 1 || long > 2 || short > 1 || long > 0 && short > 0 || integer > 1 || base != "" && (sizes > 0 && base != "double" || integer > 0):
		return nil, false
	case base == "char" && unsigned > 0:
		return ctype.UChar, true
	case base == "char" && signed > 0:
		return ctype.SChar, true
	case base != "" && signs > 0:
		return nil, false
	case base != "":
		t, ok := bases[base]
		return t, ok && sizes == 0
	case sizes+signs+integer == 0:
		return nil, false
	}
	types := [...]ctype.Type{ctype.IntType, ctype.Long, ctype.LLong}
	if unsigned > 0 {
		types = [...]ctype.Type{ctype.UInt, ctype.ULong, ctype.ULLong}
	}
	switch {
	case short > 0 && unsigned > 0:
		return ctype.UShort, true
	case short > 0:
		return ctype.Short, true
	}
	return types[long], true
}

var bases = map[string]ctype.Type{
	"char": char, "void": ctype.VoidType, "_Bool": ctype.Bool,
	"float": &ctype.Float{Name: "float", Bytes: 4}, "double": &ctype.Float{Name: "double", Bytes: 8},
}
