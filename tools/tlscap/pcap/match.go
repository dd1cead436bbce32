package pcap

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"

	"github.com/cilium/ebpf/asm"
)

// value makes the matcher of a value with its qualifiers.
func (p *parser) value(q qualifiers, value string) (matcher, error) {
	var m matcher
	var err error
	switch q.kind {
	case "port", "portrange":
		m, err = ports(q, value)
	case "net":
		mask := ""
		if p.accept("mask") {
			mask = p.peek()
			p.take()
		}
		p.taken = true
		m, err = network(q, value, mask)
	default:
		if q.proto == "ether" {
			m, err = ethernet(q, value)
			break
		}
		var addr netip.Addr
		if addr, err = netip.ParseAddr(value); err != nil || addr.Zone() != "" {
			return matcher{}, fmt.Errorf("%q is no address; names are not looked up", value)
		}
		m = addresses(q, netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()))
	}
	if err != nil || q.proto == "" {
		return m, err
	}
	if q.kind != "port" && q.kind != "portrange" {
		switch q.proto {
		case "ip", "ip6", "arp", "ether":
		default:
			return matcher{}, fmt.Errorf("%q has no %s", q.proto, q.kind)
		}
	}
	return and(protocols[q.proto], m), nil
}

// either applies a test to source, destination or both, as the direction says.
func either(dir string, src, dst matcher) matcher {
	switch dir {
	case "src":
		return src
	case "dst":
		return dst
	case "src and dst":
		return and(src, dst)
	}
	return or(src, dst)
}

func addresses(q qualifiers, prefix netip.Prefix) matcher {
	return either(q.dir,
		matcher{func(k *Packet) bool { return prefix.Contains(k.Src) }, within(atSrc, prefix)},
		matcher{func(k *Packet) bool { return prefix.Contains(k.Dst) }, within(atDst, prefix)})
}

// network understands 10.0.0.0/8, 2001:db8::/32, 10.0.0.0 with a mask, and, as tcpdump does, 10.1 for 10.1.0.0/16.
func network(q qualifiers, value, mask string) (matcher, error) {
	prefix, err := netip.ParsePrefix(value)
	if err != nil {
		addr, length, _ := strings.Cut(value, "/")
		dots := strings.Count(addr, ".")
		if dots < 3 && !strings.Contains(addr, ":") {
			addr += strings.Repeat(".0", 3-dots)
		}
		ip, err := netip.ParseAddr(addr)
		if err != nil {
			return matcher{}, fmt.Errorf("%q is no network; names are not looked up", value)
		}
		n := ip.BitLen()
		switch {
		case length != "":
			if n, err = strconv.Atoi(length); err != nil {
				return matcher{}, fmt.Errorf("%q is no network", value)
			}
		case mask != "":
			m, err := netip.ParseAddr(mask)
			if err != nil || !m.Is4() {
				return matcher{}, fmt.Errorf("%q is no mask", mask)
			}
			b := m.As4()
			word := binary.BigEndian.Uint32(b[:])
			if n = bits.LeadingZeros32(^word); word<<n != 0 {
				return matcher{}, fmt.Errorf("%q is no mask", mask)
			}
		case dots < 3 && ip.Is4():
			n = 8 * (dots + 1)
		}
		if prefix = netip.PrefixFrom(ip, n); !prefix.IsValid() {
			return matcher{}, fmt.Errorf("%q is no network", value)
		}
	}
	if prefix.Masked() != prefix {
		return matcher{}, fmt.Errorf("%q has bits behind its mask: %s is meant?", value, prefix.Masked())
	}
	return addresses(q, prefix), nil
}

func ports(q qualifiers, value string) (matcher, error) {
	switch q.proto {
	case "", "tcp", "udp", "sctp", "ip", "ip6":
	default:
		return matcher{}, fmt.Errorf("%q has no ports", q.proto)
	}
	from, to, isRange := strings.Cut(value, "-")
	if q.kind == "port" || !isRange {
		from, to = value, value
	}
	low, err := port(q, from)
	if err != nil {
		return matcher{}, err
	}
	high, err := port(q, to)
	if err != nil {
		return matcher{}, err
	}
	if low > high {
		low, high = high, low
	}
	has := matcher{func(k *Packet) bool { return k.HasPorts }, equals(atHasPorts, 1)}
	return and(has, either(q.dir,
		matcher{func(k *Packet) bool { return k.SrcPort >= low && k.SrcPort <= high }, number(atSrcPort, asm.Half, uint32(low), uint32(high))},
		matcher{func(k *Packet) bool { return k.DstPort >= low && k.DstPort <= high }, number(atDstPort, asm.Half, uint32(low), uint32(high))})), nil
}

