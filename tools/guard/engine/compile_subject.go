package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// bits gives subjects their bits. Labels of running tasks are made of them, and so a
// subject keeps its bit as long as its definition stays, over all reloads.
type bits struct {
	of    map[string]int // by definition
	used  [words * 64]bool
	fresh set // bits of subjects that running tasks were not looked at for
	// asked are the definitions that were asked for since the last sweep.
	asked map[string]bool
}

func newBits() *bits {
	b := &bits{of: make(map[string]int), asked: make(map[string]bool)}
	for i := range firstSubject {
		b.used[i] = true
	}
	return b
}

// get returns the bit of a definition, a free one if it has none.
func (b *bits) get(definition string) (bit int, ok bool) {
	b.asked[definition] = true
	if bit, ok := b.of[definition]; ok {
		return bit, true
	}
	if bit = slices.Index(b.used[:], false); bit < 0 {
		return 0, false
	}
	b.used[bit] = true
	b.of[definition] = bit
	b.fresh.add(bit)
	return bit, true
}

// sweep frees the bits of definitions that nobody asked for since the last time.
func (b *bits) sweep() (free set) {
	for d, bit := range b.of {
		if !b.asked[d] {
			delete(b.of, d)
			b.used[bit] = false
			free.add(bit)
		}
	}
	clear(b.asked)
	return free
}

// subjectName is a subject of a policy; policies do not share them.
type subjectName struct {
	policy *policy.Policy
	name   string
}

// subjects prepares the tables for subjects, and makes guard's own program one.
func (c *compiler) prepareSubjects() {
	c.subjectBits = make(map[subjectName]int)
	c.defined = make(map[int]bool)
	c.named = make(map[object]set)
	for name, bit := range map[string]int{policy.SubjectAll: subjectAll, policy.SubjectInit: subjectInit, policy.SubjectKernel: subjectKernel} {
		c.names[bit] = name
	}
	if self, ok := c.host.self(); ok {
		o := object{inode: c.inode(spaceExe, self)}
		c.nameObject(o, subjectGuard)
	}
}

func (c *compiler) nameObject(o object, bit int) {
	s := c.named[o]
	s.add(bit)
	c.named[o] = s
}

// subject returns the bit of a subject, -1 for nobody.
func (c *compiler) subject(p *policy.Policy, name policy.Text) int {
	switch name.S {
	case policy.SubjectAll:
		return subjectAll
	case policy.SubjectInit:
		return subjectInit
	case policy.SubjectKernel:
		return subjectKernel
	case policy.SubjectNone:
		return -1
	}
	at := subjectName{p, name.S}
	if bit, ok := c.subjectBits[at]; ok {
		return bit
	}
	s := p.Subject(name.S)
	if s == nil {
		c.problem(name.Pos, "no subject %s", name.S)
		return -1
	}
	bit := c.define(p, s, c.exceptions(p, s.Not), name.S)
	c.subjectBits[at] = bit
	return bit
}

// exceptions are the subjects whose tasks are left out.
func (c *compiler) exceptions(p *policy.Policy, names []policy.Text) (to set) {
	for _, n := range names {
		if bit := c.subject(p, n); bit >= 0 {
			to.add(bit)
		}
	}
	return to
}

// selected is the set of subjects of a rule.
func (c *compiler) selected(p *policy.Policy, s policy.Selector) (selected set) {
	except := c.exceptions(p, s.Except)
	for _, name := range s.Any {
		bit := c.subject(p, name)
		switch {
		case bit < 0:
		case except.empty():
			selected.add(bit)
		case bit == subjectAll:
			selected.add(c.define(p, nil, except, name.S))
		case bit < firstSubject:
			// Nobody else is one of these, but process 1, of all; and who excepts that
			// from itself means nobody.
			if !except.has(bit) {
				selected.add(bit)
			}
		default:
			d := p.Subject(name.S)
			all := c.exceptions(p, d.Not)
			all.union(except)
			selected.add(c.define(p, d, all, name.S))
		}
	}
	return selected
}

