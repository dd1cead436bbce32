package engine

import (
	"fmt"
	"strings"

	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// tables are what the programs read: policies, compiled.
type tables struct {
	generation generation
	special    special
	paths      map[pathKey]pathIDs
	inodes     map[inodeKey]inodeIDs
	entries    []uint32
	effects    []effect
	sets       []set
	addresses  map[addressKey]uint32
	networks   map[networkKey]uint32
	ports      []portClasses
	flows      map[flowKey]uint32
	users      map[userKey]uint32
	cgroups    map[uint64]uint32
	words      map[wordKey]uint32

	// What alerts are told with.
	parts    [][]*part    // by entry
	defaults []defaultSet // of all policies
	names    map[int]string
}

// part is one block of a rule, for one set of subjects.
type part struct {
	policy   *policy.Policy
	rule     *policy.Rule
	subjects set
	enforced bool
}

func (p *part) denies() bool { return p.rule.Action == policy.Deny }

type defaultSet struct {
	policy  *policy.Policy
	def     *policy.Default
	kinds   []int
	subject set
}

// compiler turns policies into tables.
type compiler struct {
	*tables
	key      [2]uint64 // of hashes
	host     resolver
	bits     *bits
	policies []*policy.Policy
	// selfPolicy is the one of them that is about us, nil for none.
	selfPolicy *policy.Policy
	// ports that a bind to port 0 gets one of
	ephemeral policy.PortRange

	objects      map[object]*found
	named        map[object]set // subjects by executable, rules about mounts by target
	subjectBits  map[subjectName]int
	defined      map[int]bool // bits
	userRanges   [2][]userRange
	cgroupSets   map[uint64]set
	wordSets     map[wordKey]set
	specialCount int
	entryIDs     map[string]uint32
	effectAt     map[fileEffects]uint32
	setIDs       map[set]uint32
	problems     policy.Errors
}

// compile makes tables of policies, all of whose names are resolved. self is the one of them
// that is about us, nil for none.
func compile(policies []*policy.Policy, revision uint32, key [2]uint64, host resolver, bits *bits, ephemeral policy.PortRange, self *policy.Policy) (*tables, error) {
	c := &compiler{
		tables: &tables{
			paths: make(map[pathKey]pathIDs), inodes: make(map[inodeKey]inodeIDs),
			entries: []uint32{0}, parts: [][]*part{nil}, effects: make([]effect, 1), sets: make([]set, 1),
			addresses: make(map[addressKey]uint32), networks: make(map[networkKey]uint32),
			flows: make(map[flowKey]uint32), users: make(map[userKey]uint32),
			cgroups: make(map[uint64]uint32), words: make(map[wordKey]uint32), names: make(map[int]string),
		},
		key: key, host: host, bits: bits, policies: policies, ephemeral: ephemeral, selfPolicy: self,
		objects: make(map[object]*found), entryIDs: make(map[string]uint32),
		effectAt: make(map[fileEffects]uint32), setIDs: make(map[set]uint32),
		cgroupSets: make(map[uint64]set), wordSets: make(map[wordKey]set),
	}
	c.generation.Revision = revision
	c.generation.PortLow, c.generation.PortHigh = uint32(ephemeral.First), uint32(ephemeral.Last)
	c.prepareSubjects()
	var net flows
	for _, p := range policies {
		for _, r := range p.Rules {
			pt := &part{policy: p, rule: r, subjects: c.selected(p, r.Subject), enforced: p.Mode == policy.Enforce && !r.Audit}
			if pt.subjects.empty() {
				continue
			}
			c.file(pt)
			c.exec(pt)
			c.connect(pt, &net)
			c.bind(pt, &net)
			c.socket(pt)
			c.mount(pt)
			c.setuid(pt)
			c.self(pt)
		}
		c.policyDefaults(p)
	}
	c.putObjects()
	c.putFlows(&net)
	c.putUsers()
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return c.tables, nil
}

func (c *compiler) problem(pos policy.Position, format string, args ...any) {
	c.problems = append(c.problems, &policy.Error{Pos: pos, Msg: fmt.Sprintf(format, args...)})
}

// setID returns the index of a set in the table of sets.
func (c *compiler) setID(s set) uint32 {
	if id, ok := c.setIDs[s]; ok {
		return id
	}
	id := uint32(len(c.sets))
	c.sets = append(c.sets, s)
	c.setIDs[s] = id
	return id
}

// affect adds what a part says to an effect.
func (e *effect) affect(p *part) {
	switch {
	case p.denies() && p.enforced:
		e.Deny.union(p.subjects)
		if p.rule.Kill {
			e.Kill.union(p.subjects)
		}
	case p.denies():
		e.Audit.union(p.subjects)
	case p.enforced:
		e.Allow.union(p.subjects)
	default:
		e.AllowAudit.union(p.subjects)
	}
}

// concern notes that a kind of decision is about the subjects of a part, and what
// becomes of it where a path cannot be found out.
func (c *compiler) concern(p *part, kinds ...int) {
	for _, k := range kinds {
		c.generation.Concerned[k].union(p.subjects)
		switch {
		case p.denies() != (p.policy.OnUnresolved == policy.Deny):
		case p.denies() && p.enforced:
			c.generation.UnresolvedDeny[k].union(p.subjects)
		case p.denies():
			c.generation.UnresolvedAudit[k].union(p.subjects)
		default:
			c.generation.UnresolvedAllow[k].union(p.subjects)
		}
	}
}

// addEffects appends effects and returns where they begin.
func (c *compiler) addEffects(effects ...effect) uint32 {
	at := uint32(len(c.effects))
	c.effects = append(c.effects, effects...)
	return at
}

// addEntry makes an entry for parts whose effects are at an index.
func (c *compiler) addEntry(at uint32, parts []*part) uint32 {
	id := uint32(len(c.entries))
	c.entries = append(c.entries, at)
	c.parts = append(c.parts, parts)
	return id
}

// simpleEntry is the entry of parts that have one effect, the same for the same parts.
func (c *compiler) simpleEntry(parts []*part) uint32 {
	var key strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&key, "%p ", p)
	}
	if id, ok := c.entryIDs[key.String()]; ok {
		return id
	}
	var e effect
	for _, p := range parts {
		e.affect(p)
	}
	id := c.addEntry(c.addEffects(e), parts)
	c.entryIDs[key.String()] = id
	return id
}

