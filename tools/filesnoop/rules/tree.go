package rules

import "time"

// treesMax is how many process trees are remembered, and filesMax how many names
// of each, in either half of the memory.
const (
	treesMax = 4096
	filesMax = 8192
	pidsMax  = 1 << 16
)

// marks are what a tree has done to a file.
type marks uint16

const (
	opened  marks = 1 << iota // and it was there before
	written                   // opened for writing, and it was there before
	changed                   // likewise, by more than a touch
	created
	removed
	renamed // got its name by a rename that appended a suffix
	packed  // got content of a format that has no order
	random  // got content without any order, of no known format
)

// known is what is remembered of a file.
type known struct {
	marks
	maker  uint32 // process that created it
	opener uint32 // process that opened it last
	serial int    // which of the files that the tree created it is
}

// half is what became of files in one half of the memory. It is forgotten as a whole.
type half struct {
	began int64
	files map[string]known
	from  map[string]string // stem to the file X.suffix that was made of it
	by    map[string]string // file that was replaced to the suffix
	dirs  map[string]bool   // directories that the tree made itself
	names map[string]bool   // last names of what was created or renamed
	makes map[uint32]int    // how many files a process created
}

func newHalf(now int64) *half {
	return &half{
		began: now, files: make(map[string]known), from: make(map[string]string), by: make(map[string]string),
		dirs: make(map[string]bool), names: make(map[string]bool), makes: make(map[uint32]int),
	}
}

// tree is what is remembered of a process tree.
type tree struct {
	root     uint32
	exe      string
	seen     int64 // first
	last     int64
	now, old *half
	replaced tallies // suffix to the files that were replaced
	renames  tallies // suffix to the files that were written and renamed
	made     int     // files that it created, ever

	// For a shorter time, since others do the same, but not to as many at once.
	recently int64   // when its half began
	notes    tallies // name to the directories that it was made in
	over     *tally  // files that were opened to be changed in place
	gone     *tally  // files that were read and removed
	anew     *tally  // files with new content without any order

	alerted  map[string]int64    // rule to the last event that it was about
	evidence map[string][]string // of each rule, until its alert
	first    map[string]string   // file of each rule
	files    *process            // how far patterns have come with files
	pairs    map[string]pair     // directory to the last file there that has no partner

	encrypted uint64 // bytes, by libraries of cryptography
}

// pair is half of one: a file that was removed, or one that was made, in a directory.
type pair struct {
	path string
	made bool
}

// evidenceMax is how many lines an alert has, and pairsMax how many directories
// have half a pair.
const (
	evidenceMax = 8
	pairsMax    = 4096
)

func newTree(root uint32, now int64) *tree {
	return &tree{root: root, seen: now, now: newHalf(now), old: newHalf(now), replaced: make(tallies), renames: make(tallies),
		recently: now, notes: make(tallies), over: newTally(), gone: newTally(), anew: newTally(), alerted: make(map[string]int64),
		evidence: make(map[string][]string), first: make(map[string]string), files: newProcess(now, 0), pairs: make(map[string]pair)}
}

// turn forgets what is older than the memories. It is called with every event.
func (t *tree) turn(now int64, cfg *Config) (full bool) {
	full = len(t.now.files) >= filesMax
	for range halves(now-t.now.began, cfg.Memory, full) {
		t.old, t.now = t.now, newHalf(now)
		t.replaced.turn()
		t.renames.turn()
	}
	for range halves(now-t.recently, cfg.Recent, full) {
		t.recently = now
		t.notes.turn()
		t.over.turn()
		t.gone.turn()
		t.anew.turn()
	}
	t.last = now
	return full
}

// halves is how many halves of a memory are over, of which one began so many nanoseconds ago.
func halves(age int64, memory time.Duration, full bool) int {
	switch {
	case age >= int64(memory):
		return 2
	case age >= int64(memory)/2 || full:
		return 1
	}
	return 0
}

// file is what is remembered of a file in both halves.
func (t *tree) file(p string) known {
	f, ok := t.now.files[p]
	if old, was := t.old.files[p]; was {
		if !ok || f.serial == 0 {
			f.maker, f.serial = old.maker, old.serial
		}
		if f.opener == 0 {
			f.opener = old.opener
		}
		f.marks |= old.marks
	}
	return f
}

func (t *tree) marks(p string) marks { return t.file(p).marks }

func (t *tree) mark(p string, m marks) {
	f := t.now.files[p]
	f.marks |= m
	t.now.files[p] = f
}

// forget takes marks away, as when a name is given to another file.
func (t *tree) forget(p string, m marks) {
	for _, h := range []*half{t.now, t.old} {
		if f, ok := h.files[p]; ok {
			f.marks &^= m
			h.files[p] = f
		}
	}
}

// madeFrom is the file X.suffix that was made of X; "" for none.
func (t *tree) madeFrom(stem string) string {
	if made := t.now.from[stem]; made != "" {
		return made
	}
	return t.old.from[stem]
}

// makes is how many files a process created.
func (t *tree) makes(pid uint32) int { return t.now.makes[pid] + t.old.makes[pid] }

// named reports whether a file of that name was created or got it by a rename.
func (t *tree) named(name string) bool { return t.now.names[name] || t.old.names[name] }

// back takes a file, which has its name again, from what was replaced or removed.
func (t *tree) back(p string) {
	t.gone.drop(p)
	for _, h := range []*half{t.now, t.old} {
		if suffix, ok := h.by[p]; ok {
			t.replaced.drop(suffix, p)
			delete(h.by, p)
		}
	}
}

// again begins to count anew for a rule, some time after its alert.
func (t *tree) again(rule string) {
	delete(t.alerted, rule)
	delete(t.first, rule)
	switch rule {
	case RuleReplace:
		clear(t.replaced)
		clear(t.now.by)
		clear(t.old.by)
	case RuleRename:
		clear(t.renames)
	case RuleNote:
		clear(t.notes)
	case RuleOverwrite:
		t.over = newTally()
	case RuleRemove:
		t.gone = newTally()
	case RuleRewrite:
		t.anew = newTally()
	}
}
