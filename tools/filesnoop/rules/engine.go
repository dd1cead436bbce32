package rules

import (
	"path"
)

// Engine judges events, in the order in which they happened.
type Engine struct {
	cfg      Config
	canaries map[string]bool
	trees    map[uint32]*tree // by the process at the top
	of       map[uint32]*tree // by process
	counts   map[uint32]*process
	// Forgotten is how often something was forgotten for want of room.
	Forgotten uint64
}

// New returns an engine that has seen nothing.
func New(cfg Config) *Engine {
	e := &Engine{cfg: cfg, canaries: make(map[string]bool), trees: make(map[uint32]*tree), of: make(map[uint32]*tree), counts: make(map[uint32]*process)}
	for _, c := range cfg.Canaries {
		e.canaries[path.Clean(c)] = true
	}
	return e
}

// treeOf is the tree that a process belongs to: that of its parent, or one that
// begins there. What init or the kernel itself has started is a tree of its own.
func (e *Engine) treeOf(ev *Event) *tree {
	if t := e.of[ev.PID]; t != nil {
		return t
	}
	t := e.of[ev.PPID]
	if t == nil {
		root := ev.PPID
		if root <= 2 {
			root = ev.PID
		}
		if t = e.trees[root]; t == nil {
			e.room(ev.Time)
			t = newTree(root, ev.Time)
			e.trees[root] = t
		}
	}
	if t.exe == "" {
		t.exe = ev.Exe
	}
	if len(e.of) >= pidsMax {
		clear(e.of) // they find their trees again by their parents
		e.Forgotten++
	}
	e.of[ev.PID] = t
	return t
}

// room forgets trees that did nothing for long, or if there are none all.
func (e *Engine) room(now int64) {
	if len(e.trees) < treesMax {
		return
	}
	for root, t := range e.trees {
		if now-t.last > int64(e.cfg.Memory) {
			delete(e.trees, root)
		}
	}
	if len(e.trees) >= treesMax {
		clear(e.trees)
		e.Forgotten++
	}
	for pid, t := range e.of {
		if e.trees[t.root] != t {
			delete(e.of, pid)
		}
	}
}

// Judge says what an event means.
func (e *Engine) Judge(ev *Event) Verdict {
	v := e.count(ev)
	if ev.Path == "" {
		return v
	}
	t := e.treeOf(ev)
	if t.turn(ev.Time, e.cfg.Memory) {
		e.Forgotten++
	}
	if e.canaries[ev.Path] || e.canaries[ev.Path2] {
		e.hit(t, &v, RuleCanary, ev, 1, 1, Major)
	}
	switch ev.Op {
	case "open":
		e.open(t, &v, ev)
	case "create", "mknod":
		e.create(t, &v, ev)
	case "delete":
		e.remove(t, &v, ev)
	case "rename":
		e.rename(t, &v, ev)
	case "mkdir":
		t.now.dirs[ev.Path] = true
	}
	return v
}

// hit is an event that belongs to a rule. From the limit on it is severe, and the
// first time it raises an alert.
func (e *Engine) hit(t *tree, v *Verdict, rule string, ev *Event, n, limit int, s Severity) {
	if lines := t.evidence[rule]; !t.alerted[rule] && len(lines) < evidenceMax {
		if len(lines) == 0 {
			t.first[rule] = ev.Path
		}
		line := ev.Op + " " + ev.Path
		if ev.Path2 != "" {
			line += " -> " + ev.Path2
		}
		t.evidence[rule] = append(lines, line)
	}
	if n < limit {
		return
	}
	if s >= v.Severity {
		v.Severity, v.Rule = s, rule
	}
	if t.alerted[rule] || s < Major {
		return
	}
	t.alerted[rule] = true
	a := &Alert{Rule: rule, Root: t.root, RootExe: t.exe, RootSeen: t.seen, Files: n, First: ev.Path, Evidence: t.evidence[rule]}
	if first := t.first[rule]; first != "" {
		a.First = first
	}
	delete(t.evidence, rule)
	v.Alert = a
}

func (e *Engine) open(t *tree, v *Verdict, ev *Event) {
	m := t.marks(ev.Path)
	if ev.Special {
		return // it has no content to lose
	}
	t.mark(ev.Path, opened)
	if !ev.Writing || m&created != 0 { // or the tree's own file
		return
	}
	t.mark(ev.Path, written)
	if m&renamed != 0 { // renamed first, overwritten then
		for stem, suffix := range splits(ev.Path) {
			if t.marks(stem)&removed != 0 {
				e.linked(t, v, ev, RuleRename, t.now.renames, t.old.renames, suffix, stem)
			}
		}
	}
	t.now.over[ev.Path] = true
	e.hit(t, v, RuleOverwrite, ev, union(t.now.over, t.old.over), e.cfg.Many, Major)
}

// splits are the stems of a path with their suffixes.
func splits(p string) map[string]string {
	out := make(map[string]string)
	stems(p, func(stem, suffix string) { out[stem] = suffix })
	return out
}

// linked counts a file that belongs to a suffix. Compressors do the same as who
// encrypts; of their suffixes there is no alarm.
func (e *Engine) linked(t *tree, v *Verdict, ev *Event, rule string, now, old map[string]map[string]bool, suffix, file string) {
	s := Major
	if packed[suffix] {
		s = Minor
	}
	e.hit(t, v, rule, ev, add(now, old, suffix, file), e.cfg.Linked, s)
}

func (e *Engine) create(t *tree, v *Verdict, ev *Event) {
	t.mark(ev.Path, created)
	t.forget(ev.Path, removed)
	stems(ev.Path, func(stem, suffix string) {
		// A shell makes the file that it redirects to before anything is read.
		t.now.from[stem] = ev.Path
		const both = opened | removed
		if t.marks(stem)&both == both {
			e.linked(t, v, ev, RuleReplace, t.now.suffix, t.old.suffix, suffix, stem)
		}
	})
	dir, name := path.Split(ev.Path)
	dir = path.Clean(dir)
	if isNote(name) && !t.now.dirs[dir] && !t.old.dirs[dir] {
		e.hit(t, v, RuleNote, ev, add(t.now.notes, t.old.notes, name, dir), e.cfg.Notes, Major)
	}
}

func (e *Engine) remove(t *tree, v *Verdict, ev *Event) {
	m := t.marks(ev.Path)
	t.mark(ev.Path, removed)
	t.forget(ev.Path, created)
	if m&opened == 0 {
		return
	}
	made := t.madeFrom(ev.Path)
	if suffix, ok := suffixOf(ev.Path, made); ok && t.marks(made)&created != 0 {
		e.linked(t, v, ev, RuleReplace, t.now.suffix, t.old.suffix, suffix, ev.Path)
		return
	}
	if m&created == 0 {
		t.now.gone[ev.Path] = true
		e.hit(t, v, RuleRemove, ev, union(t.now.gone, t.old.gone), e.cfg.Many, Minor)
	}
}

func (e *Engine) rename(t *tree, v *Verdict, ev *Event) {
	m := t.marks(ev.Path)
	// The new name is of the file that had the old one; what was made under the
	// old one is not there any more.
	t.forget(ev.Path, created|written)
	t.mark(ev.Path, removed)
	t.forget(ev.Path2, removed)
	if m&created != 0 {
		t.mark(ev.Path2, created)
		return
	}
	suffix, ok := suffixOf(ev.Path, ev.Path2)
	if !ok {
		return
	}
	t.mark(ev.Path2, renamed)
	if m&written != 0 {
		e.linked(t, v, ev, RuleRename, t.now.renames, t.old.renames, suffix, ev.Path)
	}
}
