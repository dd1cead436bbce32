package main

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// enterNamespace moves the thread into a network namespace of its own, with lo
// and with a pair of veth whose far end has no address:
//
//	192.0.2.0/24, 2001:db8::/64   on the near end: nobody answers
//	198.51.100.1                  unreachable (EHOSTUNREACH)
//	198.51.100.2                  prohibit (EACCES)
//	198.51.100.3                  blackhole (EINVAL)
//	anything else                 no route (ENETUNREACH)
//
// On 192.0.2.0/25 the SYN goes out and is dropped. On 192.0.2.128/25 the
// neighbour is looked for, in vain (EHOSTUNREACH).
func enterNamespace() {
	check("unshare", unix.Unshare(unix.CLONE_NEWNET))
	sysctl("ipv6/conf/default/accept_dad", "0")
	n := openNetlink()
	n.up(1)
	near := n.veth("near", "far")
	sysctl("ipv4/neigh/near/retrans_time_ms", "100")
	sysctl("ipv4/neigh/near/mcast_solicit", "1")
	n.up(near)
	n.up(near - 1) // the far end is made first
	n.address(near, netip.MustParsePrefix("192.0.2.1/24"))
	n.address(near, netip.MustParsePrefix("2001:db8::1/64"))
	for i, kind := range []byte{unix.RTN_UNREACHABLE, unix.RTN_PROHIBIT, unix.RTN_BLACKHOLE} {
		n.route(netip.AddrFrom4([4]byte{198, 51, 100, byte(i + 1)}), kind)
	}
	// A neighbour that is known and does not exist.
	n.neighbour(near, netip.MustParseAddr("192.0.2.7"))
	n.neighbour(near, netip.MustParseAddr("2001:db8::7"))
}

type netlink struct {
	fd  int
	seq uint32
}

func openNetlink() *netlink {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	check("netlink", err)
	return &netlink{fd: fd}
}

// request sends a message and waits for its acknowledgement.
func (n *netlink) request(what string, kind, flags uint16, body []byte) {
	n.seq++
	msg := binary.NativeEndian.AppendUint32(nil, uint32(unix.NLMSG_HDRLEN+len(body)))
	msg = binary.NativeEndian.AppendUint16(msg, kind)
	msg = binary.NativeEndian.AppendUint16(msg, flags|unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	msg = binary.NativeEndian.AppendUint32(msg, n.seq)
	msg = binary.NativeEndian.AppendUint32(msg, 0)
	check(what, unix.Sendto(n.fd, append(msg, body...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	reply := make([]byte, 4096)
	size, _, err := unix.Recvfrom(n.fd, reply, 0)
	check(what, err)
	if size < unix.NLMSG_HDRLEN+4 {
		check(what, unix.EBADMSG)
	}
	if errno := int32(binary.NativeEndian.Uint32(reply[unix.NLMSG_HDRLEN:])); errno != 0 {
		check(what, unix.Errno(-errno))
	}
}

// attribute appends a netlink attribute.
func attribute(b []byte, kind uint16, value []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(4+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// link is struct ifinfomsg.
func link(index int, flags, change uint32) []byte {
	b := make([]byte, 4)
	b = binary.NativeEndian.AppendUint32(b, uint32(index))
	b = binary.NativeEndian.AppendUint32(b, flags)
	return binary.NativeEndian.AppendUint32(b, change)
}

func (n *netlink) up(index int) {
	n.request("set link up", unix.RTM_NEWLINK, 0, link(index, unix.IFF_UP, unix.IFF_UP))
}

// veth makes a pair and returns the index of the near end; that of the far end
// is one less.
func (n *netlink) veth(near, far string) int {
	const vethInfoPeer = 1
	peer := attribute(link(0, 0, 0), unix.IFLA_IFNAME, append([]byte(far), 0))
	info := attribute(nil, unix.IFLA_INFO_KIND, []byte("veth"))
	info = attribute(info, unix.IFLA_INFO_DATA, attribute(nil, vethInfoPeer, peer))
	body := attribute(link(0, 0, 0), unix.IFLA_IFNAME, append([]byte(near), 0))
	body = attribute(body, unix.IFLA_LINKINFO, info)
	n.request("make veth", unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL, body)
	return indexOf(near)
}

// indexOf asks the kernel; /sys shows the links of another namespace.
func indexOf(name string) int {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	check("socket", err)
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq(name)
	check(name, err)
	check("index of "+name, unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, ifr))
	return int(ifr.Uint32())
}

func (n *netlink) address(index int, p netip.Prefix) {
	const noDAD = 0x02
	body := []byte{byte(family(p.Addr())), byte(p.Bits()), noDAD, 0}
	body = binary.NativeEndian.AppendUint32(body, uint32(index))
	body = attribute(body, unix.IFA_LOCAL, p.Addr().AsSlice())
	body = attribute(body, unix.IFA_ADDRESS, p.Addr().AsSlice())
	n.request("add address", unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, body)
}

// route makes a route of a kind that refuses.
func (n *netlink) route(to netip.Addr, kind byte) {
	body := []byte{byte(family(to)), byte(to.BitLen()), 0, 0, unix.RT_TABLE_MAIN, unix.RTPROT_STATIC, unix.RT_SCOPE_UNIVERSE, kind, 0, 0, 0, 0}
	n.request("add route", unix.RTM_NEWROUTE, unix.NLM_F_CREATE|unix.NLM_F_EXCL, attribute(body, unix.RTA_DST, to.AsSlice()))
}

// neighbour says that an address is at the far end, where nobody listens.
func (n *netlink) neighbour(index int, a netip.Addr) {
	const destination, hardware = 1, 2 // NDA_DST, NDA_LLADDR
	body := []byte{byte(family(a)), 0, 0, 0}
	body = binary.NativeEndian.AppendUint32(body, uint32(index))
	body = append(body, byte(unix.NUD_PERMANENT), 0, 0, 0)
	body = attribute(body, destination, a.AsSlice())
	body = attribute(body, hardware, []byte{2, 0, 0, 0, 0, 7})
	n.request("add neighbour", unix.RTM_NEWNEIGH, unix.NLM_F_CREATE|unix.NLM_F_EXCL, body)
}
