package policy

import "path"

// ruleOf is a rule with its policy.
type ruleOf struct {
	p *Policy
	r *Rule
}

func (r ruleOf) enforced() bool { return Decision{Policy: r.p, Rule: r.r}.Enforced() }

// shadows looks for rules that change nothing.
func (c *checker) shadows() {
	seen := make(map[string]ruleOf)
	denies := newDenyIndex()
	var allows []ruleOf
	for _, p := range c.policies {
		for _, r := range p.Rules {
			rule := ruleOf{p, r}
			if first, ok := seen[rule.meaning()]; ok {
				c.warn(r.Pos, "identical", "rule %s says the same as rule %s at %s", r.ID, first.r.ID, first.r.Pos)
				continue
			}
			seen[rule.meaning()] = rule
			if r.Action == Deny {
				denies.add(rule)
			} else if !r.Audit {
				allows = append(allows, rule)
			}
		}
	}
	for _, allow := range allows {
		c.shadowed(allow, denies)
	}
}

// meaning is what a rule says, without its name.
func (r ruleOf) meaning() string {
	nameless := *r.r
	nameless.ID, nameless.Message, nameless.Subject = "", "", Selector{}
	names := func(all []Text) (s sequence) {
		for _, name := range all {
			if subject := r.p.Subject(name.S); subject != nil && len(subject.Not) == 0 {
				s = append(s, formatSubject(subject))
			} else if subject != nil {
				s = append(s, scalar(r.p.Name), scalar(name.S))
			} else {
				s = append(s, scalar(name.S))
			}
		}
		return s
	}
	m := formatRule(r.p, &nameless)
	m.add("any", names(r.r.Subject.Any))
	m.add("except", names(r.r.Subject.Except))
	m.add("policy", named(r.p.Mode, modes))
	return m.flow()
}

// shadowed looks for the blocks of a rule that deny rules have wholly.
func (c *checker) shadowed(allow ruleOf, denies *denyIndex) {
	for class := range Classes {
		pos, first, ok := allow.block(class)
		if !ok {
			continue
		}
		for _, deny := range denies.candidates(class, first) {
			if deny.covers(allow, class) {
				c.warn(pos, "shadowed", "what rule %s allows here, rule %s at %s denies, and a rule that denies comes first",
					allow.r.ID, deny.r.ID, deny.r.Pos)
				break
			}
		}
	}
}

// covers says whether a deny rule leaves nothing of an allow rule.
func (r ruleOf) covers(allow ruleOf, class Class) bool {
	d, a := r.r, allow.r
	if allow.enforced() && !r.enforced() || !selectorWithin(allow.p, a.Subject, r.p, d.Subject) {
		return false
	}
	switch class {
	case ClassFile:
		return d.File.covers(a.File) && d.reaches(a)
	case ClassExec:
		return d.Exec.covers(a.Exec) && d.reaches(a)
	case ClassConnect:
		return d.Connect.covers(a.Connect) && d.reaches(a)
	case ClassBind:
		return d.Bind.covers(a.Bind) && d.reaches(a)
	case ClassSocket:
		return d.Socket.covers(a.Socket)
	case ClassMount:
		return d.Mount.covers(a.Mount) && d.reaches(a)
	}
	return d.Setuid.covers(a.Setuid)
}

// block returns where the block of a class stands, and its first path if it has paths.
func (r ruleOf) block(class Class) (pos Position, first *Pattern, ok bool) {
	of := func(patterns []Pattern) *Pattern {
		if len(patterns) == 0 {
			return nil
		}
		return &patterns[0]
	}
	switch rule := r.r; {
	case class == ClassFile && rule.File != nil:
		return rule.File.Pos, of(rule.File.Paths), true
	case class == ClassExec && rule.Exec != nil:
		return rule.Exec.Pos, of(rule.Exec.Paths), true
	case class == ClassConnect && rule.Connect != nil:
		return rule.Connect.Pos, nil, true
	case class == ClassBind && rule.Bind != nil:
		return rule.Bind.Pos, nil, true
	case class == ClassSocket && rule.Socket != nil:
		return rule.Socket.Pos, nil, true
	case class == ClassMount && rule.Mount != nil:
		return rule.Mount.Pos, nil, true
	case class == ClassSetuid && rule.Setuid != nil:
		return rule.Setuid.Pos, nil, true
	}
	return pos, nil, false
}

// denyIndex finds the deny rules that can have a path. Ten thousand rules would
// otherwise be compared in pairs.
type denyIndex struct {
	all   [Classes][]ruleOf
	paths [Classes]map[Pattern][]ruleOf // without positions
}

func newDenyIndex() *denyIndex {
	x := &denyIndex{}
	for class := range Classes {
		x.paths[class] = make(map[Pattern][]ruleOf)
	}
	return x
}

func (x *denyIndex) add(r ruleOf) {
	for class := range Classes {
		if _, _, ok := r.block(class); !ok {
			continue
		}
		x.all[class] = append(x.all[class], r)
		var patterns []Pattern
		switch class {
		case ClassFile:
			patterns = r.r.File.Paths
		case ClassExec:
			patterns = r.r.Exec.Paths
		}
		for _, p := range patterns {
			p.Pos = Position{}
			x.paths[class][p] = append(x.paths[class][p], r)
		}
	}
}

// candidates returns the deny rules of a class, or those with a pattern that has the
// given one inside.
func (x *denyIndex) candidates(class Class, first *Pattern) []ruleOf {
	if first == nil {
		return x.all[class]
	}
	var found []ruleOf
	add := func(kind PatternKind, name string) {
		found = append(found, x.paths[class][Pattern{Kind: kind, Path: name}]...)
	}
	add(first.Kind, first.Path)
	base := first.Path
	switch first.Kind {
	case Exact, Children, Subtree:
		base = path.Base(first.Path)
		add(Children, path.Dir(first.Path))
		add(Name, base)
		for dir := first.Path; dir != "/"; dir = path.Dir(dir) {
			add(Subtree, dir)
		}
	}
	add(Subtree, "/")
	add(Suffix, path.Ext(base))
	return found
}
