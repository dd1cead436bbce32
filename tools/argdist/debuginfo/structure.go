package debuginfo

import (
	"debug/dwarf"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
)

// maxMembers bounds the members of a struct.
const maxMembers = 1 << 14

// structure makes a struct or union, whose members are read when somebody asks for
// them. One that a unit only declares is looked for in the others then, too.
func (i *Info) structure(r ref, e *dwarf.Entry) ctype.Type {
	t := &ctype.Struct{
		Name:  i.text(e, dwarf.AttrName),
		Union: e.Tag == dwarf.TagUnionType,
		Bytes: bytesOf(e),
	}
	declaration, _ := e.Val(dwarf.AttrDeclaration).(bool)
	t.Load = func() (members []ctype.Member) {
		var err error
		defer func() { rescue(&err) }()
		i.steps = maxSteps
		at := r
		if declaration {
			kind := "struct"
			if t.Union {
				kind = "union"
			}
			if at, err = i.definition(kind, t.Name); err != nil {
				t.Incomplete = true
				return nil
			}
			if e, err := i.entry(at); err == nil && e != nil {
				t.Bytes = bytesOf(e)
			}
		}
		return i.members(at)
	}
	return t
}

// members reads the members of a struct.
func (i *Info) members(r ref) (out []ctype.Member) {
	i.children(r, func(at ref, e *dwarf.Entry) bool {
		switch e.Tag {
		case dwarf.TagMember:
			if external, _ := e.Val(dwarf.AttrExternal).(bool); external {
				return true // static: it is not in the struct
			}
			if m, ok := i.member(at, e); ok {
				out = append(out, m)
			}
		case dwarf.TagInheritance: // the members of a base class count as ours
			if m, ok := i.member(at, e); ok {
				m.Name = ""
				out = append(out, m)
			}
		}
		return len(out) < maxMembers
	})
	return out
}

func (i *Info) member(r ref, e *dwarf.Entry) (ctype.Member, bool) {
	m := ctype.Member{Name: i.text(e, dwarf.AttrName), Type: i.of(r, e, 0)}
	start, ok := location(e)
	if !ok {
		return m, false
	}
	m.Offset = 8 * start
	bits, isField := e.Val(dwarf.AttrBitSize).(int64)
	if !isField {
		return m, true
	}
	if bits <= 0 || bits > 64 {
		return m, false
	}
	m.Bits = int(bits)
	if at, ok := e.Val(dwarf.AttrDataBitOffset).(int64); ok { // since DWARF 4
		if at < 0 || at > 8*maxBytes {
			return m, false
		}
		m.Offset = int(at)
		return m, true
	}
	// Before, it was counted from the highest bit of the integer that the field is in.
	from, _ := e.Val(dwarf.AttrBitOffset).(int64)
	unit := int64(bytesOf(e))
	if unit == 0 {
		unit = int64(m.Type.Size())
	}
	at := 8*unit - from - bits
	if at < 0 || from < -8*maxBytes || from > 8*maxBytes {
		return m, false
	}
	m.Offset += int(at)
	return m, true
}

// location is where a member begins, in bytes. A union's members do not say.
func location(e *dwarf.Entry) (int, bool) {
	switch at := e.Val(dwarf.AttrDataMemberLoc).(type) {
	case nil:
		return 0, true
	case int64:
		return int(at), at >= 0 && at <= maxBytes
	case []byte: // DWARF 2: an expression, always DW_OP_plus_uconst
		const plusConstant = 0x23
		if len(at) < 2 || at[0] != plusConstant {
			return 0, false
		}
		n, shift := 0, 0
		for _, b := range at[1:] {
			if shift > 28 {
				return 0, false
			}
			n |= int(b&0x7f) << shift
			shift += 7
		}
		return n, n <= maxBytes
	}
	return 0, false
}
