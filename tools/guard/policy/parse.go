package policy

import (
	"fmt"
	"io"
	"os"

	"github.com/goccy/go-yaml/ast"
)

// The bounds of what all files together say.
const (
	maxRules    = 1 << 16
	maxSubjects = 1 << 12 // of one policy
)

// Parse reads the policies of a file, one in each YAML document. The name is for
// positions. The error, if any, is of type [Errors], and then there are no policies.
func Parse(name string, data []byte) ([]*Policy, error) {
	s := newSet()
	s.file(name, data)
	return s.result()
}

// ParseFiles reads files that are enforced together: the names of policies and the ids
// of rules are unique over all of them. A file that cannot be read is an error of the
// file system, mistakes in files are [Errors].
func ParseFiles(paths ...string) ([]*Policy, error) {
	s := newSet()
	for _, path := range paths {
		data, err := readFile(path)
		if err != nil {
			return nil, fmt.Errorf("read policy: %w", err)
		}
		s.file(path, data)
	}
	return s.result()
}

// readFile reads no more than it takes to see that a file is too large.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// set is what is known while files are read.
type set struct {
	collector
	policies []*Policy
	names    map[string]Position // of policies
	rules    map[string]Position // by id
}

func newSet() *set {
	return &set{names: make(map[string]Position), rules: make(map[string]Position)}
}

func (s *set) result() ([]*Policy, error) {
	if err := s.err(); err != nil {
		return nil, err
	}
	return s.policies, nil
}

func (s *set) file(name string, data []byte) {
	s.files = append(s.files, name)
	d := &decoder{set: s, name: name}
	before := len(s.errs)
	docs := d.documents(data)
	found := false
	for _, doc := range docs {
		if s.full() {
			return
		}
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			// The end of one document may be marked as well as the beginning of the next.
			if doc.Start != nil {
				d.add(d.at(doc.Start.Position.Line, doc.Start.Position.Column), "no policy behind this ---")
			}
			continue
		}
		found = true
		if p := d.policy(doc.Body); p != nil {
			s.policies = append(s.policies, p)
		}
	}
	if !found && len(s.errs) == before {
		d.add(d.at(1, 1), `no policy in this file; one begins with "version: 1" and "name: NAME"`)
	}
}

var (
	modes   = []word[Mode]{{"audit", Audit}, {"enforce", Enforce}}
	actions = []word[Action]{{"allow", Allow}, {"deny", Deny}}
)

// policy reads a document.
func (d *decoder) policy(n ast.Node) *Policy {
	if !isMapping(n) {
		d.pairs(n, "a policy")
		return nil
	}
	f := d.fields(n, "a policy", "version", "name", "mode", "on_unresolved", "subjects", "defaults", "rules")
	if d.full() {
		return nil
	}
	p := &Policy{OnUnresolved: Deny, Pos: d.pos(n)}
	d.version(f["version"], p.Pos)
	if name, ok := f["name"]; !ok {
		d.add(p.Pos, `the policy has no name; alerts tell it: "name: NAME"`)
	} else if t, ok := d.id(name, "the name of a policy"); ok {
		if first, ok := d.names[t.S]; ok {
			d.add(t.Pos, "the policy %s is defined already, in %s", quote(t.S), first)
		} else {
			d.names[t.S] = t.Pos
		}
		p.Name = t.S
	}
	if mode, ok := f["mode"]; ok {
		p.Mode, _ = choice(d, mode, "the mode", modes)
	}
	if action, ok := f["on_unresolved"]; ok {
		p.OnUnresolved, _ = choice(d, action, "on_unresolved", actions)
	}
	if subjects, ok := f["subjects"]; ok {
		d.subjects(subjects, p)
	}
	if defaults, ok := f["defaults"]; ok {
		d.defaults(defaults, p)
	}
	if rules, ok := f["rules"]; ok {
		for _, item := range d.items(rules, "rules") {
			if d.full() {
				return nil
			}
			if r := d.rule(item, p); r != nil {
				p.Rules = append(p.Rules, r)
			}
		}
	}
	if f["defaults"] == nil && f["rules"] == nil {
		d.add(p.Pos, "the policy has neither rules nor defaults")
	}
	d.references(p)
	return p
}

func (d *decoder) version(n ast.Node, policy Position) {
	if n == nil {
		d.add(policy, `the policy has no version; this one is "version: 1"`)
		return
	}
	if t, ok := d.text(n, "the version"); ok && t.S != "1" {
		d.add(t.Pos, "version %s is not known; this guard reads version 1", quote(t.S))
	}
}

// unique refuses a rule whose id another has, in whatever file: alerts tell the id.
func (d *decoder) unique(id Text) {
	if first, ok := d.rules[id.S]; ok {
		d.add(id.Pos, "the rule %s is there already, in %s", quote(id.S), first)
		return
	}
	if len(d.rules) == maxRules {
		d.add(id.Pos, "more than %d rules", maxRules)
		return
	}
	d.rules[id.S] = id.Pos
}
