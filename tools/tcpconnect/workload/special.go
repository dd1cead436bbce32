package main

import (
	"net/netip"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// sysctl writes a setting of this network namespace.
func sysctl(name, value string) {
	check(name, os.WriteFile("/proc/sys/net/"+name, []byte(value), 0))
}

// allowFastOpen lets both sides use TCP Fast Open without a cookie.
func allowFastOpen() {
	const client, server, clientNoCookie, serverNoCookie = 0x1, 0x2, 0x4, 0x200
	sysctl("ipv4/tcp_fastopen", strconv.Itoa(client|server|clientNoCookie|serverNoCookie))
}

// listenFast is a listener that takes data with the SYN.
func listenFast(a netip.Addr) uint16 {
	fd := socket(a, 0)
	check("bind", unix.Bind(fd, sockaddr(netip.AddrPortFrom(a, 0))))
	check("TCP_FASTOPEN", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_FASTOPEN, 16))
	check("listen", unix.Listen(fd, 16))
	return uint16(localPort(fd))
}

// fast returns a, or a listener of its own in place of port 0's.
func fast(a *args) netip.AddrPort {
	allowFastOpen()
	if len(a.rest) > 0 && a.rest[0] == "refused" {
		return a.to
	}
	return netip.AddrPortFrom(a.to.Addr(), listenFast(a.to.Addr()))
}

// fastOpenConnect asks for TCP_FASTOPEN_CONNECT: connect returns at once, and
// the SYN goes with the first data.
func fastOpenConnect(a *args) {
	to := fast(a)
	fd := socket(to.Addr(), 0)
	check("TCP_FASTOPEN_CONNECT", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT, 1))
	if err := unix.Connect(fd, sockaddr(to)); err != nil {
		tell(fd, err)
		return
	}
	_, err := unix.Write(fd, []byte("hello"))
	if err == nil {
		err = outcome(fd)
	}
	tell(fd, err)
}

// fastOpenDeferred never sends anything.
func fastOpenDeferred(a *args) {
	to := fast(a)
	fd := socket(to.Addr(), 0)
	check("TCP_FASTOPEN_CONNECT", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT, 1))
	err := unix.Connect(fd, sockaddr(to))
	tell(fd, err)
	unix.Close(fd)
}

// fastOpenSend connects with sendto and MSG_FASTOPEN.
func fastOpenSend(a *args) {
	to := fast(a)
	fd := socket(to.Addr(), 0)
	err := unix.Sendto(fd, []byte("hello"), unix.MSG_FASTOPEN, sockaddr(to))
	if err == nil {
		err = outcome(fd)
	}
	tell(fd, err)
}

// mptcp connects with Multipath TCP, to a listener of it or of plain TCP.
func mptcp(a *args) {
	to := a.to
	if len(a.rest) > 0 && a.rest[0] == "both" {
		fd, err := unix.Socket(family(to.Addr()), unix.SOCK_STREAM, unix.IPPROTO_MPTCP)
		check("socket", err)
		check("bind", unix.Bind(fd, sockaddr(netip.AddrPortFrom(to.Addr(), 0))))
		check("listen", unix.Listen(fd, 16))
		to = netip.AddrPortFrom(to.Addr(), uint16(localPort(fd)))
	}
	fd, err := unix.Socket(family(to.Addr()), unix.SOCK_STREAM, unix.IPPROTO_MPTCP)
	check("socket", err)
	tell(fd, unix.Connect(fd, sockaddr(to)))
}
