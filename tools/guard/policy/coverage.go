package policy

import (
	"slices"
	"strings"
)

// Need is an operation that a rule or a default refuses, and the hooks that see it.
type Need struct {
	Decision
	What  string // the operation, in words
	Ways  []Way  // best first; none sees it if there are none
	Blind string // why not
}

// Needs returns what policies take to be enforced, in their order. What is allowed
// takes nothing.
func Needs(policies []*Policy) []Need {
	var all []Need
	for _, p := range policies {
		for i := range p.Defaults {
			if def := &p.Defaults[i]; def.Action == Deny {
				all = append(all, needsOf(Decision{Policy: p, Default: def}, defaultRule(def))...)
			}
		}
		for _, r := range p.Rules {
			if r.Action == Deny {
				all = append(all, needsOf(Decision{Policy: p, Rule: r}, r)...)
			}
		}
	}
	return all
}

// defaultRule returns a rule that is about all that a default is about.
func defaultRule(def *Default) *Rule {
	r := &Rule{Action: Deny}
	switch def.Class {
	case ClassFile:
		r.File = &File{Access: def.Access}
	case ClassExec:
		r.Exec = &Exec{Loader: true}
	case ClassConnect:
		r.Connect = &Connect{Proto: ProtoAll}
	case ClassBind:
		r.Bind = &Bind{Proto: ProtoAll}
	case ClassSocket:
		r.Socket = &Socket{}
	case ClassMount:
		r.Mount = &Mount{Ops: MountAll}
	case ClassSetuid:
		// By default nobody gains anything by whatever way.
		r.Setuid = &Setuid{Via: ViaSetuid | ViaSetgid | ViaSetgroups | ViaExec | ViaUserns | ViaCapset}
	}
	return r
}

func needsOf(d Decision, r *Rule) (all []Need) {
	add := func(needs ...need) {
		for _, n := range needs {
			if !slices.ContainsFunc(all, func(o Need) bool { return o.What == n.what }) {
				all = append(all, Need{Decision: d, What: n.what, Ways: n.ways})
			}
		}
	}
	if f := r.File; f != nil {
		for _, access := range []struct {
			bit   Access
			needs []need
		}{{Read, needRead}, {Write, needWrite}, {Create, needCreate}, {Delete, needDelete}, {Attr, needAttr}} {
			if f.Access&access.bit != 0 {
				add(access.needs...)
			}
		}
		if f.OpenBefore {
			add(needOpen...)
		}
	}
	if e := r.Exec; e != nil {
		add(needExec...)
		if e.Loader {
			add(needLoad...)
		}
	}
	if c := r.Connect; c != nil {
		if c.Proto != 0 {
			add(needConnect...)
			if c.Proto&OtherProto != 0 {
				add(needSCTP...)
			}
		}
		if c.AllUnix() || len(c.Unix) > 0 {
			add(needUnix...)
		}
	}
	if b := r.Bind; b != nil {
		if b.Proto != 0 {
			add(needBind...)
		}
		if b.Proto&UDP != 0 {
			add(needAutobind...)
		}
		if b.Proto&OtherProto != 0 {
			add(needSCTP...)
		}
		if b.AllUnix() || len(b.Unix) > 0 {
			add(needBindUnix...)
		}
	}
	if r.Socket != nil {
		add(needSocket...)
	}
	if m := r.Mount; m != nil {
		for _, op := range mountOps {
			if m.Ops&op.value == 0 {
				continue
			}
			add(mountNeeds[op.value]...)
			if why, ok := blind[op.value]; ok {
				all = append(all, Need{Decision: d, What: "mount operation " + op.name, Blind: why})
			}
		}
	}
	if s := r.Setuid; s != nil {
		for _, via := range vias {
			if s.Via&via.value != 0 {
				add(viaNeeds[via.value]...)
			}
		}
	}
	return all
}

// name is the id of the rule, or what the default is for.
func (d Decision) name() string {
	if d.Rule != nil {
		return "rule " + d.Rule.ID
	}
	return "the default of " + d.Default.Subject.S
}

// way returns the best way of a need that a kernel has.
func (n Need) way(k Kernel) (Way, bool) {
	for _, way := range n.Ways {
		if !slices.ContainsFunc(way.Hooks, func(hook string) bool { return !k.HasHook(hook) }) {
			return way, true
		}
	}
	return Way{}, false
}

// Hooks returns the hooks that a kernel needs programs on, sorted, each once.
func (k Kernel) Hooks(needs []Need) []string {
	var hooks []string
	for _, n := range needs {
		if way, ok := n.way(k); ok {
			hooks = append(hooks, way.Hooks...)
		}
	}
	slices.Sort(hooks)
	return slices.Compact(hooks)
}

// Minimum returns the first kernel that has a way for everything that is enforced.
func Minimum(needs []Need) Version {
	least := firstLSM
	for _, n := range needs {
		if !n.Enforced() {
			continue
		}
		var best Version
		for i, way := range n.Ways {
			var v Version
			for _, hook := range way.Hooks {
				if s := since(hook); s.Compare(v) > 0 {
					v = s
				}
			}
			if i == 0 || v.Compare(best) < 0 {
				best = v
			}
		}
		if best.Compare(least) > 0 {
			least = best
		}
	}
	return least
}

// Covers says what a kernel cannot do of what policies need:
//
//	no-hook    it has no hook that sees the operation; fatal where that is enforced
//	weaker     it sees the operation, and less of it than newer kernels
//	uncovered  no kernel sees the operation
func Covers(needs []Need, k Kernel) []Finding {
	c := &checker{}
	for _, n := range needs {
		if n.Blind != "" {
			c.warn(n.Pos(), "uncovered", "%s, and no hook of any kernel sees it; only tasks with CAP_SYS_ADMIN can, "+
				"which a new user namespace gives to everybody", n.Blind)
			continue
		}
		way, ok := n.way(k)
		switch {
		case !ok:
			severity := Warning
			if n.Enforced() {
				severity = Fatal
			}
			c.find(severity, n.Pos(), "no-hook", "%s is about %s, and kernel %s has no hook %s", n.name(), n.What, k.Name, n.missing(k))
		case way.Loses != "":
			c.warn(n.Pos(), "weaker", "%s is about %s, and of kernel %s only the hook %s sees that: %s",
				n.name(), n.What, k.Name, list(way.Hooks), way.Loses)
		}
	}
	return c.findings
}

// missing lists the hooks that the best way lacks, with the kernels that have them.
func (n Need) missing(k Kernel) string {
	var missing []string
	for _, hook := range n.Ways[0].Hooks {
		if !k.HasHook(hook) {
			missing = append(missing, hook+" ("+since(hook).String()+")")
		}
	}
	return strings.Join(missing, ", ")
}