// port understands numbers and the names in /etc/services.
func port(q qualifiers, value string) (uint16, error) {
	if n, err := strconv.ParseUint(value, 10, 16); err == nil {
		return uint16(n), nil
	}
	network := "tcp"
	if q.proto == "udp" {
		network = "udp"
	}
	if value == "" || value[0] == '-' || value[0] >= '0' && value[0] <= '9' {
		return 0, fmt.Errorf("%q is no port", value)
	}
	n, ok := service(network, value)
	if !ok {
		return 0, fmt.Errorf("%q is no port", value)
	}
	return n, nil
}

func ethernet(q qualifiers, value string) (matcher, error) {
	mac, err := hex.DecodeString(strings.ReplaceAll(value, ":", ""))
	if err != nil || len(mac) != 6 || len(value) != len("00:00:00:00:00:00") {
		return matcher{}, fmt.Errorf("%q is no Ethernet address", value)
	}
	return either(q.dir,
		matcher{func(k *Packet) bool { return k.HasMAC && bytes.Equal(k.SrcMAC[:], mac) }, perhaps},
		matcher{func(k *Packet) bool { return k.HasMAC && bytes.Equal(k.DstMAC[:], mac) }, perhaps}), nil
}

// protocolNumber is "ip proto 6", "proto udp", "ether proto 0x88cc".
func (p *parser) protocolNumber(before, word string) (matcher, error) {
	value := strings.TrimPrefix(p.peek(), `\`)
	p.take()
	if word == "protochain" {
		return matcher{}, fmt.Errorf("%q is not known here", word)
	}
	named := map[string]uint64{"tcp": protoTCP, "udp": protoUDP, "sctp": protoSCTP, "icmp": protoICMP, "icmp6": protoICMPv6, "esp": protoESP, "ah": protoAH}
	if before == "ether" {
		named = map[string]uint64{"ip": typeIPv4, "ip6": typeIPv6, "arp": typeARP}
	}
	n, ok := named[value]
	if !ok {
		var err error
		if n, err = strconv.ParseUint(value, 0, 16); err != nil || before != "ether" && n > 255 {
			return matcher{}, fmt.Errorf("%q is no protocol", value)
		}
	}
	switch before {
	case "ether":
		return matcher{func(k *Packet) bool { return k.HasMAC && uint64(k.Type) == n }, perhaps}, nil
	case "":
		return carries(uint8(n)), nil
	case "ip", "ip6":
		return and(protocols[before], carries(uint8(n))), nil
	}
	return matcher{}, fmt.Errorf("\"proto\" not expected behind %q", before)
}

// vlan is "vlan", with any tag, or "vlan 7".
func (p *parser) vlan() (matcher, error) {
	id, err := strconv.ParseUint(p.peek(), 0, 12)
	if err != nil {
		switch p.peek() {
		case "", "and", "or", "&&", "||", ")":
			return matcher{func(k *Packet) bool { return k.Tags > 0 }, perhaps}, nil
		}
		return matcher{}, fmt.Errorf("%q is no VLAN", p.peek())
	}
	p.pos++
	tagged := func(k *Packet) bool {
		for i := range min(k.Tags, len(k.VLANs)) {
			if uint64(k.VLANs[i]) == id {
				return true
			}
		}
		return false
	}
	return matcher{tagged, perhaps}, nil
}

// length is "less 100" or "greater 100", both of which include the number.
func (p *parser) length(word string) (matcher, error) {
	if word == "len" {
		return matcher{}, fmt.Errorf("\"len\" is not known here; say \"less 100\" or \"greater 100\"")
	}
	n, err := strconv.ParseUint(p.peek(), 0, 31)
	if err != nil {
		return matcher{}, fmt.Errorf("%q is no length", p.peek())
	}
	p.pos++
	if word == "less" {
		return matcher{func(k *Packet) bool { return k.Length <= int(n) }, number(atLength, asm.Word, 0, uint32(n))}, nil
	}
	return matcher{func(k *Packet) bool { return k.Length >= int(n) }, number(atLength, asm.Word, uint32(n), 1<<31-1)}, nil
}