// define makes a subject of a definition and exceptions: of all where s is nil.
func (c *compiler) define(p *policy.Policy, s *policy.Subject, except set, name string) int {
	definition := c.definition(s, except)
	bit, ok := c.bits.get(definition)
	if !ok {
		c.problem(p.Pos, "more than %d subjects, exceptions counted", words*64-firstSubject)
		return subjectKernel
	}
	if c.defined[bit] {
		return bit
	}
	c.defined[bit] = true
	c.names[bit] = name
	g := &c.generation
	g.Flags |= hasNamed
	if !except.empty() {
		if g.Exceptions == exceptions {
			c.problem(p.Pos, "more than %d subjects with exceptions", exceptions)
			return bit
		}
		g.Exception[g.Exceptions] = exception{Bit: uint32(bit), To: except}
		g.Exceptions++
	}
	if s == nil {
		g.OfAll.add(bit)
		s = &policy.Subject{}
	}
	c.defineExe(s, bit)
	c.defineCgroup(s, bit)
	if len(s.UID) == 0 {
		g.NoUID.add(bit)
	}
	for _, r := range s.UID {
		g.Flags |= hasUID
		c.userRanges[userSubject] = append(c.userRanges[userSubject], userRange{r.First, r.Last, bit})
	}
	return bit
}

func (c *compiler) defineExe(s *policy.Subject, bit int) {
	if len(s.Exe) == 0 {
		c.generation.NoExe.add(bit)
		return
	}
	c.generation.Flags |= hasExe
	if s.Descendants {
		c.generation.Descendants.add(bit)
	}
	view := inInitial
	if s.View == policy.ViewTask {
		view = inAny
	}
	for _, pattern := range s.Exe {
		for _, o := range c.places(spaceExe, pattern, view, policy.ByBoth) {
			c.nameObject(o, bit)
		}
	}
}

// cgroupLevels is CGROUP_LEVELS of subject.h, the root among them.
const cgroupLevels = 32

func (c *compiler) defineCgroup(s *policy.Subject, bit int) {
	if len(s.Cgroup) == 0 && len(s.Container) == 0 {
		c.generation.NoCgroup.add(bit)
		return
	}
	c.generation.Flags |= hasCgroup
	add := func(pos policy.Position, cg cgroup) {
		if strings.Count(cg.dir, "/") >= cgroupLevels {
			c.problem(pos, "the cgroup %s is deeper than %d levels", cg.dir, cgroupLevels-1)
		}
		s := c.cgroupSets[cg.id]
		s.add(bit)
		c.cgroupSets[cg.id] = s
	}
	if len(s.Container) == 0 {
		for _, dir := range s.Cgroup {
			cg, err := c.host.cgroup(dir.S)
			if err != nil {
				c.problem(dir.Pos, "%v", err)
				continue
			}
			add(dir.Pos, cg)
		}
		return
	}
	for _, id := range s.Container {
		all, err := c.host.container(id.S)
		if err != nil {
			c.problem(id.Pos, "%v", err)
		}
		for _, cg := range all {
			below := func(dir policy.Text) bool {
				return policy.Pattern{Kind: policy.Subtree, Path: dir.S}.Matches(cg.dir)
			}
			if len(s.Cgroup) == 0 || slices.ContainsFunc(s.Cgroup, below) {
				add(id.Pos, cg)
			}
		}
	}
}

// definition is a text that is equal for equal subjects. Of cgroups it has the
// directory and not the id: they are looked up anew each time.
func (c *compiler) definition(s *policy.Subject, except set) string {
	var b strings.Builder
	if s != nil {
		for _, p := range s.Exe {
			fmt.Fprintf(&b, "exe %d %q\n", p.Kind, p.Path)
		}
		for _, t := range s.Cgroup {
			fmt.Fprintf(&b, "cgroup %q\n", t.S)
		}
		for _, t := range s.Container {
			fmt.Fprintf(&b, "container %q\n", t.S)
		}
		for _, r := range s.UID {
			fmt.Fprintf(&b, "uid %d-%d\n", r.First, r.Last)
		}
		fmt.Fprintf(&b, "descendants %v view %d\n", s.Descendants, s.View)
	}
	fmt.Fprintf(&b, "except %x\n", except)
	return b.String()
}
