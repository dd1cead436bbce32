package policy

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity says whether a policy with a finding can be used.
type Severity uint8

const (
	Warning Severity = iota // it may mean something else than it seems to
	Fatal                   // it must not be enforced
)

func (s Severity) String() string { return [...]string{"warning", "error"}[s] }

// Finding is a mistake that is none of syntax.
type Finding struct {
	Severity Severity
	Pos      Position
	Code     string // what kind it is, in a word that does not change
	Msg      string // without control characters
}

// String returns the finding as a line.
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s: %s [%s]", f.Pos, f.Severity, f.Msg, f.Code)
}

// Options are how policies are checked.
type Options struct {
	System System // nil: files, users, cgroups and containers are not looked for
	Guard  string // the path of the program that enforces, which nothing may lock out
	Strict bool   // what is not there is an error
}

// Check looks for mistakes in policies that are enforced together, in the order of
// their places:
//
//	lock-out       nobody could start a program, log in, or change the policy
//	setuid-root    nobody could become root
//	shadowed       a rule has no effect because of another
//	identical      a rule says what another says
//	nobody         a rule or default is about nobody
//	audit-allow    a rule that allows, and only tells
//	no-such-file, no-such-user, no-such-group, no-such-cgroup, no-such-container
//	symlink        a path that is never seen, because it leads elsewhere
//	ipv4-only      the same peers have addresses of IPv6
//	wildcard       an address of this host can be used by another address
//	raw-sockets    addresses are not all there is to a network
//	unix-too       a default is about Unix sockets as well
//	no-libraries   nothing that is allowed to be executed could load its libraries
func Check(policies []*Policy, options Options) []Finding {
	c := &checker{policies: policies, Options: options}
	c.lockouts()
	c.shadows()
	for _, p := range policies {
		c.subjects(p)
		c.defaults(p)
		for _, r := range p.Rules {
			c.rule(p, r)
		}
	}
	slices.SortStableFunc(c.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(c.rank(a.Pos), c.rank(b.Pos)),
			cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	return c.findings
}

type checker struct {
	Options
	policies []*Policy
	findings []Finding
}

// rank is the place of a file among the policies.
func (c *checker) rank(pos Position) int {
	return slices.IndexFunc(c.policies, func(p *Policy) bool { return p.Pos.File == pos.File })
}

func (c *checker) warn(pos Position, code, format string, args ...any) {
	c.find(Warning, pos, code, format, args...)
}

func (c *checker) find(severity Severity, pos Position, code, format string, args ...any) {
	c.findings = append(c.findings, Finding{severity, pos, code, visible(fmt.Sprintf(format, args...))})
}

func (c *checker) rule(p *Policy, r *Rule) {
	if r.Audit && r.Action == Allow {
		c.warn(r.Pos, "audit-allow", "rule %s only tells, and so allows nothing", r.ID)
	}
	if nobody(p, r.Subject) {
		c.warn(r.Pos, "nobody", "rule %s is about nobody", r.ID)
	}
	c.ids(r)
	c.rulePaths(r)
	c.network(p, r)
}

// nobody says whether a selector is empty, on purpose or not.
func nobody(p *Policy, s Selector) bool {
	return !anyOf(s.Any, func(any Text) bool {
		return any.S != SubjectNone && !anyOf(s.Except, func(except Text) bool { return subjectWithin(p, any.S, p, except.S) })
	})
}

func (c *checker) defaults(p *Policy) {
	for i, def := range p.Defaults {
		if def.Subject.S == SubjectNone {
			c.warn(def.Pos, "nobody", "none is nobody, and has no defaults")
		}
		if def.Action != Deny {
			continue
		}
		allows := func(what func(r *Rule) bool) bool {
			return slices.ContainsFunc(c.policies, func(p *Policy) bool {
				return slices.ContainsFunc(p.Rules, func(r *Rule) bool { return r.Action == Allow && what(r) })
			})
		}
		switch def.Class {
		case ClassExec:
			if !allows(func(r *Rule) bool { return r.Exec != nil && r.Exec.Loader }) {
				c.warn(def.Pos, "no-libraries", "mapping code is denied like executing it, and no rule with \"loader: true\" "+
					"allows %s its libraries", def.Subject.S)
			}
		case ClassConnect:
			if !allows(func(r *Rule) bool { return r.Connect != nil && (len(r.Connect.Unix) > 0 || r.Connect.AllUnix()) }) {
				c.warn(def.Pos, "unix-too", "Unix sockets are denied like addresses, those of logs and names included; "+
					"a rule with \"connect: {unix: [/run/systemd/journal/**]}\" would allow %s some", def.Subject.S)
			}
			c.rawSockets(p, Selector{Any: []Text{p.Defaults[i].Subject}}, def.Pos)
		case ClassBind:
			c.rawSockets(p, Selector{Any: []Text{p.Defaults[i].Subject}}, def.Pos)
		}
	}
}
