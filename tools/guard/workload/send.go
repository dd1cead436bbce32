package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"runtime"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

var sendOps = map[string]operation{
	"sendto":           sendto,
	"sendmsg":          sendmsg,
	"sendmmsg":         sendmmsg,
	"sendto-connected": sendtoConnected,
	"sendto-unix":      sendtoUnix,
	"sendmsg-unix":     sendmsgUnix,
	"sendto-bound":     bound(func(fd int, to unix.Sockaddr) error { return unix.Sendto(fd, datagram, 0, to) }),
	"sendmsg-from":     sendmsgFrom,
	"sendto-v4-on-v6":  sendtoV4onV6,
	"raw-send":         rawSend,
	"packet-send":      packetSend,
}

var datagram = []byte("workload")

func sendto(c *call) (string, error) {
	return withSocket(c.args[0], func(fd int) (string, error) {
		return reached(unix.Sendto(fd, datagram, 0, address(c.args[0], c.args[1])))
	})
}

func sendmsg(c *call) (string, error) {
	return withSocket(c.args[0], func(fd int) (string, error) {
		return reached(unix.Sendmsg(fd, datagram, nil, address(c.args[0], c.args[1]), 0))
	})
}

// sendmsgFrom names the address that a datagram comes from.
func sendmsgFrom(c *call) (string, error) {
	from, err := netip.ParseAddr(c.args[0])
	if err != nil || !from.Is4() {
		wrong("%s is no address of IPv4", c.args[0])
	}
	control := unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: from.As4()})
	return withSocket("udp4", func(fd int) (string, error) {
		return reached(unix.Sendmsg(fd, datagram, control, address("udp4", c.args[1]), 0))
	})
}

// sendtoV4onV6 gives a socket of IPv6 an address of IPv4, not mapped.
func sendtoV4onV6(c *call) (string, error) {
	return withSocket("udp6", func(fd int) (string, error) {
		return reached(unix.Sendto(fd, datagram, 0, address("udp4", c.args[0])))
	})
}

// message is struct mmsghdr.
type message struct {
	header unix.Msghdr
	sent   uint32
}

// raw lays an address out as the kernel reads it.
func raw(sa unix.Sockaddr) []byte {
	family := func(f uint16) []byte { return binary.NativeEndian.AppendUint16(nil, f) }
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		b := binary.BigEndian.AppendUint16(family(unix.AF_INET), uint16(sa.Port))
		return append(append(b, sa.Addr[:]...), make([]byte, 8)...)
	case *unix.SockaddrInet6:
		b := binary.BigEndian.AppendUint16(family(unix.AF_INET6), uint16(sa.Port))
		b = append(append(b, 0, 0, 0, 0), sa.Addr[:]...)
		return binary.NativeEndian.AppendUint32(b, sa.ZoneId)
	}
	panic("an address of neither version")
}

// header is a message of one datagram to an address.
func header(to []byte) *unix.Msghdr {
	part := &unix.Iovec{Base: &datagram[0]}
	part.SetLen(len(datagram))
	h := &unix.Msghdr{Name: &to[0], Namelen: uint32(len(to)), Iov: part}
	h.SetIovlen(1)
	return h
}

// sendmmsg sends to all destinations in one call, and tells how many of the
// messages were sent before the first that was not.
func sendmmsg(c *call) (string, error) {
	return withSocket(c.args[0], func(fd int) (string, error) {
		var all []message
		for _, to := range c.args[1:] {
			all = append(all, message{header: *header(raw(address(c.args[0], to)))})
		}
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&all[0])), uintptr(len(all)), 0, 0, 0)
		runtime.KeepAlive(all)
		return strconv.Itoa(int(n)), failure(errno)
	})
}

func sendtoConnected(c *call) (string, error) {
	protocol := c.args[0]
	return withSocket(protocol, func(fd int) (string, error) {
		if err := unix.Connect(fd, address(protocol, c.args[1])); err != nil {
			return "", at("connect", err)
		}
		return reached(unix.Sendto(fd, datagram, 0, address(protocol, c.args[2])))
	})
}

func sendtoUnix(c *call) (string, error) {
	return withUnix("dgram", func(fd int) (string, error) {
		return reached(unix.Sendto(fd, datagram, 0, &unix.SockaddrUnix{Name: c.args[0]}))
	})
}

func sendmsgUnix(c *call) (string, error) {
	return withUnix("dgram", func(fd int) (string, error) {
		return reached(unix.Sendmsg(fd, datagram, nil, &unix.SockaddrUnix{Name: c.args[0]}, 0))
	})
}

// rawSend sends an IP packet of a protocol that nobody speaks.
func rawSend(c *call) (string, error) {
	const experiment = 253 // RFC 3692
	to, err := netip.ParseAddr(c.args[0])
	if err != nil {
		wrong("%v", err)
	}
	family, sa := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Addr: to.As16()})
	if to.Is4() {
		family, sa = unix.AF_INET, &unix.SockaddrInet4{Addr: to.As4()}
	}
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, experiment)
	if err != nil {
		return "", at("socket", err)
	}
	defer unix.Close(fd)
	switch c.arg(1, "") {
	case "":
		return "", unix.Sendto(fd, datagram, 0, sa)
	case "unspec":
		b := raw(sa)
		b[0], b[1] = 0, 0
		m := header(b)
		_, _, errno := unix.Syscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(m)), 0)
		runtime.KeepAlive(b)
		return "", failure(errno)
	}
	wrong("no family %q", c.args[1])
	return "", nil
}

// packetSend sends a frame on the loopback.
func packetSend(*call) (string, error) {
	const local = 0x88b5 // local experiments (IEEE 802)
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", at("socket", err)
	}
	defer unix.Close(fd)
	const lo = 1 // the first interface of every namespace
	return "", unix.Sendto(fd, datagram, 0, &unix.SockaddrLinklayer{Ifindex: lo, Protocol: local>>8 | local&255<<8, Halen: 6})
}

// portOf is the local port of a socket.
func portOf(fd int) (string, error) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return "", at("getsockname", err)
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return fmt.Sprint(sa.Port), nil
	case *unix.SockaddrInet6:
		return fmt.Sprint(sa.Port), nil
	}
	return "", nil
}
