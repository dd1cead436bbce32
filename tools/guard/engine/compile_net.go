package engine

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// flow is what a rule about connecting or binding names.
type flow struct {
	*part
	to    []policy.Network
	ports []policy.PortRange
	proto policy.Proto
	pos   policy.Position
}

// flows are the rules about connecting and about binding.
type flows [2][]flow

func (c *compiler) connect(p *part, all *flows) {
	if b := p.rule.Connect; b != nil {
		c.concern(p, kindConnect)
		if b.Proto != 0 {
			all[spaceConnect] = append(all[spaceConnect], flow{p, b.To, b.Ports, b.Proto, b.Pos})
		}
		c.unix(p, spaceUnixConnect, b.Unix, b.AllUnix())
	}
}

func (c *compiler) bind(p *part, all *flows) {
	if b := p.rule.Bind; b != nil {
		c.concern(p, kindBind)
		if b.Proto != 0 {
			all[spaceBind] = append(all[spaceBind], flow{p, b.To, b.Ports, b.Proto, b.Pos})
		}
		c.unix(p, spaceUnixBind, b.Unix, b.AllUnix())
	}
}

// unix adds rules about sockets with a name in the file system, or without: those
// begin with "@". The empty suffix stands for all sockets.
func (c *compiler) unix(p *part, space uint32, patterns []policy.Pattern, all bool) {
	add := func(part uint32, name string) {
		o := object{path: pathKey{Space: space, Part: part, Hash: hashName(c.key, name)}}
		c.at(o).parts = append(c.at(o).parts, p)
	}
	if all {
		add(partSuffix, "")
	}
	for _, pattern := range patterns {
		switch {
		case pattern.Path == "@" && pattern.Kind == policy.Subtree:
			add(partSuffix, anyAbstract)
			continue
		case pattern.Path != "" && pattern.Path[0] == '@':
			add(partAbstract, pattern.Path[1:])
			continue
		}
		for _, o := range c.ruled(space, pattern, p.rule) {
			c.at(o).parts = append(c.at(o).parts, p)
		}
	}
}

// anyAbstract is the suffix that stands for all names without a file. Others begin
// with a dot.
const anyAbstract = "@"

// ruleSet is a sorted list of indices of flows: the rules that name an address, or a
// port. Addresses with the same rules are one class.
type ruleSet []int

func (r ruleSet) key() string { return fmt.Sprint([]int(r)) }

// classes numbers rule sets from 1 on.
type classes struct {
	ids map[string]uint32
	of  []ruleSet // by class
}

func newClasses() *classes { return &classes{ids: map[string]uint32{}, of: []ruleSet{nil}} }

// id is 0 for no rules.
func (c *classes) id(r ruleSet) uint32 {
	if len(r) == 0 {
		return 0
	}
	k := r.key()
	id, ok := c.ids[k]
	if !ok {
		id = uint32(len(c.of))
		c.ids[k] = id
		c.of = append(c.of, r)
	}
	return id
}

// putFlows writes the tables of connections.
func (c *compiler) putFlows(all *flows) {
	for space, list := range all {
		addresses := c.putAddresses(uint32(space), list)
		for proto, flag := range []policy.Proto{policy.TCP, policy.UDP, policy.OtherProto} {
			ports := c.putPorts(space, proto, flag, list)
			c.putPairs(uint32(space), uint32(proto), flag, list, addresses, ports)
			if space == spaceBind {
				denied := denials(list)
				ports := c.putPorts(spaceRange, proto, flag, denied)
				c.putPairs(spaceRange, uint32(proto), flag, denied, addresses, ports)
			}
		}
	}
}

// denials are the rules that deny ports, in their places: the others are about no
// protocol there.
func denials(list []flow) []flow {
	denied := slices.Clone(list)
	for i, f := range list {
		if !f.denies() || len(f.ports) == 0 {
			denied[i].proto = 0
		}
	}
	return denied
}

var mappedPrefix = netip.MustParsePrefix("::ffff:0:0/96")

// wide is a network as one of 128 bits: IPv4 as ::ffff:a.b.c.d.
func wide(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4() {
		return netip.PrefixFrom(netip.AddrFrom16(p.Addr().As16()), 96+p.Bits())
	}
	return p
}

// putAddresses makes classes of the networks that are named: the rules of a network
// are its own and those of the networks that it is in. IPv4 is in no network of IPv6.
func (c *compiler) putAddresses(space uint32, list []flow) *classes {
	own := make(map[netip.Prefix]ruleSet)
	add := func(p netip.Prefix, rule int) {
		if r := own[p]; len(r) == 0 || r[len(r)-1] != rule {
			own[p] = append(r, rule)
		}
	}
	for i, f := range list {
		for _, n := range f.to {
			add(wide(n.Prefix), i)
		}
	}
	if len(own) > 0 {
		if _, ok := own[mappedPrefix]; !ok {
			own[mappedPrefix] = nil // ends the networks of IPv6 around it
		}
	}
	ids := newClasses()
	for p := range own {
		class := ids.id(rulesOf(own, p))
		if p.Bits() == 128 {
			c.generation.Flags |= hasAddresses
			c.addresses[addressKey{Space: space, Address: p.Addr().As16()}] = class
			continue
		}
		c.generation.Flags |= hasNetworks
		k := networkKey{Prefix: 32 + uint32(p.Bits()), Address: p.Addr().As16()}
		binary.BigEndian.PutUint32(k.Space[:], space)
		c.networks[k] = class
	}
	return ids
}

