package policy

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// builtin are the subjects that need no definition.
var builtin = []string{SubjectAll, SubjectInit, SubjectKernel, SubjectNone}

var subjectKeys = []string{"exe", "descendants", "cgroup", "container", "uid", "not", "view"}

// subjects reads the definitions of a policy.
func (d *decoder) subjects(n ast.Node, p *Policy) {
	pairs := d.pairs(n, "subjects")
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) == 0 {
		d.add(d.pos(n), "subjects is empty; leave the key out, or define at least one")
	}
	for _, pair := range pairs {
		if !d.checkID(pair.key, "the name of a subject") {
			continue
		}
		if slices.Contains(builtin, pair.key.S) {
			d.add(pair.key.Pos, "the subject %s is built in; choose another name", quote(pair.key.S))
			continue
		}
		d.subject(pair.value, pair.key, p)
	}
}

// subject reads a definition and adds it to the policy.
func (d *decoder) subject(n ast.Node, name Text, p *Policy) {
	f := d.fields(n, "a subject", subjectKeys...)
	s := &Subject{Name: name.S, Pos: name.Pos}
	if exe, ok := f["exe"]; ok {
		s.Exe = d.patterns(exe, "an exe", ParsePattern)
	}
	if descendants, ok := f["descendants"]; ok {
		s.Descendants = d.boolean(descendants, "descendants")
	}
	if cgroup, ok := f["cgroup"]; ok {
		s.Cgroup = d.texts(cgroup, "a cgroup", checkCgroup)
	}
	if container, ok := f["container"]; ok {
		s.Container = d.texts(container, "a container", checkContainer)
	}
	if uid, ok := f["uid"]; ok {
		s.UID = d.ids(uid, "a uid")
	}
	if not, ok := f["not"]; ok {
		s.Not = d.texts(not, "a subject", nil)
	}
	if view, ok := f["view"]; ok {
		s.View, _ = choice(d, view, "the view", views)
	}
	switch {
	case len(f) == 0:
		if _, ok := n.(*ast.MappingNode); ok {
			d.add(s.Pos, "the subject says nothing; give it exe, cgroup, container, uid or not, or use all")
		}
	case f["exe"] != nil:
	case f["descendants"] != nil:
		d.add(d.pos(f["descendants"]), "descendants of what? the subject has no exe")
	case f["view"] != nil:
		d.add(d.pos(f["view"]), "the view is about exe, and the subject has none")
	}
	if len(p.Subjects) == maxSubjects {
		d.add(s.Pos, "more than %d subjects in one policy", maxSubjects)
		return
	}
	p.Subjects = append(p.Subjects, s)
}

// texts reads a list of texts that are all checked alike.
func (d *decoder) texts(n ast.Node, what string, check func(string) error) []Text {
	var all []Text
	for _, item := range d.items(n, what) {
		t, ok := d.text(item, what)
		if !ok {
			continue
		}
		if check != nil {
			if err := check(t.S); err != nil {
				d.add(t.Pos, "%v", err)
				continue
			}
		}
		all = append(all, t)
	}
	return all
}

const cgroupMount = "/sys/fs/cgroup"

func checkCgroup(s string) error {
	if below, ok := strings.CutPrefix(s, cgroupMount); ok && (below == "" || below[0] == '/') {
		return fmt.Errorf("cgroups are counted from the root of their hierarchy; write %s", quote("/"+strings.TrimPrefix(below, "/")))
	}
	if err := cleanPath(s); err != nil {
		return fmt.Errorf("%w; a cgroup is a directory such as /system.slice/nginx.service", err)
	}
	return nil
}

// A container id is 64 hexadecimal digits, and nobody shows less than 12 of them. A
// few would name containers that come later.
const minContainer, maxContainer = 12, 64

func checkContainer(s string) error {
	digits := s
	if len(digits)%2 == 1 {
		digits += "0"
	}
	if _, err := hex.DecodeString(digits); err != nil || strings.ToLower(s) != s {
		return fmt.Errorf("%s is no container id; that is made of the digits 0-9 and a-f", quote(s))
	}
	if len(s) < minContainer || len(s) > maxContainer {
		return fmt.Errorf("%s has %d digits; a container id has %d, of which at least %d are given",
			quote(s), len(s), maxContainer, minContainer)
	}
	return nil
}

