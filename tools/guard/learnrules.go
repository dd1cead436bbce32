package main

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// curriculum makes rules of what was seen of one subject.
type curriculum struct {
	thresholds
	subject string
	view    policy.View
	seen    []seen // in an order that does not change
	rules   []*policy.Rule
	taken   map[string]bool // ids of rules
}

// rules returns rules that allow all that was seen: first what has the paths of the
// host, then what was seen in other mount namespaces.
func (th thresholds) rules(l *lessons, taken map[string]bool) (rules []*policy.Rule) {
	all := slices.SortedFunc(maps.Keys(l.seen), func(a, b seen) int {
		return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b))
	})
	for _, view := range []policy.View{policy.ViewStrict, policy.ViewTask} {
		c := &curriculum{thresholds: th, subject: l.subject, view: view, taken: taken}
		for _, s := range all {
			if s.otherNS == (view == policy.ViewTask) {
				c.seen = append(c.seen, s)
			}
		}
		rules = append(rules, c.all()...)
	}
	return rules
}

func (c *curriculum) all() []*policy.Rule {
	c.files()
	c.programs()
	c.endpoints(policy.ClassConnect)
	c.endpoints(policy.ClassBind)
	c.sockets()
	c.mounts()
	c.identities()
	return c.rules
}

// rule adds a rule, whose id says who may do what.
func (c *curriculum) rule(what string) *policy.Rule {
	id := ruleID(c.subject, what)
	for n := 2; c.taken[id]; n++ {
		id = ruleID(c.subject, fmt.Sprintf("%s-%d", what, n))
	}
	c.taken[id] = true
	r := &policy.Rule{ID: id, Subject: policy.Selector{Any: []policy.Text{{S: c.subject}}}, Action: policy.Allow, View: c.view}
	c.rules = append(c.rules, r)
	return r
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// maxName is the longest part of a name that is made of another.
const maxName = 32

// nameFrom makes a name as policies have it of any text.
func nameFrom(text string) string {
	name := strings.TrimLeft(notInNames.ReplaceAllString(text, "-"), ".-")
	if name = name[:min(len(name), maxName)]; name == "" {
		return "program"
	}
	return name
}

func ruleID(subject, what string) string { return nameFrom(subject) + "-" + what }

// of returns what was seen of a class.
func (c *curriculum) of(class policy.Class) (all []seen) {
	for _, s := range c.seen {
		if classOf(s.kind) == class {
			all = append(all, s)
		}
	}
	return all
}

// files makes a rule for every set of accesses.
func (c *curriculum) files() {
	paths := make(map[policy.Access][]string)
	for _, s := range c.of(policy.ClassFile) {
		paths[access(s.kind)] = append(paths[access(s.kind)], s.path)
	}
	how := make(map[policy.Pattern]policy.Access)
	for bit, all := range paths {
		for _, p := range c.collapse(all) {
			how[p] |= bit
		}
	}
	groups := make(map[policy.Access][]policy.Pattern)
	for p, accesses := range how {
		groups[accesses] = append(groups[accesses], p)
	}
	for _, accesses := range slices.Sorted(maps.Keys(groups)) {
		r := c.rule(strings.ReplaceAll(accesses.String(), ",", "-"))
		r.File = &policy.File{Paths: sorted(groups[accesses]), Access: accesses}
	}
}

func sorted(patterns []policy.Pattern) []policy.Pattern {
	slices.SortFunc(patterns, func(a, b policy.Pattern) int { return strings.Compare(a.String(), b.String()) })
	return patterns
}

// programs makes a rule for what is executed and one for what is mapped as code, which
// allows to execute it as well.
func (c *curriculum) programs() {
	var executed, mapped []string
	var fileless, filelessMapped bool
	for _, s := range c.of(policy.ClassExec) {
		switch {
		case s.fileless && s.kind == "load":
			filelessMapped = true
		case s.fileless:
			fileless = true
		case s.kind == "load":
			mapped = append(mapped, s.path)
		default:
			executed = append(executed, s.path)
		}
	}
	libraries := sorted(c.collapse(mapped))
	executed = slices.DeleteFunc(executed, func(name string) bool { return matches(libraries, name) })
	if fileless = fileless && !filelessMapped; len(executed) > 0 || fileless {
		c.rule("exec").Exec = &policy.Exec{Paths: sorted(c.collapse(executed)), Fileless: fileless}
	}
	if len(libraries) > 0 || filelessMapped {
		c.rule("load").Exec = &policy.Exec{Paths: libraries, Fileless: filelessMapped, Loader: true}
	}
}

func matches(patterns []policy.Pattern, name string) bool {
	return slices.ContainsFunc(patterns, func(p policy.Pattern) bool { return p.Matches(name) })
}

// sockets makes a rule for every set of types.
func (c *curriculum) sockets() {
	types := make(map[uint16][]string)
	for _, s := range c.of(policy.ClassSocket) {
		types[s.family] = append(types[s.family], s.sockType)
	}
	groups := make(map[string][]policy.Family)
	for _, family := range slices.Sorted(maps.Keys(types)) {
		all := slices.Compact(slices.Sorted(slices.Values(types[family])))
		if slices.ContainsFunc(all, func(t string) bool { _, err := policy.ParseSocketType(t); return err != nil }) {
			all = nil // one that policies have no word for
		}
		key := strings.Join(all, ",")
		groups[key] = append(groups[key], policy.FamilyOf(family))
	}
	for _, key := range slices.Sorted(maps.Keys(groups)) {
		s := &policy.Socket{Families: groups[key]}
		for _, t := range strings.FieldsFunc(key, func(r rune) bool { return r == ',' }) {
			s.Types = append(s.Types, policy.Text{S: t})
		}
		c.rule("socket").Socket = s
	}
}

// fsType is how policies name a file system; of others, any is allowed.
var fsType = regexp.MustCompile(`^[A-Za-z0-9_+-]+$`)

// mounts makes a rule for every operation and file system.
func (c *curriculum) mounts() {
	type group struct{ operation, fstype string }
	targets := make(map[group][]string)
	for _, s := range c.of(policy.ClassMount) {
		g := group{s.operation, s.fstype}
		targets[g] = append(targets[g], s.path)
	}
	for _, g := range slices.SortedFunc(maps.Keys(targets), func(a, b group) int {
		return cmp.Or(cmp.Compare(a.operation, b.operation), cmp.Compare(a.fstype, b.fstype))
	}) {
		op, err := policy.ParseMountOp(g.operation)
		if err != nil {
			continue
		}
		m := &policy.Mount{Ops: op}
		if fsType.MatchString(g.fstype) {
			m.FSType = []policy.Text{{S: g.fstype}}
		}
		if !slices.Contains(targets[g], "") { // one that the hook does not tell
			m.Targets = sorted(c.collapse(targets[g]))
		}
		c.rule("mount-" + g.operation).Mount = m
	}
}

// identities makes a rule for every way.
func (c *curriculum) identities() {
	ids := make(map[policy.Via][]policy.IDRange)
	any := make(map[policy.Via]bool)
	for _, s := range c.of(policy.ClassSetuid) {
		v := via(s.operation)
		if v == 0 {
			continue
		}
		if !s.hasID {
			any[v] = true
		}
		ids[v] = append(ids[v], policy.IDRange{First: s.id, Last: s.id})
	}
	for _, v := range slices.Sorted(maps.Keys(ids)) {
		s := &policy.Setuid{Via: v}
		if !any[v] {
			slices.SortFunc(ids[v], func(a, b policy.IDRange) int { return cmp.Compare(a.First, b.First) })
			s.To = slices.Compact(ids[v])
		}
		c.rule("setuid-" + v.String()).Setuid = s
	}
}

// escaped is text for a comment.
func escaped(s string) string { return string(output.AppendEscaped(nil, []byte(s))) }
