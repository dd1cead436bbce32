package main

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// block is what is said of Internet addresses.
type block struct {
	to    []policy.Network
	ports []policy.PortRange
	proto policy.Proto
}

// endpoints makes rules for addresses and Unix sockets.
func (c *curriculum) endpoints(class policy.Class) {
	ports := make(map[policy.Proto]map[netip.Addr][]uint16)
	var sockets, abstract []string
	anyAbstract := false
	for _, s := range c.of(class) {
		switch {
		case s.unix && s.path == "":
			anyAbstract = true
		case s.unix && s.path[0] == '@':
			abstract = append(abstract, s.path)
		case s.unix:
			sockets = append(sockets, s.path)
		default:
			if ports[s.proto] == nil {
				ports[s.proto] = make(map[netip.Addr][]uint16)
			}
			addr := s.addr.Addr()
			if class == policy.ClassConnect {
				addr = arrives(addr)
			}
			ports[s.proto][addr] = append(ports[s.proto][addr], s.addr.Port())
		}
	}
	for _, b := range c.blocks(ports) {
		r := c.rule(class.String() + "-" + strings.ReplaceAll(b.proto.String(), ",", "-"))
		if class == policy.ClassConnect {
			r.Connect = &policy.Connect{To: b.to, Ports: b.ports, Proto: b.proto}
		} else {
			r.Bind = &policy.Bind{To: b.to, Ports: b.ports, Proto: b.proto}
		}
	}
	names := sorted(c.collapse(sockets))
	if anyAbstract || len(abstract) >= c.thresholds.files {
		names = append(names, policy.Pattern{Kind: policy.Subtree, Path: "@"})
	} else {
		for _, name := range abstract { // in order, and each once
			names = append(names, policy.Pattern{Kind: policy.Exact, Path: name})
		}
	}
	if len(names) == 0 {
		return
	}
	r := c.rule(class.String() + "-unix")
	if class == policy.ClassConnect {
		r.Connect = &policy.Connect{Unix: names}
	} else {
		r.Bind = &policy.Bind{Unix: names}
	}
}

// arrives is where a connect to an address goes.
func arrives(a netip.Addr) netip.Addr {
	switch a {
	case netip.IPv4Unspecified():
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case netip.IPv6Unspecified():
		return netip.IPv6Loopback()
	}
	return a
}

// blocks takes addresses together that have the same ports, and protocols that have
// the same of both.
func (c *curriculum) blocks(protocols map[policy.Proto]map[netip.Addr][]uint16) (all []block) {
	for _, proto := range slices.Sorted(maps.Keys(protocols)) {
		peers := make(map[uint16]int)
		for _, ports := range protocols[proto] {
			for _, port := range ports {
				peers[port]++
			}
		}
		var anywhere []uint16
		for port, n := range peers {
			if n >= c.addresses {
				anywhere = append(anywhere, port)
			}
		}
		all = merge(all, block{ports: ranges(anywhere), proto: proto}, len(anywhere) > 0)
		same := make(map[string][]netip.Addr) // by the ports, as text
		rest := make(map[string][]policy.PortRange)
		for addr, ports := range protocols[proto] {
			left := slices.DeleteFunc(ports, func(port uint16) bool { return slices.Contains(anywhere, port) })
			if len(left) == 0 {
				continue
			}
			r := ranges(left)
			if len(left) >= c.ports {
				r = nil
			}
			key := fmt.Sprint(r)
			same[key], rest[key] = append(same[key], addr), r
		}
		for _, key := range slices.Sorted(maps.Keys(same)) {
			b := block{ports: rest[key], proto: proto}
			slices.SortFunc(same[key], netip.Addr.Compare)
			for _, a := range same[key] {
				b.to = append(b.to, policy.Network{Prefix: netip.PrefixFrom(a, a.BitLen())})
			}
			all = merge(all, b, true)
		}
	}
	return all
}

// merge adds a block, or its protocol to one that is the same otherwise.
func merge(all []block, b block, there bool) []block {
	if !there {
		return all
	}
	for i := range all {
		if slices.Equal(all[i].to, b.to) && slices.Equal(all[i].ports, b.ports) {
			all[i].proto |= b.proto
			return all
		}
	}
	return append(all, b)
}

// ranges makes ranges of ports that follow each other.
func ranges(ports []uint16) (all []policy.PortRange) {
	slices.Sort(ports)
	for _, port := range slices.Compact(ports) {
		if n := len(all); n > 0 && all[n-1].Last+1 == port && port != 0 {
			all[n-1].Last = port
			continue
		}
		all = append(all, policy.PortRange{First: port, Last: port})
	}
	return all
}
