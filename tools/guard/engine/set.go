package engine

// words is how many words of 64 bits a set has (WORDS of tables.h).
const words = 4

// set is a set of subjects, or of rules that have a bit: struct set of tables.h.
type set [words]uint64

func (s *set) add(bit int) { s[bit/64] |= 1 << (bit % 64) }

func (s *set) union(o set) {
	for i := range s {
		s[i] |= o[i]
	}
}

func (s set) has(bit int) bool { return s[bit/64]>>(bit%64)&1 == 1 }

func (s set) meets(o set) bool {
	for i := range s {
		if s[i]&o[i] != 0 {
			return true
		}
	}
	return false
}

func (s set) empty() bool { return s == set{} }
