package main

// life remembers when files were made, for the age of those that are deleted. It
// goes by path, which is what is known on every kernel, and follows renames.
type life struct {
	made    map[string]int64 // path to time, as Head.Time
	order   []string         // the oldest first, to forget them by
	dropped uint64           // forgotten for want of room
}

// lifeMax is how many files are remembered.
const lifeMax = 1 << 16

func newLife() *life { return &life{made: make(map[string]int64)} }

// see takes note of an event, and returns the age in nanoseconds of a file that it
// deletes; -1 if that is not known.
func (l *life) see(e *event) int64 {
	if e.Ret < 0 || e.path == nil {
		return -1
	}
	switch e.op() {
	case opCreate, opMknod:
		l.put(string(e.path), e.Time)
	case opRename:
		l.rename(e)
	case opDelete:
		if made, ok := l.made[string(e.path)]; ok {
			delete(l.made, string(e.path))
			return e.Time - made
		}
	}
	return -1
}

// renameExchange is RENAME_EXCHANGE.
const renameExchange = 2

func (l *life) rename(e *event) {
	if e.path2 == nil {
		return
	}
	from, to := string(e.path), string(e.path2)
	made, ok := l.made[from]
	was, replaced := l.made[to]
	delete(l.made, from)
	delete(l.made, to)
	if ok {
		l.put(to, made)
	}
	if replaced && e.OpenFlags&renameExchange != 0 {
		l.put(from, was)
	}
}

func (l *life) put(path string, made int64) {
	if _, ok := l.made[path]; !ok {
		l.order = append(l.order, path)
	}
	l.made[path] = made
	for len(l.made) > lifeMax {
		if _, ok := l.made[l.order[0]]; ok {
			delete(l.made, l.order[0])
			l.dropped++
		}
		l.order = l.order[1:]
	}
	if len(l.order) > 4*lifeMax { // most of them are deleted
		kept := make([]string, 0, len(l.made))
		for _, p := range l.order {
			if _, ok := l.made[p]; ok {
				kept = append(kept, p)
			}
		}
		l.order = kept
	}
}
