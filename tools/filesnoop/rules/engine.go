package rules

import (
	"fmt"
	"path"
	"slices"
	"time"
)

// Engine judges events, in the order in which they happened.
type Engine struct {
	cfg      Config
	canaries map[string]bool
	trees    map[uint32]*tree  // by the process at the top
	of       map[uint32]member // by process
	counts   map[uint32]*process
	// Forgotten is how often something was forgotten for want of room.
	Forgotten uint64
}

// member is a process of a tree.
type member struct {
	*tree
	parent uint32
}

// New returns an engine that has seen nothing.
func New(cfg Config) *Engine {
	e := &Engine{cfg: cfg, canaries: make(map[string]bool), trees: make(map[uint32]*tree), of: make(map[uint32]member), counts: make(map[uint32]*process)}
	for _, c := range cfg.Canaries {
		e.canaries[path.Clean(c)] = true
	}
	return e
}

// treeOf is the tree that a process belongs to: that of its parent, or one that
// begins there. What init or the kernel itself has started is a tree of its own.
func (e *Engine) treeOf(ev *Event) *tree {
	if m, ok := e.of[ev.PID]; ok {
		return m.tree
	}
	t := e.of[ev.PPID].tree
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
	e.of[ev.PID] = member{t, ev.PPID}
	return t
}

// generationsMax bounds how far parents are followed.
const generationsMax = 8

// related reports whether one of two processes comes from the other.
func (e *Engine) related(a, b uint32) bool { return e.comesFrom(a, b) || e.comesFrom(b, a) }

func (e *Engine) comesFrom(pid, from uint32) bool {
	for range generationsMax {
		if pid == from {
			return true
		}
		m, ok := e.of[pid]
		if !ok {
			return false
		}
		pid = m.parent
	}
	return false
}

// justMade is how many files the tree may have created since one that still counts
// as work in progress: compilers and what comes after them are a team.
const justMade = 100

// own reports whether a file is the process's own work: one that it has created, or
// who it comes from, or a file that its tree created just now.
func (e *Engine) own(t *tree, ev *Event, f known) bool {
	return f.marks&created != 0 && (e.related(f.maker, ev.PID) || t.made-f.serial < justMade)
}

// room forgets the half of the trees that did nothing for longest, if there are too many.
func (e *Engine) room(now int64) {
	if len(e.trees) < treesMax {
		return
	}
	last := make([]int64, 0, len(e.trees))
	for _, t := range e.trees {
		last = append(last, t.last)
	}
	slices.Sort(last)
	half := last[len(last)/2]
	if now-half < int64(e.cfg.Recent) {
		e.Forgotten++ // trees that may be at work
	}
	for root, t := range e.trees {
		if t.last <= half {
			delete(e.trees, root)
		}
	}
	for pid, m := range e.of {
		if e.trees[m.root] != m.tree {
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
	if t.turn(ev.Time, &e.cfg) {
		e.Forgotten++
	}
	if ev.Op == "encrypt" {
		t.encrypted += ev.Bytes
		return v
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
	case "write":
		e.write(t, &v, ev)
	}
	return v
}

// hit is an event that belongs to a rule. From the limit on it is severe, and the
// first time it raises an alert; the next one only after a pause.
func (e *Engine) hit(t *tree, v *Verdict, rule string, ev *Event, n, limit int, s Severity) {
	last, alerted := t.alerted[rule]
	if lines := t.evidence[rule]; !alerted && len(lines) < evidenceMax {
		if len(lines) == 0 {
			t.first[rule] = ev.Path
		}
		line := ev.Op + " " + ev.Path
		if ev.Path2 != "" {
			line += " -> " + ev.Path2
		}
		t.evidence[rule] = append(lines, line)
	}
	if alerted {
		if time.Duration(ev.Time-last) >= e.cfg.Window {
			t.again(rule)
			return
		}
		t.alerted[rule] = ev.Time
	}
	if n < limit {
		return
	}
	if s >= v.Severity {
		v.Severity, v.Rule = s, rule
	}
	if alerted || s < Major {
		return
	}
	t.alerted[rule] = ev.Time
	a := &Alert{Rule: rule, Root: t.root, RootExe: t.exe, RootSeen: t.seen, Files: n, First: ev.Path, Evidence: t.evidence[rule]}
	if first := t.first[rule]; first != "" {
		a.First = first
	}
	if t.encrypted > 0 {
		a.Evidence = append(a.Evidence, fmt.Sprintf("encrypt %d bytes, by libraries of cryptography in the tree", t.encrypted))
	}
	delete(t.evidence, rule)
	v.Alert = a
}
