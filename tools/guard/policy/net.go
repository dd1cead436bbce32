package policy

import "net/netip"

// Proto is a set of transport protocols.
type Proto uint8

const (
	TCP        Proto = 1 << iota // MPTCP too
	UDP                          // UDP-Lite too
	OtherProto                   // SCTP, raw IP, ...

	ProtoAll = TCP | UDP | OtherProto
)

// PortRange is a range of ports, First <= Last.
type PortRange struct {
	First, Last uint16
	Pos         Position
}

// Network is an address or a network.
type Network struct {
	Prefix netip.Prefix // masked; IPv4-mapped ones as IPv4
	Pos    Position
}

// Connect is about peers: Internet addresses and Unix sockets. Other families have
// the class of sockets.
//
// A block that names neither networks, ports, protocols nor Unix sockets is about all
// of both. Otherwise it is about what it names: about Internet addresses if it names
// networks, ports or protocols (no networks: any; no ports: any), and about the Unix
// sockets that it names. A connect to 0.0.0.0 or :: arrives at this host and counts as
// one to 127.0.0.1 or ::1.
type Connect struct {
	To    []Network
	Ports []PortRange
	Proto Proto     // 0 where the block is about Unix sockets alone
	Unix  []Pattern // sockets in the file system; abstract names begin with "@", Subtree "@" is all of them
	Pos   Position
}

// AllUnix says whether the block is about every Unix socket.
func (c *Connect) AllUnix() bool {
	return len(c.To) == 0 && len(c.Ports) == 0 && len(c.Unix) == 0 && c.Proto == ProtoAll
}

// Bind is about our own address: bind, and listen, which binds what is not bound. What
// it names counts as in Connect.
//
// Port 0 is one of the ephemeral range that the kernel chooses. A deny rule is about
// it if one of its ports is 0 or in that range, an allow rule if it names port 0 or the
// whole range.
type Bind struct {
	To    []Network // the local address; that of a wildcard bind is 0.0.0.0 or ::
	Ports []PortRange
	Proto Proto
	Unix  []Pattern
	Pos   Position
}

// AllUnix says whether the block is about every Unix socket.
func (b *Bind) AllUnix() bool {
	return len(b.To) == 0 && len(b.Ports) == 0 && len(b.Unix) == 0 && b.Proto == ProtoAll
}

// Socket is about creating sockets.
type Socket struct {
	Families []Family // none: any
	Types    []Text   // stream, dgram, raw, seqpacket, packet; none: any
	Pos      Position
}

// Family is an address family by name and number.
type Family struct {
	Name   string
	Number uint16
	Pos    Position
}
