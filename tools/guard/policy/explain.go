package policy

import "slices"

// Decision is a rule or a default that applies to an operation.
type Decision struct {
	Policy  *Policy // nil if nothing applies
	Rule    *Rule
	Default *Default // where Rule is nil
}

// Action is what the rule or the default says.
func (d Decision) Action() Action {
	switch {
	case d.Rule != nil:
		return d.Rule.Action
	case d.Default != nil:
		return d.Default.Action
	}
	return Allow
}

// Pos is where the rule or the default stands.
func (d Decision) Pos() Position {
	switch {
	case d.Rule != nil:
		return d.Rule.Pos
	case d.Default != nil:
		return d.Default.Pos
	}
	return Position{}
}

// Enforced says whether the decision holds, or is only told.
func (d Decision) Enforced() bool {
	return d.Policy != nil && d.Policy.Mode == Enforce && (d.Rule == nil || !d.Rule.Audit)
}

// Verdict is what becomes of an operation.
type Verdict struct {
	// Action is what happens.
	Action Action
	// Mode is Audit where the operation is allowed, and would not be if everything were
	// enforced.
	Mode Mode
	// Decision is what decided. In the mode Audit it is what would have refused. It is
	// empty where nothing applies.
	Decision Decision
	// Applies is all that applies, whether it decided or not, in the order of the files.
	// Defaults that allow are not among it: they are what holds without.
	Applies []Decision
}

// Explain tells the verdict for an operation: the truth that the kernel side of guard
// is tested against. What is in audit mode decides nothing. An operation with several
// kinds of access is allowed if each of them is.
//
// Names of users and groups belong to nobody before [ResolveIDs].
func Explain(policies []*Policy, op Operation) Verdict {
	verdict := Verdict{Mode: Enforce}
	for bit := Access(1); bit != 0; bit <<= 1 {
		single := op
		if op.Class == ClassFile || op.Class == ClassExec {
			if single.Access = op.Access & bit; single.Access == 0 {
				continue
			}
		}
		v := explain(policies, &single)
		all := verdict.Applies
		for _, d := range v.Applies {
			if !slices.Contains(all, d) {
				all = append(all, d)
			}
		}
		if worse(v, verdict) || verdict.Decision.Policy == nil && v.Action == verdict.Action && v.Mode == verdict.Mode {
			verdict = v
		}
		verdict.Applies = all
		if single.Access == op.Access {
			break
		}
	}
	verdict.Applies = inOrder(policies, verdict.Applies)
	return verdict
}

// inOrder sorts decisions by where they stand.
func inOrder(policies []*Policy, all []Decision) []Decision {
	rank := func(d Decision) int {
		if d.Rule != nil {
			return slices.Index(d.Policy.Rules, d.Rule)
		}
		return len(d.Policy.Rules) + slices.IndexFunc(d.Policy.Defaults, func(def Default) bool { return def == *d.Default })
	}
	slices.SortStableFunc(all, func(a, b Decision) int {
		if a.Policy != b.Policy {
			return slices.Index(policies, a.Policy) - slices.Index(policies, b.Policy)
		}
		return rank(a) - rank(b)
	})
	return all
}

// worse compares verdicts: refused, told, allowed.
func worse(a, b Verdict) bool {
	level := func(v Verdict) int {
		switch {
		case v.Action == Deny:
			return 2
		case v.Mode == Audit:
			return 1
		}
		return 0
	}
	return level(a) > level(b)
}

// explain is Explain for a single kind of access.
func explain(policies []*Policy, op *Operation) Verdict {
	v := Verdict{Mode: Enforce}
	for _, p := range policies {
		for _, r := range p.Rules {
			if r.about(op, p.OnUnresolved) && p.selects(r.Subject, &op.Task, op.Class) {
				v.Applies = append(v.Applies, Decision{Policy: p, Rule: r})
			}
		}
		if op.Class == ClassFile && op.OpenBefore {
			continue // who opened it was asked then; only rules look again
		}
		for i := range p.Defaults {
			def := &p.Defaults[i]
			if def.Action == Deny && def.Class == op.Class && (def.Class != ClassFile || def.Access&op.Access != 0) &&
				p.isFor(def.Subject.S, &op.Task, op.Class) {
				v.Applies = append(v.Applies, Decision{Policy: p, Default: def})
			}
		}
	}
	v.Decision = decide(v.Applies, Decision.Enforced)
	v.Action = v.Decision.Action()
	if v.Action == Deny {
		return v
	}
	if told := decide(v.Applies, func(Decision) bool { return true }); told.Action() == Deny {
		v.Mode, v.Decision = Audit, told
	}
	return v
}

// decide finds what decides among what applies: a rule that denies, else one that
// allows, else a default that denies.
func decide(applies []Decision, counts func(Decision) bool) Decision {
	for _, is := range []func(Decision) bool{
		func(d Decision) bool { return d.Rule != nil && d.Rule.Action == Deny },
		func(d Decision) bool { return d.Rule != nil && d.Rule.Action == Allow },
		func(d Decision) bool { return d.Rule == nil },
	} {
		for _, d := range applies {
			if is(d) && counts(d) {
				return d
			}
		}
	}
	return Decision{}
}
