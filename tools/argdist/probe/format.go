package probe

import (
	"fmt"
	"strings"

	"github.com/ringside-tools/ringside/tools/argdist/check"
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// Record is what a tracepoint's program finds in its context.
type Record struct {
	Fields *ctype.Struct
	Data   map[string]tree.DataAddress // fields of variable length
}

// ParseFormat reads the format of a tracepoint, as tracefs has it:
//
//	field:char comm[16];	offset:8;	size:16;	signed:0;
//
// types knows what its types are called. Of a type that it does not know, size and
// sign are taken. user says that pointers point into the process's memory, as
// those of system calls do.
func ParseFormat(format string, types check.Types, user bool) (*Record, error) {
	r := &Record{Data: make(map[string]tree.DataAddress)}
	var members []ctype.Member
	size := 0
	for line := range strings.SplitSeq(format, "\n") {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "field:")
		if !ok {
			continue
		}
		declaration, rest, _ := strings.Cut(rest, ";")
		f := field{declaration: declaration}
		if _, err := fmt.Sscanf(strings.NewReplacer("\t", "", ";", " ").Replace(rest), "offset:%d size:%d signed:%d", &f.offset, &f.size, &f.signed); err != nil {
			return nil, fmt.Errorf("format of the tracepoint: %q: %w", line, err)
		}
		if f.offset < 0 || f.size < 0 || f.offset > 1<<15 || f.size > 1<<15 {
			return nil, fmt.Errorf("format of the tracepoint: %q: beyond all bounds", line)
		}
		m := f.member(types, user)
		if f.data {
			r.Data[m.Name] = tree.DataAddress{Offset: f.offset, Relative: f.relative, T: ctype.ULong}
		}
		members = append(members, m)
		size = max(size, f.offset+f.size)
	}
	r.Fields = ctype.NewStruct("", size, members...)
	r.Fields.Name = "the tracepoint's record"
	return r, nil
}

type field struct {
	declaration          string
	offset, size, signed int
	data, relative       bool
}

// member understands the declaration.
func (f *field) member(types check.Types, user bool) ctype.Member {
	text := f.declaration
	for _, mark := range []string{"__data_loc ", "__rel_loc "} {
		if rest, ok := strings.CutPrefix(text, mark); ok {
			text, f.data, f.relative = rest, true, mark == "__rel_loc "
		}
	}
	text, dimension, array := strings.Cut(text, "[")
	if f.data { // __data_loc char[] name
		_, name, _ := strings.Cut(dimension, "]")
		elem := f.named(types, text, 1)
		return ctype.Member{Name: strings.TrimSpace(name), Type: &ctype.Array{Elem: elem}, Offset: 8 * f.offset}
	}
	text = strings.TrimSpace(text)
	cut := strings.LastIndexAny(text, " *") + 1
	name, typ := text[cut:], strings.TrimSpace(text[:cut])
	m := ctype.Member{Name: name, Offset: 8 * f.offset}
	space := ctype.AnySpace
	if user {
		space = ctype.User
	}
	switch stars := strings.Count(typ, "*"); {
	case stars > 0 && !array:
		t := f.named(types, strings.ReplaceAll(typ, "*", " "), 0)
		for range stars {
			t = &ctype.Pointer{Target: t, Space: space}
		}
		m.Type = t
	case array:
		elem := f.named(types, typ, 0)
		if elem.Size() == 0 || f.size%elem.Size() != 0 {
			elem = ctype.UChar
		}
		m.Type = &ctype.Array{Elem: elem, Len: f.size / elem.Size()}
	default:
		m.Type = f.named(types, typ, f.size)
	}
	return m
}

// named is a type by its name. If it must have a size, and has another, it is an
// integer of that size.
func (f *field) named(types check.Types, text string, size int) ctype.Type {
	var words []string
	tag := ""
	for w := range strings.FieldsSeq(text) {
		switch w {
		case "const", "volatile":
		case "struct", "union", "enum":
			tag = w
		default:
			words = append(words, w)
		}
	}
	name := strings.Join(words, " ")
	var t ctype.Type
	var ok bool
	if tag != "" {
		t, ok = types.Tagged(tag, name)
	} else {
		t, ok = types.Named(name)
	}
	switch {
	case ok && (size == 0 || t.Size() == size):
		return t
	case size == 0:
		return &ctype.Struct{Name: name, Incomplete: true}
	}
	signed := 0
	if f.signed != 0 {
		signed = 1
	}
	if sized, ok := map[int][2]ctype.Type{1: {ctype.UChar, ctype.SChar}, 2: {ctype.UShort, ctype.Short}, 4: {ctype.UInt, ctype.IntType}, 8: {ctype.ULong, ctype.Long}}[size]; ok {
		return sized[signed]
	}
	return &ctype.Array{Elem: ctype.UChar, Len: size}
}
