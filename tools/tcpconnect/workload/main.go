// Workload opens TCP connections in particular ways. The kernel tests of
// tcpconnect run it, also as a 32-bit program.
//
//	workload [-ns] HOW ADDR:PORT [ARG...]
//
// With -ns it does so in a network namespace of its own, with the routes that
// netns.go makes. A port of 0 is that of a listener of its own at the address.
// It prints "PORT ERRNO" lines: the source port, 0 where it has none, and the
// name of the errno, "-" for none.
package main

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

func init() { runtime.LockOSThread() } // main stays on the leader

// backlog is room for connections that nobody has accepted yet.
const backlog = 4096

// args are what a way gets.
type args struct {
	to   netip.AddrPort
	rest []string
}

// number is argument i, or otherwise.
func (a *args) number(i, otherwise int) int {
	if i >= len(a.rest) {
		return otherwise
	}
	n, err := strconv.Atoi(a.rest[i])
	check("argument", err)
	return n
}

func main() {
	words := os.Args[1:]
	inNamespace := len(words) > 0 && words[0] == "-ns"
	if inNamespace {
		words = words[1:]
	}
	if len(words) < 2 {
		fmt.Fprintln(os.Stderr, "usage: workload [-ns] HOW ADDR:PORT [ARG...]")
		os.Exit(2)
	}
	ways := map[string]func(*args){
		"block":       block,
		"each":        each,
		"nonblock":    nonblock,
		"uring":       byRing,
		"fastopen":    fastOpenConnect,
		"sendto":      fastOpenSend,
		"defer":       fastOpenDeferred,
		"mptcp":       mptcp,
		"bound":       bound,
		"retry":       retry,
		"poll":        pollAgain,
		"again":       again,
		"twice":       connectTwice,
		"close":       closeEarly,
		"shutdown":    shutdownEarly,
		"unspec":      disconnectEarly,
		"hang":        hang,
		"signal":      interrupted,
		"timeout":     timeOut,
		"self":        selfConnect,
		"ports-taken": portsTaken,
		"udp":         udp,
		"nothing":     nothing,
		"many":        many,
		"scan":        scan,
		"wait":        wait,
		"wrong":       wrong,
		"cross":       crossFamily,
	}
	way, ok := ways[words[0]]
	if !ok {
		fmt.Fprintln(os.Stderr, "workload: no way", words[0])
		os.Exit(2)
	}
	to, err := netip.ParseAddrPort(words[1])
	check("address", err)
	if inNamespace {
		enterNamespace()
	}
	if to.Port() == 0 {
		to = netip.AddrPortFrom(to.Addr(), listen(to.Addr(), backlog))
	}
	way(&args{to, words[2:]})
}

// check ends the program for what is no part of the workload.
func check(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "workload: %s: %v\n", what, err)
		os.Exit(3)
	}
}

// tell prints the line for a socket and the result of its call.
func tell(fd int, err error) {
	name := "-"
	if errno, ok := err.(unix.Errno); ok {
		name = unix.ErrnoName(errno)
	} else if err != nil {
		name = err.Error()
	}
	fmt.Println(localPort(fd), name)
}

func localPort(fd int) int {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return 0
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return sa.Port
	case *unix.SockaddrInet6:
		return sa.Port
	}
	return 0
}

// family is that of an address; ::ffff:a.b.c.d is spoken through IPv6.
func family(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func sockaddr(to netip.AddrPort) unix.Sockaddr {
	if to.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}
	}
	return &unix.SockaddrInet6{Addr: to.Addr().As16(), Port: int(to.Port())}
}

// socket makes a TCP socket for the address. flags are SOCK_NONBLOCK or 0.
func socket(a netip.Addr, flags int) int {
	fd, err := unix.Socket(family(a), unix.SOCK_STREAM|flags, unix.IPPROTO_TCP)
	check("socket", err)
	return fd
}

// listener is the last that listen opened.
var listener int

// listen opens a listener on a free port and returns the port. Nobody accepts.
func listen(a netip.Addr, backlog int) uint16 {
	fd := socket(a, 0)
	listener = fd
	check("bind", unix.Bind(fd, sockaddr(netip.AddrPortFrom(a, 0))))
	check("listen", unix.Listen(fd, backlog))
	return uint16(localPort(fd))
}