// selector reads who a rule is about: a name, a subject without one, a list of these,
// or {any, except} of them.
func (d *decoder) selector(n ast.Node, p *Policy) Selector {
	if m, ok := n.(*ast.MappingNode); ok && slices.ContainsFunc(m.Values, func(v *ast.MappingValueNode) bool {
		key := v.Key.GetToken()
		return key != nil && (key.Value == "any" || key.Value == "except")
	}) {
		f := d.fields(n, "a subject with exceptions", "any", "except")
		var s Selector
		if any, ok := f["any"]; ok {
			s.Any = d.members(any, p)
		} else {
			d.add(d.pos(n), `except whom? the subject has no "any"`)
		}
		if except, ok := f["except"]; ok {
			s.Except = d.members(except, p)
		}
		return s
	}
	return Selector{Any: d.members(n, p)}
}

func (d *decoder) members(n ast.Node, p *Policy) []Text {
	var all []Text
	for _, item := range d.items(n, "subjects") {
		switch item.(type) {
		case *ast.MappingNode, *ast.MappingValueNode:
			pos := d.pos(item)
			name := Text{S: fmt.Sprintf("%d:%d", pos.Line, pos.Column), Pos: pos}
			d.subject(item, name, p)
			all = append(all, name)
		default:
			if t, ok := d.text(item, "a subject"); ok {
				all = append(all, t)
			}
		}
	}
	return all
}

// Anonymous says whether the subject stands where it is used, and has for its name
// the place.
func (s *Subject) Anonymous() bool { return strings.Contains(s.Name, ":") }

// Subject returns the definition of a name, or nil for the built-in ones.
func (p *Policy) Subject(name string) *Subject {
	for _, s := range p.Subjects {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// references looks for names of subjects that nobody defined, and for subjects that
// leave out each other in a circle.
func (d *decoder) references(p *Policy) {
	defined := make(map[string]*Subject, len(p.Subjects))
	for _, s := range p.Subjects {
		defined[s.Name] = s
	}
	check := func(texts []Text) {
		for _, t := range texts {
			if defined[t.S] == nil && !slices.Contains(builtin, t.S) || strings.Contains(t.S, ":") && defined[t.S].Pos != t.Pos {
				d.add(t.Pos, "the subject %s is not defined in this policy; there are %s", quote(t.S), known(p))
			}
		}
	}
	for _, s := range p.Subjects {
		check(s.Not)
	}
	last := "" // the defaults of a subject stand together
	for _, def := range p.Defaults {
		if def.Subject.S != last {
			check([]Text{def.Subject})
		}
		last = def.Subject.S
	}
	for _, r := range p.Rules {
		check(r.Subject.Any)
		check(r.Subject.Except)
	}
	d.circles(p, defined)
}

// known lists some names of subjects, for errors.
func known(p *Policy) string {
	names := slices.Clone(builtin)
	for _, s := range p.Subjects {
		if !s.Anonymous() && len(names) < 12 {
			names = append(names, s.Name)
		}
	}
	return list(names)
}

// circles finds subjects whose not leads back to themselves.
func (d *decoder) circles(p *Policy, defined map[string]*Subject) {
	const (
		unknown = iota
		walking
		done
	)
	state := make(map[string]int)
	var walk func(s *Subject) bool
	walk = func(s *Subject) bool {
		state[s.Name] = walking
		for _, t := range s.Not {
			next := defined[t.S]
			if next == nil {
				continue
			}
			if t.S == s.Name {
				d.add(t.Pos, "the subject %s leaves out itself; nobody is one", quote(t.S))
				return false
			}
			if state[t.S] == walking {
				d.add(t.Pos, "the subjects %s and %s leave out each other in a circle; nobody can say who is one",
					quote(s.Name), quote(t.S))
				return false
			}
			if state[t.S] == unknown && !walk(next) {
				return false
			}
		}
		state[s.Name] = done
		return true
	}
	for _, s := range p.Subjects {
		if state[s.Name] == unknown && !walk(s) {
			return
		}
	}
}