// rulesOf are the rules of a network and of those around it.
func rulesOf(own map[netip.Prefix]ruleSet, p netip.Prefix) (all ruleSet) {
	v4 := p.Bits() >= mappedPrefix.Bits() && mappedPrefix.Contains(p.Addr())
	for n := p.Bits(); n >= 0; n-- {
		if v4 && n < mappedPrefix.Bits() {
			break
		}
		around, err := p.Addr().Prefix(n)
		if err != nil {
			break
		}
		all = append(all, own[around]...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// putPorts makes classes of the ports that are named for a protocol.
func (c *compiler) putPorts(space, proto int, flag policy.Proto, list []flow) *classes {
	ids := newClasses()
	starts, ends := make(map[int][]int), make(map[int][]int)
	for i, f := range list {
		if f.proto&flag == 0 {
			continue
		}
		for _, r := range f.ports {
			starts[int(r.First)] = append(starts[int(r.First)], i)
			ends[int(r.Last)+1] = append(ends[int(r.Last)+1], i)
		}
	}
	if len(starts) == 0 {
		return ids
	}
	c.generation.Flags |= hasPorts
	if c.ports == nil {
		c.ports = make([]portClasses, 1<<16)
	}
	open := make(map[int]int) // rule -> ranges of it that are open
	class := uint32(0)
	for port := range 1 << 16 {
		if len(starts[port]) > 0 || len(ends[port]) > 0 {
			for _, i := range starts[port] {
				open[i]++
			}
			for _, i := range ends[port] {
				if open[i]--; open[i] == 0 {
					delete(open, i)
				}
			}
			class = ids.id(sortedRules(open))
		}
		c.ports[port].Of[space][proto] = uint16(class)
	}
	if space == spaceRange {
		c.putNext(proto)
	}
	if space == spaceBind {
		c.ports[0].Of[space][proto] = uint16(ids.id(c.ephemeralRules(flag, list)))
	}
	if len(ids.of) > 1<<16 {
		c.problem(c.policies[0].Pos, "more than %d different sets of rules about ports", 1<<16-1)
	}
	return ids
}

// putNext links each port to the next one about which other rules deny.
func (c *compiler) putNext(proto int) {
	next := uint16(0)
	for port := 1<<16 - 2; port >= 0; port-- {
		if c.ports[port].Of[spaceRange][proto] != c.ports[port+1].Of[spaceRange][proto] {
			next = uint16(port + 1)
		}
		c.ports[port].Next[proto] = next
	}
}

func sortedRules(open map[int]int) ruleSet {
	r := make(ruleSet, 0, len(open))
	for i := range open {
		r = append(r, i)
	}
	slices.Sort(r)
	return r
}

// ephemeralRules are the rules about a bind to port 0: of those that deny, all with
// a port that it can become; of those that allow, those with all of these ports.
func (c *compiler) ephemeralRules(flag policy.Proto, list []flow) (r ruleSet) {
	for i, f := range list {
		if f.proto&flag != 0 && len(f.ports) > 0 && policy.BindsEphemeral(f.ports, f.rule.Action, c.ephemeral) {
			r = append(r, i)
		}
	}
	return r
}

const maxFlows = 1 << 20

// putPairs writes for each class of addresses and of ports, or either, or neither, the
// rules that name just that.
func (c *compiler) putPairs(space, proto uint32, flag policy.Proto, list []flow, addresses, ports *classes) {
	type pair struct{ address, port uint32 }
	rules := make(map[pair]ruleSet)
	byAddress, byPort := addresses.byRule(len(list)), ports.byRule(len(list))
	for i, f := range list {
		if f.proto&flag == 0 {
			continue
		}
		as, ps := []uint32{0}, []uint32{0}
		if len(f.to) > 0 {
			as = byAddress[i]
		}
		if len(f.ports) > 0 {
			ps = byPort[i]
		}
		if len(rules)+len(as)*len(ps) > maxFlows {
			c.problem(f.pos, "too many combinations of networks and ports: more than %d", maxFlows)
			return
		}
		for _, a := range as {
			for _, p := range ps {
				at := pair{a, p}
				rules[at] = append(rules[at], i)
			}
		}
	}
	for at, r := range rules {
		parts := make([]*part, len(r))
		for i, rule := range r {
			parts[i] = list[rule].part
		}
		c.flows[flowKey{space, proto, at.address, at.port}] = c.simpleEntry(parts)
	}
}

// byRule lists for each rule the classes that it is in.
func (c *classes) byRule(rules int) [][]uint32 {
	all := make([][]uint32, rules)
	for id, r := range c.of {
		for _, i := range r {
			all[i] = append(all[i], uint32(id))
		}
	}
	return all
}