// kindsOf are the kinds of decisions of a default.
func kindsOf(d *policy.Default) []int {
	switch d.Class {
	case policy.ClassFile:
		return fileKindsOf(d.Access)
	case policy.ClassExec:
		return []int{kindExec, kindLoad}
	case policy.ClassConnect:
		return []int{kindConnect}
	case policy.ClassBind:
		return []int{kindBind}
	case policy.ClassSocket:
		return []int{kindSocket}
	case policy.ClassMount:
		return []int{kindMount}
	case policy.ClassSetuid:
		return []int{kindSetuid}
	}
	return nil
}

func (c *compiler) policyDefaults(p *policy.Policy) {
	for i := range p.Defaults {
		d := &p.Defaults[i]
		subject := c.selected(p, policy.Selector{Any: []policy.Text{d.Subject}})
		if d.Action != policy.Deny || subject.empty() {
			continue
		}
		ds := defaultSet{policy: p, def: d, kinds: kindsOf(d), subject: subject}
		c.defaults = append(c.defaults, ds)
		if d.Class == policy.ClassFile || d.Class == policy.ClassExec {
			c.generation.Flags |= hasFileDefaults
		}
		if d.Class == policy.ClassConnect {
			c.generation.Flags |= hasPeerDefaults
		}
		for _, k := range ds.kinds {
			c.generation.Concerned[k].union(subject)
			if p.Mode == policy.Enforce {
				c.generation.Deny[k].union(subject)
			} else {
				c.generation.Audit[k].union(subject)
			}
		}
	}
}
