package ctype

// Struct is a struct or a union.
type Struct struct {
	Name       string // "" if anonymous
	Union      bool
	Bytes      int
	Incomplete bool // declared and never defined
	// Load returns the members when they are first asked for. It may be nil with
	// [NewStruct] and for an incomplete one.
	Load func() []Member

	members []Member
}

// Member is a member of a struct or union.
type Member struct {
	Name   string // "" for an anonymous struct or union, whose members count as ours
	Type   Type
	Offset int // of its first bit from the start of the struct, in bits
	Bits   int // width of a bit field; 0 for a member that is none
}

// NewStruct returns a struct whose members are known.
func NewStruct(name string, bytes int, members ...Member) *Struct {
	return &Struct{Name: name, Bytes: bytes, members: members}
}

func (t *Struct) Size() int { return t.Bytes }

func (t *Struct) String() string {
	if t.Union {
		return tagged("union", t.Name)
	}
	return tagged("struct", t.Name)
}

// Members returns the members in their order.
func (t *Struct) Members() []Member {
	if t.Load != nil {
		load := t.Load
		t.Load = nil
		t.members = load()
	}
	return t.members
}

// maxNesting bounds how deep anonymous members are searched: what is read from a
// file may nest them in a circle.
const maxNesting = 16

// Member finds a member by name, also within anonymous structs and unions. Its
// offset is from the start of t.
func (t *Struct) Member(name string) (Member, bool) { return t.find(name, 0) }

func (t *Struct) find(name string, depth int) (Member, bool) {
	if depth > maxNesting {
		return Member{}, false
	}
	for _, m := range t.Members() {
		if m.Name == name && name != "" {
			return m, true
		}
		inner, ok := Underlying(m.Type).(*Struct)
		if m.Name != "" || !ok {
			continue
		}
		if found, ok := inner.find(name, depth+1); ok {
			found.Offset += m.Offset
			return found, true
		}
	}
	return Member{}, false
}

// MemberNames lists what [Struct.Member] would find.
func (t *Struct) MemberNames() []string { return t.names(nil, 0) }

func (t *Struct) names(out []string, depth int) []string {
	if depth > maxNesting {
		return out
	}
	for _, m := range t.Members() {
		if m.Name != "" {
			out = append(out, m.Name)
		} else if inner, ok := Underlying(m.Type).(*Struct); ok {
			out = inner.names(out, depth+1)
		}
	}
	return out
}
