package main

import (
	"net/netip"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

var connectOps = map[string]operation{
	"connect":               connect,
	"connect-bound":         bound(func(fd int, to unix.Sockaddr) error { return unix.Connect(fd, to) }),
	"connectx":              sctpAddresses(110), // SCTP_SOCKOPT_CONNECTX
	"connect-unspec-family": connectUnspec,
	"connect-v4-on-v6":      connectV4onV6,
	"connect-fastopen":      connectFastopen,
	"connect-tfo-option":    connectOption,
	"connect-unix":          connectUnix,
	"disconnect-reconnect":  reconnect,
}

// protocols are what a socket can be, by the names of the command line.
var protocols = map[string][3]int{
	"tcp4":   {unix.AF_INET, unix.SOCK_STREAM, 0},
	"tcp6":   {unix.AF_INET6, unix.SOCK_STREAM, 0},
	"udp4":   {unix.AF_INET, unix.SOCK_DGRAM, 0},
	"udp6":   {unix.AF_INET6, unix.SOCK_DGRAM, 0},
	"mptcp":  {unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP},
	"mptcp6": {unix.AF_INET6, unix.SOCK_STREAM, unix.IPPROTO_MPTCP},
	"sctp":   {unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_SCTP},
	"sctp6":  {unix.AF_INET6, unix.SOCK_STREAM, unix.IPPROTO_SCTP},
	"smc":    {unix.AF_SMC, unix.SOCK_STREAM, 0}, // TCP over IPv4, and IPv6
	"smc6":   {unix.AF_SMC, unix.SOCK_STREAM, 1},
}

// patience is how long, in seconds, a connect may wait for an answer.
const patience = 3

func newSocket(protocol string) (int, error) {
	p, ok := protocols[protocol]
	if !ok {
		wrong("no protocol %q", protocol)
	}
	fd, err := unix.Socket(p[0], p[1]|unix.SOCK_CLOEXEC, p[2])
	if err != nil {
		return -1, at("socket", err)
	}
	unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{Sec: patience})
	return fd, nil
}

// address reads "ADDR:PORT" for a socket. One of IPv4 becomes ::ffff:ADDR on a
// socket of IPv6.
func address(protocol, s string) unix.Sockaddr {
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		wrong("%v", err)
	}
	if strings.HasSuffix(protocol, "6") {
		return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
	}
	if !a.Addr().Unmap().Is4() {
		wrong("%s is no address for %s", s, protocol)
	}
	return &unix.SockaddrInet4{Addr: a.Addr().Unmap().As4(), Port: int(a.Port())}
}

// reached is for calls that meet a policy before they meet the other end: one
// that nobody listens at was asked.
func reached(err error) (string, error) {
	if err == unix.ECONNREFUSED {
		return "refused", nil
	}
	return "", err
}

// withSocket opens a socket for an operation.
func withSocket(protocol string, do func(fd int) (string, error)) (string, error) {
	fd, err := newSocket(protocol)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	return do(fd)
}

func connect(c *call) (string, error) {
	return withSocket(c.args[0], func(fd int) (string, error) {
		return reached(unix.Connect(fd, address(c.args[0], c.args[1])))
	})
}

// bound binds before.
func bound(do func(fd int, to unix.Sockaddr) error) operation {
	return func(c *call) (string, error) {
		return withSocket(c.args[0], func(fd int) (string, error) {
			if err := bindTo(fd, c.args[0], c.args[1]); err != nil {
				return "", at("bind", err)
			}
			return reached(do(fd, address(c.args[0], c.args[2])))
		})
	}
}

// sctpAddresses passes a list of addresses to an option of SCTP.
func sctpAddresses(option int) operation {
	return func(c *call) (string, error) {
		return withSocket(c.args[0], func(fd int) (string, error) {
			var list []byte
			for _, a := range c.args[1:] {
				list = append(list, raw(address(c.args[0], a))...)
			}
			err := unix.SetsockoptString(fd, unix.IPPROTO_SCTP, option, string(list))
			if option == 110 && err == unix.EINPROGRESS {
				err = nil
			}
			return reached(err)
		})
	}
}

// disconnect is connect with a family of AF_UNSPEC.
func disconnect(fd int) error {
	var sa unix.RawSockaddrInet4
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&sa)), unsafe.Sizeof(sa))
	return failure(errno)
}

func connectUnspec(c *call) (string, error) {
	return withSocket(c.args[0], func(fd int) (string, error) { return "", disconnect(fd) })
}

// connectV4onV6 gives a socket of IPv6 an address of IPv4, not mapped.
func connectV4onV6(c *call) (string, error) {
	return withSocket("udp6", func(fd int) (string, error) {
		return reached(unix.Connect(fd, address("udp4", c.args[0])))
	})
}

// connectFastopen connects with the first data (TCP Fast Open).
func connectFastopen(c *call) (string, error) {
	protocol := c.arg(1, "tcp4")
	return withSocket(protocol, func(fd int) (string, error) {
		return reached(unix.Sendto(fd, []byte("workload"), unix.MSG_FASTOPEN, address(protocol, c.args[0])))
	})
}

// connectOption has the connection made by the first write, where the kernel
// knows the other end.
func connectOption(c *call) (string, error) {
	protocol := c.arg(1, "tcp4")
	return withSocket(protocol, func(fd int) (string, error) {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT, 1); err != nil {
			return "", at("TCP_FASTOPEN_CONNECT", err)
		}
		if err := unix.Connect(fd, address(protocol, c.args[0])); err != nil {
			return reached(err)
		}
		_, err := unix.SendmsgN(fd, []byte("workload"), nil, nil, unix.MSG_NOSIGNAL)
		detail, err := reached(err)
		return detail, at("write", err)
	})
}

func reconnect(c *call) (string, error) {
	protocol := c.args[0]
	return withSocket(protocol, func(fd int) (string, error) {
		if _, err := reached(unix.Connect(fd, address(protocol, c.args[1]))); err != nil {
			return "", at("first", err)
		}
		if err := disconnect(fd); err != nil {
			return "", at("disconnect", err)
		}
		return reached(unix.Connect(fd, address(protocol, c.args[2])))
	})
}

var unixTypes = map[string]int{"stream": unix.SOCK_STREAM, "dgram": unix.SOCK_DGRAM, "seqpacket": unix.SOCK_SEQPACKET}

// withUnix opens a socket of this machine; x/sys takes @NAME for an abstract one.
func withUnix(kind string, do func(fd int) (string, error)) (string, error) {
	fd, err := unix.Socket(unix.AF_UNIX, flags(unixTypes, kind)|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", at("socket", err)
	}
	defer unix.Close(fd)
	return do(fd)
}

func connectUnix(c *call) (string, error) {
	return withUnix(c.arg(1, "stream"), func(fd int) (string, error) {
		return reached(unix.Connect(fd, &unix.SockaddrUnix{Name: c.args[0]}))
	})
}
