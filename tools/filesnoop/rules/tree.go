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
type marks uint8

const (
	opened  marks = 1 << iota // and it was there before
	written                   // opened for writing, and it was there before
	created
	removed
	renamed // got its name by a rename that appended a suffix
	counted // by replace or rename, under this name
)

// half is what happened in one half of the memory. It is forgotten as a whole.
type half struct {
	began   int64
	files   map[string]marks
	from    map[string]string          // stem to the file X.suffix that was made of it
	suffix  map[string]map[string]bool // suffix to the files that were replaced
	renames map[string]map[string]bool // suffix to the files that were written and renamed
	notes   map[string]map[string]bool // name to the directories that it was made in
	dirs    map[string]bool            // directories that the tree made itself
	over    map[string]bool            // files that were opened for writing
	gone    map[string]bool            // files that were read and removed
}

func newHalf(now int64) *half {
	return &half{
		began: now, files: make(map[string]marks), from: make(map[string]string), suffix: make(map[string]map[string]bool),
		renames: make(map[string]map[string]bool), notes: make(map[string]map[string]bool), dirs: make(map[string]bool),
		over: make(map[string]bool), gone: make(map[string]bool),
	}
}

// tree is what is remembered of a process tree.
type tree struct {
	root     uint32
	exe      string
	seen     int64 // first
	last     int64
	now, old *half
	alerted  map[string]bool
	evidence map[string][]string // of each rule, until its alert
	first    map[string]string   // file of each rule
	files    *process            // how far patterns have come with files
}

// evidenceMax is how many lines an alert has.
const evidenceMax = 8

func newTree(root uint32, now int64) *tree {
	return &tree{root: root, seen: now, now: newHalf(now), old: newHalf(now), alerted: make(map[string]bool),
		evidence: make(map[string][]string), first: make(map[string]string), files: newProcess(now, 0)}
}

// turn forgets what is older than the memory. It is called with every event.
func (t *tree) turn(now int64, memory time.Duration) (full bool) {
	full = len(t.now.files) >= filesMax
	switch age := time.Duration(now - t.now.began); {
	case age >= memory:
		t.old, t.now = newHalf(now), newHalf(now)
	case age >= memory/2 || full:
		t.old, t.now = t.now, newHalf(now)
	}
	t.last = now
	return full
}

func (t *tree) marks(p string) marks { return t.now.files[p] | t.old.files[p] }

func (t *tree) mark(p string, m marks) { t.now.files[p] |= m }

// forget takes marks away, as when a name is given to another file.
func (t *tree) forget(p string, m marks) {
	for _, h := range []*half{t.now, t.old} {
		if have, ok := h.files[p]; ok {
			h.files[p] = have &^ m
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

// add puts a member into a set of a name, and returns how many both halves have.
func add(now, old map[string]map[string]bool, name, member string) int {
	set := now[name]
	if set == nil {
		set = make(map[string]bool)
		now[name] = set
	}
	set[member] = true
	return union(set, old[name])
}

// union is how many members two sets have together.
func union(a, b map[string]bool) int {
	n := len(a)
	for member := range b {
		if !a[member] {
			n++
		}
	}
	return n
}
