package kernel

import (
	"fmt"
	"strings"

	"github.com/ringside-tools/ringside/tools/argdist/ctype"
)

// Offsets is the way from a struct through members, of which all but the last are
// pointers to the struct that has the next: the offset of each, in bytes. A member of
// a member that lies within is behind a dot.
func (t *Types) Offsets(structName string, members ...string) ([]int, error) {
	var out []int
	at, _ := t.Tagged("struct", structName)
	for i, path := range members {
		if i > 0 {
			p, ok := ctype.Underlying(at).(*ctype.Pointer)
			if !ok {
				return nil, fmt.Errorf("%s is no pointer: %w", members[i-1], ErrUnknown)
			}
			at = p.Target
		}
		offset := 0
		for name := range strings.SplitSeq(path, ".") {
			m, err := member(at, name)
			if err != nil {
				return nil, err
			}
			at = m.Type
			offset += m.Offset / 8
		}
		out = append(out, offset)
	}
	return out, nil
}

func member(of ctype.Type, name string) (ctype.Member, error) {
	if of != nil {
		if s, ok := ctype.Underlying(of).(*ctype.Struct); ok {
			if m, ok := s.Member(name); ok {
				return m, nil
			}
		}
	}
	return ctype.Member{}, fmt.Errorf("member %s of %v: %w", name, of, ErrUnknown)
}
