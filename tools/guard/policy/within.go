package policy

import (
	"net/netip"
	"path"
	"slices"
	"strings"
)

// What is here says whether one thing is wholly inside of another. It may say no where
// the truth is yes.

// selectorWithin says whether every task of one selector is one of another.
func selectorWithin(p *Policy, s Selector, other *Policy, outer Selector) bool {
	return !anyOf(outer.Except, func(o Text) bool {
		return o.S != SubjectNone &&
			!anyOf(s.Except, func(t Text) bool { return subjectWithin(other, o.S, p, t.S) })
	}) && !anyOf(s.Any, func(t Text) bool {
		return !anyOf(outer.Any, func(o Text) bool { return subjectWithin(p, t.S, other, o.S) })
	})
}

// subjectWithin compares subjects by their names, or by their definitions where one is
// of another policy or anonymous. Subjects that have process 1 among others count as
// within all.
func subjectWithin(p *Policy, name string, other *Policy, outer string) bool {
	switch {
	case name == SubjectNone:
		return true
	case name == outer && (p == other || slices.Contains(builtin, name)):
		return true
	case outer == SubjectAll:
		return name != SubjectInit && name != SubjectKernel
	}
	a, b := p.Subject(name), other.Subject(outer)
	if a == nil || b == nil || len(a.Not)+len(b.Not) > 0 {
		return false
	}
	return formatSubject(a).flow() == formatSubject(b).flow()
}

// within says whether every path of one pattern is one of another.
func (p Pattern) within(outer Pattern) bool {
	if outer.Kind == p.Kind && outer.Path == p.Path {
		return true
	}
	if abstract := strings.HasPrefix(p.Path, "@"); abstract != strings.HasPrefix(outer.Path, "@") {
		return false
	}
	switch p.Kind {
	case Exact:
		return outer.Matches(p.Path)
	case Children, Subtree:
		return outer.Kind == Subtree && outer.Matches(p.Path)
	case Name:
		return outer.Kind == Subtree && outer.Path == "/" || outer.Kind == Suffix && path.Ext(p.Path) == outer.Path
	}
	return outer.Kind == Subtree && outer.Path == "/"
}

func patternsWithin(all, outer []Pattern) bool {
	return !anyOf(all, func(p Pattern) bool { return !anyOf(outer, p.within) })
}

// reaches says whether the paths of a deny rule count wherever those of an allow rule
// do.
func (r *Rule) reaches(allow *Rule) bool {
	return (r.View != ViewHost || allow.View != ViewTask) && (r.Identity == ByBoth || r.Identity == allow.Identity)
}

func (f *File) covers(a *File) bool {
	return a.Access&^f.Access == 0 && (f.Owner == AnyOwner || f.Owner == a.Owner) && patternsWithin(a.Paths, f.Paths)
}

func (e *Exec) covers(a *Exec) bool {
	everything := anyOf(e.Paths, func(p Pattern) bool { return p.Kind == Subtree && p.Path == "/" })
	return (e.Loader || !a.Loader) && (everything ||
		(e.Fileless || !a.Fileless) && (e.NoArgs || !a.NoArgs) && patternsWithin(a.Paths, e.Paths))
}

func (c *Connect) covers(a *Connect) bool {
	return addressesWithin(a.To, a.Ports, a.Proto, c.To, c.Ports, c.Proto) &&
		(c.AllUnix() || !a.AllUnix() && patternsWithin(a.Unix, c.Unix))
}

func (b *Bind) covers(a *Bind) bool {
	return addressesWithin(a.To, a.Ports, a.Proto, b.To, b.Ports, b.Proto) &&
		(b.AllUnix() || !a.AllUnix() && patternsWithin(a.Unix, b.Unix))
}

func addressesWithin(to []Network, ports []PortRange, proto Proto, outerTo []Network, outerPorts []PortRange, outerProto Proto) bool {
	if proto == 0 {
		return true
	}
	return proto&^outerProto == 0 && networksWithin(to, outerTo) && portsWithin(ports, outerPorts)
}

// everyNetwork is what no networks mean.
var everyNetwork = []Network{{Prefix: netip.MustParsePrefix("0.0.0.0/0")}, {Prefix: netip.MustParsePrefix("::/0")}}

func networksWithin(all, outer []Network) bool {
	if len(outer) == 0 {
		return true
	}
	if len(all) == 0 {
		all = everyNetwork
	}
	return !anyOf(all, func(n Network) bool {
		return !anyOf(outer, func(o Network) bool { return o.Prefix.Bits() <= n.Prefix.Bits() && o.Prefix.Contains(n.Prefix.Addr()) })
	})
}

func portsWithin(all, outer []PortRange) bool {
	if len(outer) == 0 {
		return true
	}
	if len(all) == 0 {
		all = []PortRange{{First: 0, Last: 65535}}
	}
	return !anyOf(all, func(r PortRange) bool { return !covers(outer, r) })
}

func (s *Socket) covers(a *Socket) bool {
	return (len(s.Families) == 0 || len(a.Families) > 0 && !anyOf(a.Families, func(f Family) bool {
		return !anyOf(s.Families, func(o Family) bool { return o.Number == f.Number })
	})) && textsWithin(a.Types, s.Types)
}

func (m *Mount) covers(a *Mount) bool {
	return a.Ops&^m.Ops == 0 && textsWithin(a.FSType, m.FSType) &&
		(len(m.Targets) == 0 || len(a.Targets) > 0 && patternsWithin(a.Targets, m.Targets))
}

func (s *Setuid) covers(a *Setuid) bool {
	return a.Via&^s.Via == 0 && (len(s.To) == 0 || len(a.To) > 0 && !anyOf(a.To, func(r IDRange) bool {
		return !anyOf(s.To, func(o IDRange) bool {
			return r.Name == o.Name && (r.Name != "" || o.First <= r.First && r.Last <= o.Last)
		})
	}))
}

// textsWithin compares lists of which none means any.
func textsWithin(all, outer []Text) bool {
	return len(outer) == 0 || len(all) > 0 && !anyOf(all, func(t Text) bool {
		return !anyOf(outer, func(o Text) bool { return o.S == t.S })
	})
}
