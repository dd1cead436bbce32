package rules

// tally is a set of names in two halves of a memory, of which one is forgotten at a
// time. It knows how many there are in both.
type tally struct {
	now, old map[string]bool
	n        int
}

func newTally() *tally { return &tally{now: make(map[string]bool), old: make(map[string]bool)} }

// add puts a name in, and returns how many there are.
func (s *tally) add(name string) int {
	if !s.now[name] {
		s.now[name] = true
		if !s.old[name] {
			s.n++
		}
	}
	return s.n
}

// drop takes a name out.
func (s *tally) drop(name string) {
	if s.now[name] || s.old[name] {
		s.n--
	}
	delete(s.now, name)
	delete(s.old, name)
}

// turn forgets the older half.
func (s *tally) turn() {
	s.now, s.old = make(map[string]bool), s.now
	s.n = len(s.old)
}

// tallies are such sets by what their members have in common.
type tallies map[string]*tally

// add puts a name into a set, and returns how many that has.
func (s tallies) add(group, name string) int {
	t := s[group]
	if t == nil {
		t = newTally()
		s[group] = t
	}
	return t.add(name)
}

func (s tallies) drop(group, name string) {
	if t := s[group]; t != nil {
		t.drop(name)
	}
}

// turn forgets the older half of all sets, and those that are empty then.
func (s tallies) turn() {
	for group, t := range s {
		if t.turn(); t.n == 0 {
			delete(s, group)
		}
	}
}
