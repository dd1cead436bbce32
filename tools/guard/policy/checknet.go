package policy

import (
	"net/netip"
	"slices"
)

// network looks for the holes of rules about addresses.
func (c *checker) network(p *Policy, r *Rule) {
	if r.Action != Deny {
		return
	}
	if r.Connect != nil {
		c.families(r.Connect.To)
		for _, n := range r.Connect.To {
			if n.Prefix.IsSingleIP() && n.Prefix.Addr().IsUnspecified() {
				c.warn(n.Pos, "wildcard", "a connect to %s arrives at this host and counts as one to loopback; write 127.0.0.1 and ::1",
					n.Prefix.Addr())
			}
		}
		if r.Connect.Proto != 0 {
			c.rawSockets(p, r.Subject, r.Connect.Pos)
		}
	}
	if r.Bind != nil {
		c.families(r.Bind.To)
		c.wildcards(r.Bind)
		if r.Bind.Proto != 0 {
			c.rawSockets(p, r.Subject, r.Bind.Pos)
		}
	}
}

// families looks for networks of IPv4 alone: most names have addresses of both.
func (c *checker) families(networks []Network) {
	is4 := func(n Network) bool { return n.Prefix.Addr().Is4() }
	if len(networks) == 0 || !slices.ContainsFunc(networks, is4) {
		return
	}
	if slices.ContainsFunc(networks, func(n Network) bool { return !is4(n) }) {
		return
	}
	c.warn(networks[0].Pos, "ipv4-only", "only networks of IPv4 are denied; the same hosts can have addresses of IPv6")
}

// wildcards looks for a bind to an address that a bind to all addresses goes round.
func (c *checker) wildcards(b *Bind) {
	if len(b.To) == 0 {
		return
	}
	for _, all := range []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()} {
		if inNetworks(b.To, all) {
			continue
		}
		// A socket of IPv6 that is bound to all addresses has those of IPv4 too.
		if all.Is6() || slices.ContainsFunc(b.To, func(n Network) bool { return n.Prefix.Addr().Is4() }) {
			c.warn(b.To[0].Pos, "wildcard", "a bind to %s is not denied, and has these addresses too; add it", all)
			return
		}
	}
}

const (
	familyInet   = 2
	familyInet6  = 10
	familyPacket = 17
)

// rawSockets looks for a rule that keeps the same tasks from sockets to which connect
// and bind mean nothing.
func (c *checker) rawSockets(p *Policy, s Selector, pos Position) {
	for _, op := range []Operation{
		{Class: ClassSocket, Family: familyInet, SocketType: "raw"},
		{Class: ClassSocket, Family: familyInet6, SocketType: "raw"},
		{Class: ClassSocket, Family: familyPacket, SocketType: "raw"},
		{Class: ClassSocket, Family: familyPacket, SocketType: "dgram"},
	} {
		if !c.socketDenied(p, s, &op) {
			c.warn(pos, "raw-sockets", "raw and packet sockets of tasks with CAP_NET_RAW go round this; "+
				"two rules with \"socket: {families: packet}\" and \"socket: {families: [inet, inet6], types: raw}\" would deny them")
			return
		}
	}
}

func (c *checker) socketDenied(p *Policy, s Selector, op *Operation) bool {
	for _, other := range c.policies {
		for _, r := range other.Rules {
			if r.Action == Deny && r.about(op, Deny) && selectorWithin(p, s, other, r.Subject) {
				return true
			}
		}
		for _, def := range other.Defaults {
			if def.Class == ClassSocket && def.Action == Deny && selectorWithin(p, s, other, Selector{Any: []Text{def.Subject}}) {
				return true
			}
		}
	}
	return false
}
