package kernel

import (
	"github.com/cilium/ebpf/btf"

	"github.com/ringside-tools/ringside/internal/slimbtf"
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
)

// convert makes a type of C. A type is made once, so that circles end: they all
// go through a struct, whose members are made when they are asked for, or through
// a typedef, which is known before what it stands for.
func (t *Types) convert(id btf.TypeID) ctype.Type {
	if made, ok := t.made[id]; ok {
		return made
	}
	from := t.file.Type(id)
	switch from.Kind {
	case slimbtf.Const, slimbtf.Volatile, slimbtf.Restrict, slimbtf.TypeTag:
		t.made[id] = ctype.VoidType // until it is known: a file may have a circle
		t.made[id] = t.convert(from.Ref)
		return t.made[id]
	case slimbtf.Typedef:
		td := &ctype.Typedef{Name: from.Name, Target: ctype.VoidType}
		t.made[id] = td
		td.Target = t.convert(from.Ref)
		return td
	case slimbtf.Ptr:
		p := &ctype.Pointer{Target: ctype.VoidType}
		t.made[id] = p
		if target := t.file.Type(from.Ref); target.Kind == slimbtf.TypeTag && target.Name == "user" {
			p.Space = ctype.User
		}
		p.Target = t.convert(from.Ref)
		return p
	}
	t.made[id] = ctype.VoidType
	t.made[id] = t.make(id, from)
	return t.made[id]
}

func (t *Types) make(id btf.TypeID, from slimbtf.Type) ctype.Type {
	switch from.Kind {
	case slimbtf.Int:
		return integer(from)
	case slimbtf.Float:
		return &ctype.Float{Name: from.Name, Bytes: int(from.Size)}
	case slimbtf.Array:
		of, n := from.Elements()
		return &ctype.Array{Elem: t.convert(of), Len: n}
	case slimbtf.Struct, slimbtf.Union:
		return &ctype.Struct{Name: from.Name, Union: from.Kind == slimbtf.Union, Bytes: int(from.Size),
			Load: func() []ctype.Member { return t.members(from.Members()) }}
	case slimbtf.Fwd:
		return &ctype.Struct{Name: from.Name, Union: from.Flag, Incomplete: true}
	case slimbtf.Enum, slimbtf.Enum64:
		e := &ctype.Enum{Name: from.Name, Bytes: int(from.Size), Signed: from.Flag}
		for _, v := range from.Values() {
			e.Values = append(e.Values, ctype.EnumValue{Name: v.Name, Value: v.Value})
		}
		return e
	case slimbtf.Func:
		return t.function(id)
	case slimbtf.Proto:
		return t.signature(from)
	}
	return ctype.VoidType
}

// integer makes an integer. The compiler's other names for the types of C are
// understood as those; pahole says of no type that it is of characters.
func integer(from slimbtf.Type) ctype.Type {
	signed, boolean := from.Encoding()
	i := &ctype.Int{Name: from.Name, Bytes: int(from.Size), Signed: signed, Bool: boolean}
	switch from.Name {
	case "char", "signed char", "unsigned char":
		i.Char = true
	}
	if name, ok := otherNames[from.Name]; ok {
		i.Name = name
	}
	return i
}

var otherNames = map[string]string{
	"long unsigned int": "unsigned long", "long int": "long", "long long unsigned int": "unsigned long long", "long long int": "long long",
	"short unsigned int": "unsigned short", "short int": "short",
}

func (t *Types) members(from []slimbtf.Member) []ctype.Member {
	out := make([]ctype.Member, 0, len(from))
	for _, m := range from {
		out = append(out, ctype.Member{Name: m.Name, Type: t.convert(m.Type), Offset: m.Offset, Bits: m.Bits})
	}
	return out
}

func (t *Types) function(id btf.TypeID) *ctype.Func {
	from := t.file.Type(id)
	fn := t.signature(t.file.Type(from.Ref))
	fn.Name = from.Name
	return fn
}

func (t *Types) signature(proto slimbtf.Type) *ctype.Func {
	fn := &ctype.Func{Result: ctype.VoidType}
	if proto.Kind != slimbtf.Proto {
		return fn
	}
	fn.Result = t.convert(proto.Ref)
	params := proto.Params()
	for i, p := range params {
		// The last one without name and type is the ... of a variadic function.
		if p.Type == 0 && p.Name == "" && i == len(params)-1 {
			fn.Variadic = true
			continue
		}
		fn.Params = append(fn.Params, ctype.Param{Name: p.Name, Type: t.convert(p.Type)})
	}
	return fn
}
