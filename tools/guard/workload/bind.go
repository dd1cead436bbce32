package main

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

var bindOps = map[string]operation{
	"bind":              bind,
	"bindx":             sctpAddresses(100), // SCTP_SOCKOPT_BINDX_ADD
	"bind-unspec":       bindUnspec,
	"bind-zero":         bindZero,
	"bind-range":        bindRange,
	"bind-range-option": bindRangeOption,
	"bind-unix":         bindUnix,
	"listen-unix-held":  listenUnixHeld,
	"listen":            listen,
	"listen-unbound":    listenUnbound,
	"listen-held":       listenHeld,
	"autobind-udp":      autobind,
	"socket":            socket,
}

const backlog = 16

// bindTo binds, also to a port that was in use a moment ago.
func bindTo(fd int, protocol, to string) error {
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	return unix.Bind(fd, address(protocol, to))
}

func bind(c *call) (string, error) {
	return withSocket(c.args[0], func(fd int) (string, error) { return "", bindTo(fd, c.args[0], c.args[1]) })
}

// bindUnspec binds to the family 0 and the address 0, which passes for IPv4.
func bindUnspec(c *call) (string, error) {
	return withSocket(c.args[0], func(fd int) (string, error) {
		port := uint16(number(c.args[1]))
		sa := unix.RawSockaddrInet4{Family: unix.AF_UNSPEC}
		*(*[2]byte)(unsafe.Pointer(&sa.Port)) = [2]byte{byte(port >> 8), byte(port)}
		_, _, errno := unix.Syscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&sa)), unsafe.Sizeof(sa))
		return "", failure(errno)
	})
}

// wildcard is the address that stands for all, and a port that the kernel chooses.
func wildcard(protocol string) string {
	if protocols[protocol][0] == unix.AF_INET6 {
		return "[::]:0"
	}
	return "0.0.0.0:0"
}

func bindZero(c *call) (string, error) {
	return withSocket(c.args[0], func(fd int) (string, error) {
		if err := bindTo(fd, c.args[0], wildcard(c.args[0])); err != nil {
			return "", err
		}
		return portOf(fd)
	})
}

// listenAt binds, where there is an address, listens, and tells the port.
func listenAt(fd int, protocol, to string) (string, error) {
	if to != "" {
		if err := bindTo(fd, protocol, to); err != nil {
			return "", at("bind", err)
		}
	}
	if err := unix.Listen(fd, backlog); err != nil {
		return "", err
	}
	return portOf(fd)
}

// bindRange has the kernel choose a port out of a range of our own making.
func bindRange(c *call) (string, error) {
	return inChild(c, func() (string, error) {
		if err := enterNetns(); err != nil {
			return "", at("netns", err)
		}
		// The range cannot begin with ports that take a privilege.
		err := sysctl("ip_unprivileged_port_start", "0")
		if err == nil {
			err = sysctl("ip_local_port_range", fmt.Sprintf("%d %d", number(c.args[0]), number(c.args[1])))
		}
		if err != nil {
			return "", at("sysctl", err)
		}
		return withSocket("tcp4", func(fd int) (string, error) { return listenAt(fd, "tcp4", "127.0.0.1:0") })
	})
}

// sysctl writes a setting of this network namespace.
func sysctl(name, value string) error {
	fd, err := open("/proc/sys/net/ipv4/"+name, unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte(value))
	return err
}

// bindRangeOption does so for one socket, since 6.3 and later 6.1.
func bindRangeOption(c *call) (string, error) {
	return withSocket("tcp4", func(fd int) (string, error) {
		span := number(c.args[0]) | number(c.args[1])<<16
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_LOCAL_PORT_RANGE, span); err != nil {
			return "", at("IP_LOCAL_PORT_RANGE", err)
		}
		return listenAt(fd, "tcp4", "127.0.0.1:0")
	})
}

func bindUnix(c *call) (string, error) {
	return withUnix(c.arg(1, "stream"), func(fd int) (string, error) {
		return "", unix.Bind(fd, &unix.SockaddrUnix{Name: c.args[0]})
	})
}

// listenUnixHeld binds before and listens after a line on stdin.
func listenUnixHeld(c *call) (string, error) {
	return withUnix("stream", func(fd int) (string, error) {
		if err := unix.Bind(fd, &unix.SockaddrUnix{Name: c.args[0]}); err != nil {
			return "", at("bind", err)
		}
		ready()
		return "", unix.Listen(fd, backlog)
	})
}

func listen(c *call) (string, error) {
	return withSocket(c.args[0], func(fd int) (string, error) { return listenAt(fd, c.args[0], c.args[1]) })
}

func listenUnbound(c *call) (string, error) {
	return withSocket(c.args[0], func(fd int) (string, error) { return listenAt(fd, c.args[0], "") })
}

// listenHeld binds before and listens after it was told to.
func listenHeld(c *call) (string, error) {
	return withSocket(c.args[0], func(fd int) (string, error) {
		if err := bindTo(fd, c.args[0], c.args[1]); err != nil {
			return "", at("bind", err)
		}
		ready()
		return listenAt(fd, c.args[0], "")
	})
}

// autobind sends without a bind, and tells the port that it got.
func autobind(c *call) (string, error) {
	const discard = "127.0.0.1:9"
	return withSocket("udp4", func(fd int) (string, error) {
		if err := unix.Sendto(fd, datagram, 0, address("udp4", c.arg(0, discard))); err != nil {
			return "", err
		}
		return portOf(fd)
	})
}

var families = map[string]int{
	"unix": unix.AF_UNIX, "inet": unix.AF_INET, "inet6": unix.AF_INET6, "packet": unix.AF_PACKET,
	"netlink": unix.AF_NETLINK, "vsock": unix.AF_VSOCK, "alg": unix.AF_ALG, "bluetooth": unix.AF_BLUETOOTH,
	"can": unix.AF_CAN, "key": unix.AF_KEY, "xdp": unix.AF_XDP, "tipc": unix.AF_TIPC, "qipcrtr": unix.AF_QIPCRTR,
}

var socketTypes = map[string]int{
	"stream": unix.SOCK_STREAM, "dgram": unix.SOCK_DGRAM, "raw": unix.SOCK_RAW, "seqpacket": unix.SOCK_SEQPACKET,
}

func named(table map[string]int, s string) int {
	if n, ok := table[s]; ok {
		return n
	}
	return number(s)
}

func socket(c *call) (string, error) {
	return opened(unix.Socket(named(families, c.args[0]), named(socketTypes, c.args[1])|unix.SOCK_CLOEXEC, number(c.arg(2, "0"))))
}
