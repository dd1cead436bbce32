package rules

import "path"

// What each kind of event means for the rules.

func (e *Engine) open(t *tree, v *Verdict, ev *Event) {
	if ev.Special {
		return // it has no content to lose
	}
	f := t.file(ev.Path)
	now := t.now.files[ev.Path]
	now.marks, now.opener = now.marks|opened, ev.PID
	t.now.files[ev.Path] = now
	if !ev.Writing || e.own(t, ev, f) {
		return
	}
	t.mark(ev.Path, written)
	if ev.MayMake && !ev.Emptied {
		return // as touch does, and who locks files
	}
	t.mark(ev.Path, changed)
	if f.marks&renamed != 0 { // renamed first, overwritten then
		for stem, suffix := range splits(ev.Path) {
			if t.marks(stem)&removed != 0 {
				e.linked(t, v, ev, RuleRename, t.renames, suffix, stem, ev.Path)
			}
		}
	}
	if !ev.MayMake && !ev.Emptied {
		e.hit(t, v, RuleOverwrite, ev, t.over.add(ev.Path), e.cfg.Many, Major)
	}
}

// linked counts a file that belongs to a suffix, by which the file made is known.
// Compressors, converters and those who make backups do the same as who encrypts; of
// their suffixes there is no alarm, unless the content is known to be something else.
func (e *Engine) linked(t *tree, v *Verdict, ev *Event, rule string, counted tallies, suffix, file, made string) {
	s := Major
	if isFamiliar(suffix) && t.marks(made)&random == 0 {
		s = Minor
	}
	if rule == RuleReplace {
		t.now.by[file] = suffix
	}
	e.hit(t, v, rule, ev, counted.add(suffix, file), e.cfg.Linked, s)
}

func (e *Engine) create(t *tree, v *Verdict, ev *Event) {
	before := t.marks(ev.Path)
	t.forget(ev.Path, removed|random|packed|renamed)
	t.back(ev.Path)
	t.made++
	f := t.now.files[ev.Path]
	f.marks, f.maker, f.serial = f.marks|created, ev.PID, t.made
	if before&(opened|removed) == opened|removed && before&created == 0 {
		f.marks |= written | changed // it was there, and is written anew
	}
	t.now.files[ev.Path] = f
	t.now.makes[ev.PID]++
	t.now.names[path.Base(ev.Path)] = true
	replaced := false
	stems(ev.Path, func(stem, suffix string) {
		// A shell makes the file that it redirects to before anything is read.
		t.now.from[stem] = ev.Path
		const both = opened | removed
		if t.marks(stem)&both == both {
			replaced = true
			e.linked(t, v, ev, RuleReplace, t.replaced, suffix, stem, ev.Path)
		}
	})
	dir, name := path.Split(ev.Path)
	dir = path.Clean(dir)
	if ending := path.Ext(name); !replaced && ending != "" && !isFamiliar(ending) {
		e.pair(t, v, ev, dir, pair{ev.Path, true})
	}
	if isNote(name) && !t.now.dirs[dir] && !t.old.dirs[dir] {
		e.hit(t, v, RuleNote, ev, t.notes.add(name, dir), e.cfg.Notes, Major)
	}
}

// pair finds for a file that was made one that was removed in the same directory, or
// the other way round: replaced under a name that has nothing to do with its own.
func (e *Engine) pair(t *tree, v *Verdict, ev *Event, dir string, p pair) {
	other, ok := t.pairs[dir]
	if !ok || other.made == p.made {
		if len(t.pairs) >= pairsMax {
			clear(t.pairs)
		}
		t.pairs[dir] = p
		return
	}
	delete(t.pairs, dir)
	made, gone := p.path, other.path
	if other.made {
		made, gone = gone, made
	}
	if ending := path.Ext(made); t.marks(made)&created != 0 && ending != path.Ext(gone) {
		e.linked(t, v, ev, RuleReplace, t.replaced, "*"+ending, gone, made)
	}
}

func (e *Engine) remove(t *tree, v *Verdict, ev *Event) {
	f := t.file(ev.Path)
	own := e.own(t, ev, f)
	t.mark(ev.Path, removed)
	t.forget(ev.Path, created)
	if f.marks&opened == 0 {
		return
	}
	made := t.madeFrom(ev.Path)
	if suffix, ok := suffixOf(ev.Path, made); ok && t.marks(made)&created != 0 {
		e.linked(t, v, ev, RuleReplace, t.replaced, suffix, ev.Path, made)
		return
	}
	if own {
		return
	}
	dir, name := path.Split(ev.Path)
	e.pair(t, v, ev, path.Clean(dir), pair{ev.Path, false})
	n := t.gone.add(ev.Path)
	// Who puts many files into few: an archive. Who moves them makes as many.
	makes := t.makes(ev.PID)
	s := Minor
	if e.related(f.opener, ev.PID) && makes > 0 && makes*4 <= n && !t.named(name) {
		s = Major
	}
	e.hit(t, v, RuleRemove, ev, n, e.cfg.Many, s)
}

func (e *Engine) rename(t *tree, v *Verdict, ev *Event) {
	f := t.file(ev.Path)
	over := t.marks(ev.Path2)
	own := e.own(t, ev, f)
	made := t.madeFrom(ev.Path)
	// The new name is of the file that had the old one; what was made under the
	// old one is not there any more.
	t.forget(ev.Path, created|written|changed|random|packed)
	t.mark(ev.Path, removed)
	t.forget(ev.Path2, removed|random|packed)
	t.back(ev.Path2)
	t.now.names[path.Base(ev.Path2)] = true
	if f.marks&random != 0 {
		t.mark(ev.Path2, random)
		if over&opened != 0 && over&created == 0 {
			e.anew(t, v, ev, ev.Path2)
		}
	}
	if f.marks&created != 0 {
		to := t.now.files[ev.Path2]
		to.marks, to.maker, to.serial = to.marks|created, f.maker, f.serial
		t.now.files[ev.Path2] = to
	}
	if own {
		return
	}
	if suffix, ok := suffixOf(ev.Path, ev.Path2); ok {
		t.mark(ev.Path2, renamed)
		if f.marks&changed != 0 {
			e.linked(t, v, ev, RuleRename, t.renames, suffix, ev.Path, ev.Path2)
		}
		return
	}
	// Under another name, where nobody looks for it, it is as good as removed.
	if suffix, ok := suffixOf(ev.Path, made); ok && f.marks&opened != 0 && t.marks(made)&created != 0 {
		e.linked(t, v, ev, RuleReplace, t.replaced, suffix, ev.Path, made)
	}
}

// write is the first one to an open file, or the first one of which the content is
// known.
func (e *Engine) write(t *tree, v *Verdict, ev *Event) {
	f := t.file(ev.Path)
	if ev.Content == Packed {
		t.mark(ev.Path, packed) // what follows a header of it is random as well
	}
	if ev.Content != Random || f.marks&packed != 0 {
		return
	}
	t.mark(ev.Path, random)
	if f.marks&written != 0 {
		e.anew(t, v, ev, ev.Path)
	}
}

// anew counts a file that was there and has content without any order now.
func (e *Engine) anew(t *tree, v *Verdict, ev *Event, file string) {
	e.hit(t, v, RuleRewrite, ev, t.anew.add(file), e.cfg.Linked, Major)
}
