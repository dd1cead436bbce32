// Workload binds and listens in every way there is. The kernel tests of bindsnoop
// run it.
//
//	workload bind COUNT NETWORK ADDR:PORT [OPTION...]   COUNT sockets, one after the other
//	workload listen COUNT NETWORK ADDR:PORT [OPTION...] the same, and listens
//	workload autobind                                   listens without a bind
//	workload again ADDR:PORT                            binds a socket twice
//	workload fault                                      bind of an address that is not in memory
//	workload short                                      bind of four bytes
//	workload family                                     bind of an address of another family
//	workload socketcall ADDR:PORT                       by the old call of 32-bit programs
//	workload uring ADDR:PORT                            by io_uring
//	workload refused ADDR:PORT                          bind that a security module (Landlock) refuses
//	workload others COUNT                               sockets that are neither TCP nor UDP
//	workload spread COUNT                               COUNT sockets, each at an address of its own
//	workload threads COUNT                              COUNT threads bind 100 sockets each
//	workload hold NETWORK ADDR:PORT                     listens, says its port, until stdin ends
//	workload wait NETWORK ADDR:PORT                     waits for a line, then listens
//
// NETWORK is tcp4, tcp6, udp4, udp6 or mptcp4. It prints the port of each socket
// that was bound, or the error.
package main

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

const backlog = 37

func main() {
	args := os.Args[1:]
	switch args[0] {
	case "bind", "listen":
		for range number(args[1]) {
			fd := open(args[2], args[4:])
			done(fd, call(args[0], fd, args[2], args[3]))
			unix.Close(fd)
		}
	case "spread":
		for i := range number(args[1]) {
			fd := open("tcp4", nil)
			check(bind(fd, "tcp4", fmt.Sprintf("127.1.%d.%d:7231", i>>8, i&255)))
			unix.Close(fd)
		}
	case "autobind":
		fd := open("tcp4", nil)
		done(fd, unix.Listen(fd, backlog))
	case "again":
		fd := open("tcp4", nil)
		done(fd, bind(fd, "tcp4", args[1]))
		done(fd, bind(fd, "tcp4", args[1]))
	case "fault":
		done(-1, rawBind(open("tcp4", nil), 8, 16))
	case "short":
		var b [16]byte
		done(-1, rawBind(open("tcp4", nil), uintptr(unsafe.Pointer(&b)), 4))
	case "family":
		sa := unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: 0x901f}
		done(-1, rawBind(open("tcp4", nil), uintptr(unsafe.Pointer(&sa)), 28))
	case "socketcall":
		socketcall(args[1])
	case "uring":
		byRing(args[1])
	case "refused":
		refused(args[1])
	case "others":
		for range number(args[1]) {
			others()
		}
	case "threads":
		threads(number(args[1]))
	case "hold":
		fd := open(args[1], nil)
		done(fd, call("listen", fd, args[1], args[2]))
		os.Stdin.Read(make([]byte, 1))
	case "wait":
		fmt.Println("ready")
		bufio.NewReader(os.Stdin).ReadString('\n')
		fd := open(args[1], nil)
		done(fd, call("listen", fd, args[1], args[2]))
	default:
		panic("unknown way " + args[0])
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	check(err)
	return n
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// open makes a socket with options set.
func open(network string, options []string) int {
	family, kind, protocol := unix.AF_INET, unix.SOCK_STREAM, 0
	switch network {
	case "tcp6":
		family = unix.AF_INET6
	case "udp4":
		kind = unix.SOCK_DGRAM
	case "udp6":
		family, kind = unix.AF_INET6, unix.SOCK_DGRAM
	case "mptcp4":
		protocol = unix.IPPROTO_MPTCP
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
	check(err)
	for _, o := range options {
		set := map[string][2]int{
			"freebind":    {unix.IPPROTO_IP, unix.IP_FREEBIND},
			"transparent": {unix.IPPROTO_IP, unix.IP_TRANSPARENT},
			"no_port":     {unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT},
			"reuseaddr":   {unix.SOL_SOCKET, unix.SO_REUSEADDR},
			"reuseport":   {unix.SOL_SOCKET, unix.SO_REUSEPORT},
			"v6only":      {unix.IPPROTO_IPV6, unix.IPV6_V6ONLY},
		}
		if o == "loopback" {
			check(unix.BindToDevice(fd, "lo"))
			continue
		}
		check(unix.SetsockoptInt(fd, set[o][0], set[o][1], 1))
	}
	return fd
}

func sockaddr(network, at string) unix.Sockaddr {
	a := netip.MustParseAddrPort(at)
	if network == "tcp6" || network == "udp6" {
		return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	}
	return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
}

func bind(fd int, network, at string) error { return unix.Bind(fd, sockaddr(network, at)) }

func call(op string, fd int, network, at string) error {
	err := bind(fd, network, at)
	if err == nil && op == "listen" && network != "udp4" && network != "udp6" {
		err = unix.Listen(fd, backlog)
	}
	return err
}

func rawBind(fd int, addr, size uintptr) error {
	if _, _, errno := unix.RawSyscall(unix.SYS_BIND, uintptr(fd), addr, size); errno != 0 {
		return errno
	}
	return nil
}

// done prints what became of a call.
func done(fd int, err error) {
	if err != nil {
		fmt.Println(unix.ErrnoName(err.(unix.Errno)))
		return
	}
	fmt.Println(port(fd))
}

func port(fd int) int {
	sa, err := unix.Getsockname(fd)
	check(err)
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return sa.Port
	case *unix.SockaddrInet6:
		return sa.Port
	}
	return -1
}

// others binds sockets that nobody reaches over a network, and one that has no
// ports.
func others() {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	check(err)
	check(unix.Bind(fd, &unix.SockaddrUnix{Name: "@bindsnoop-" + strconv.Itoa(os.Getpid())}))
	check(unix.Listen(fd, 1))
	unix.Close(fd)
	fd, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	check(err)
	check(unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	unix.Close(fd)
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_ICMP)
	check(err)
	check(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	unix.Close(fd)
	unix.Bind(99, &unix.SockaddrInet4{}) // no descriptor
	unix.Bind(0, &unix.SockaddrInet4{})  // no socket
	unix.Listen(0, 1)
}

// threads binds many sockets at the same time.
func threads(count int) {
	var all sync.WaitGroup
	for range count {
		all.Go(func() {
			runtime.LockOSThread()
			for range 100 {
				fd := open("udp4", nil)
				check(bind(fd, "udp4", "127.0.0.1:0"))
				unix.Close(fd)
			}
		})
	}
	all.Wait()
}
