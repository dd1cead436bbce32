package main

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// policyOf writes the policies with rules for what was seen.
func (cfg *learnConfig) policyOf(s *school) ([]byte, error) {
	var b bytes.Buffer
	taken := make(map[string]bool)
	for _, p := range s.policies {
		for _, r := range p.Rules {
			taken[r.ID] = true
		}
	}
	for i, p := range s.policies {
		if i > 0 {
			b.WriteString("---\n")
		}
		n := 0
		left := cfg.leaveOut(p, s)
		for _, subject := range slices.Sorted(maps.Keys(s.lessons[p])) {
			l := s.lessons[p][subject]
			rules := cfg.limits.rules(l, taken)
			p.Rules = append(p.Rules, rules...)
			n += len(l.seen)
			if missing := notAllowed(rules, l); missing != "" {
				return nil, fmt.Errorf("learn: the rules do not allow %s", escaped(missing))
			}
		}
		fmt.Fprintf(&b, "# Learned by guard from %d different operations%s.\n", n, from(p))
		for _, why := range left {
			fmt.Fprintf(&b, "# %s\n", escaped(why))
		}
		b.Write(policy.Format(p))
	}
	if _, err := policy.Parse("what was learned", b.Bytes()); err != nil {
		return nil, fmt.Errorf("learn: %w", err)
	}
	return b.Bytes(), nil
}

// leaveOut takes the defaults out of a policy that the running kernel cannot enforce, with
// what was learned of them, and returns why: a policy with them would be refused as a
// whole. Policies that somebody else wrote stay as they are.
func (cfg *learnConfig) leaveOut(p *policy.Policy, s *school) (why []string) {
	if cfg.kernel.HasHook == nil {
		return nil
	}
	p.Defaults = slices.DeleteFunc(p.Defaults, func(d policy.Default) bool {
		alone := &policy.Policy{Name: p.Name, Mode: policy.Enforce, Subjects: p.Subjects, Defaults: []policy.Default{d}}
		for _, f := range policy.Covers(policy.Needs([]*policy.Policy{alone}), cfg.kernel) {
			if f.Severity != policy.Fatal {
				continue
			}
			why = append(why, fmt.Sprintf("Left out is %s: deny, which this kernel cannot enforce: %s", d.Class, f.Msg))
			for _, l := range s.lessons[p] {
				maps.DeleteFunc(l.seen, func(op seen, _ bool) bool { return classOf(op.kind) == d.Class })
			}
			return true
		}
		return false
	})
	return why
}

// from is where a policy was read.
func from(p *policy.Policy) string {
	if p.Pos.File == "learn" {
		return ""
	}
	return ", and " + escaped(filepath.Base(p.Pos.File))
}

// notAllowed returns something that was seen and that rules do not allow, or "".
func notAllowed(rules []*policy.Rule, l *lessons) string {
	p := &policy.Policy{Name: "test", Mode: policy.Enforce, OnUnresolved: policy.Deny}
	all := policy.Text{S: policy.SubjectAll}
	for _, r := range rules {
		everybody := *r
		everybody.Subject = policy.Selector{Any: []policy.Text{all}}
		p.Rules = append(p.Rules, &everybody)
	}
	for class := range policy.Classes {
		p.Defaults = append(p.Defaults, policy.Default{Subject: all, Class: class, Access: policy.AccessAll, Action: policy.Deny})
	}
	for s := range l.seen {
		op := s.op(policy.Task{UID: 1})
		if v := policy.Explain([]*policy.Policy{p}, op); v.Action == policy.Deny {
			o := newOperation(op)
			return o.object()
		}
	}
	return ""
}
