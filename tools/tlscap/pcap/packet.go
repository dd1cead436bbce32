package pcap

import (
	"encoding/binary"
	"net/netip"
)

// Packet is what filters and the search for a process need to know of a packet.
type Packet struct {
	Length    int       // on the wire
	Type      uint16    // EtherType behind all VLAN tags; that of IPv4 and IPv6 also without Ethernet
	VLANs     [2]uint16 // ids, the outermost first
	Tags      int       // how many VLAN tags there are; ids beyond two are not kept
	SrcMAC    [6]byte
	DstMAC    [6]byte
	HasMAC    bool
	Src, Dst  netip.Addr // of IP and of ARP; not valid otherwise
	Protocol  uint8      // of IP, behind all extension headers
	Fragment  bool       // of an IP packet, and not its first one: it has no ports
	HasPorts  bool
	SrcPort   uint16
	DstPort   uint16
	Truncated bool // headers were cut
}

// EtherTypes.
const (
	typeIPv4  = 0x0800
	typeARP   = 0x0806
	typeVLAN  = 0x8100
	typeQinQ  = 0x88a8
	typeIPv6  = 0x86dd
	typeQinQ9 = 0x9100
)

// IP protocols.
const (
	protoHopByHop = 0
	protoICMP     = 1
	protoTCP      = 6
	protoUDP      = 17
	protoRouting  = 43
	protoFragment = 44
	protoESP      = 50
	protoAH       = 51
	protoICMPv6   = 58
	protoNone     = 59
	protoDest     = 60
	protoSCTP     = 132
	protoMobility = 135
	protoHIP      = 139
	protoShim6    = 140
)

// Link is how packets of an interface begin (LINKTYPE_* of tcpdump.org).
type Link uint16

// Packets begin as Ethernet, or with IP at once.
const (
	LinkEthernet Link = 1
	LinkRaw      Link = 101
)

// Link types (linux/if_arp.h), as /sys/class/net/IFACE/type has them.
const (
	arphrdEther    = 1
	arphrdPPP      = 512
	arphrdRawIP    = 519
	arphrdTunnel   = 768
	arphrdTunnel6  = 769
	arphrdLoopback = 772
	arphrdSIT      = 776
	arphrdIPGRE    = 778
	arphrdIP6GRE   = 823
	arphrdNone     = 0xfffe // tun, WireGuard
)

// LinkType returns how packets begin on an interface of a type (ARPHRD_*), and whether that is known: as Ethernet, or
// with IP at once.
func LinkType(arphrd uint16) (Link, bool) {
	switch arphrd {
	case arphrdEther, arphrdLoopback:
		return LinkEthernet, true
	case arphrdNone, arphrdRawIP, arphrdTunnel, arphrdTunnel6, arphrdSIT, arphrdIPGRE, arphrdIP6GRE, arphrdPPP:
		return LinkRaw, true
	}
	return 0, false
}

const (
	maxTags       = 8
	maxExtensions = 16
)

// Parse reads the headers of a packet of which data was captured, and which was length bytes long.
func Parse(link Link, data []byte, length int) Packet {
	p := Packet{Length: max(length, len(data))}
	switch link {
	case LinkEthernet:
		p.ethernet(data)
	case LinkRaw:
		switch {
		case len(data) == 0:
			p.Truncated = true
		case data[0]>>4 == 4:
			p.Type = typeIPv4
			p.ipv4(data)
		case data[0]>>4 == 6:
			p.Type = typeIPv6
			p.ipv6(data)
		}
	}
	return p
}

// need reports whether so many bytes are there, and notes if not.
func (p *Packet) need(b []byte, n int) bool {
	if len(b) < n {
		p.Truncated = true
	}
	return len(b) >= n
}

func (p *Packet) ethernet(b []byte) {
	if !p.need(b, 14) {
		return
	}
	copy(p.DstMAC[:], b)
	copy(p.SrcMAC[:], b[6:])
	p.HasMAC = true
	p.Type, b = binary.BigEndian.Uint16(b[12:]), b[14:]
	for p.Tags < maxTags && (p.Type == typeVLAN || p.Type == typeQinQ || p.Type == typeQinQ9) {
		if !p.need(b, 4) {
			return
		}
		if p.Tags < len(p.VLANs) {
			p.VLANs[p.Tags] = binary.BigEndian.Uint16(b) & 0xfff
		}
		p.Tags++
		p.Type, b = binary.BigEndian.Uint16(b[2:]), b[4:]
	}
	switch p.Type {
	case typeIPv4:
		p.ipv4(b)
	case typeIPv6:
		p.ipv6(b)
	case typeARP: // of Ethernet and IPv4
		if p.need(b, 28) && b[4] == 6 && b[5] == 4 {
			p.Src, p.Dst = netip.AddrFrom4([4]byte(b[14:18])), netip.AddrFrom4([4]byte(b[24:28]))
		}
	}
}

func (p *Packet) ipv4(b []byte) {
	if !p.need(b, 20) || b[0]>>4 != 4 {
		return
	}
	head := int(b[0]&0xf) * 4
	if head < 20 {
		return
	}
	p.Src, p.Dst, p.Protocol = netip.AddrFrom4([4]byte(b[12:16])), netip.AddrFrom4([4]byte(b[16:20])), b[9]
	p.Fragment = binary.BigEndian.Uint16(b[6:])&0x1fff != 0
	if p.need(b, head) {
		p.transport(b[head:])
	}
}

func (p *Packet) ipv6(b []byte) {
	if !p.need(b, 40) || b[0]>>4 != 6 {
		return
	}
	p.Src, p.Dst, p.Protocol = netip.AddrFrom16([16]byte(b[8:24])), netip.AddrFrom16([16]byte(b[24:40])), b[6]
	b = b[40:]
	for range maxExtensions {
		size := 0
		switch p.Protocol {
		case protoHopByHop, protoRouting, protoDest, protoMobility, protoHIP, protoShim6:
			if !p.need(b, 8) {
				return
			}
			size = 8 + 8*int(b[1])
		case protoAH:
			if !p.need(b, 8) {
				return
			}
			size = 8 + 4*int(b[1])
		case protoFragment:
			if !p.need(b, 8) {
				return
			}
			size = 8
			p.Fragment = binary.BigEndian.Uint16(b[2:])&^7 != 0
		default:
			p.transport(b)
			return
		}
		next := b[0]
		if p.Protocol = next; !p.need(b, size) {
			return
		}
		b = b[size:]
	}
}

func (p *Packet) transport(b []byte) {
	switch p.Protocol {
	case protoTCP, protoUDP, protoSCTP:
		if !p.Fragment && p.need(b, 4) {
			p.SrcPort, p.DstPort, p.HasPorts = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), true
		}
	}
}
