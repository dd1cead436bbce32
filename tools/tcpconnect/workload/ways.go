package main

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// each connects to the destination and to all others that are given.
func each(a *args) {
	block(a)
	for _, word := range a.rest {
		to, err := netip.ParseAddrPort(word)
		check("address", err)
		block(&args{to: to})
	}
}

// block connects and waits.
func block(a *args) {
	fd := socket(a.to.Addr(), 0)
	tell(fd, unix.Connect(fd, sockaddr(a.to)))
}

// nonblock connects and waits with poll.
func nonblock(a *args) {
	fd := socket(a.to.Addr(), unix.SOCK_NONBLOCK)
	if err := unix.Connect(fd, sockaddr(a.to)); err != unix.EINPROGRESS {
		tell(fd, err)
		return
	}
	tell(fd, outcome(fd))
}

// outcome waits for the outcome of a connect under way.
func outcome(fd int) error {
	await(fd)
	errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	check("SO_ERROR", err)
	if errno != 0 {
		return unix.Errno(errno)
	}
	return nil
}

func await(fd int) {
	for {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
		if _, err := unix.Poll(fds, -1); err != unix.EINTR {
			check("poll", err)
			return
		}
	}
}

// bound connects from a port that it has bound to, 127.0.0.1 or the like.
func bound(a *args) {
	fd := socket(a.to.Addr(), 0)
	check("bind", unix.Bind(fd, sockaddr(netip.AddrPortFrom(a.to.Addr(), 0))))
	tell(fd, unix.Connect(fd, sockaddr(a.to)))
}

// retry connects a socket N times, each of which fails.
func retry(a *args) {
	fd := socket(a.to.Addr(), 0)
	for range a.number(0, 2) {
		tell(fd, unix.Connect(fd, sockaddr(a.to)))
	}
}

// pollAgain learns the outcome by calling connect again, as some programs do.
func pollAgain(a *args) {
	fd := socket(a.to.Addr(), unix.SOCK_NONBLOCK)
	to := sockaddr(a.to)
	if err := unix.Connect(fd, to); err != unix.EINPROGRESS {
		tell(fd, err)
		return
	}
	await(fd)
	tell(fd, unix.Connect(fd, to))
}

// again calls connect on a connection, which is no attempt.
func again(a *args) {
	fd := socket(a.to.Addr(), 0)
	tell(fd, unix.Connect(fd, sockaddr(a.to)))
	tell(fd, unix.Connect(fd, sockaddr(a.to)))
}

// connectTwice dissolves a connection and opens another with the same socket.
func connectTwice(a *args) {
	fd := socket(a.to.Addr(), 0)
	tell(fd, unix.Connect(fd, sockaddr(a.to)))
	disconnect(fd)
	tell(fd, unix.Connect(fd, sockaddr(a.to)))
}

// disconnect is connect with AF_UNSPEC, which is no attempt.
func disconnect(fd int) {
	var sa unix.RawSockaddr
	sa.Family = unix.AF_UNSPEC
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&sa)), unsafe.Sizeof(sa))
	if errno != 0 {
		check("disconnect", errno)
	}
}

// begin starts a connect that gets no answer for now.
func begin(a *args) int {
	fd := socket(a.to.Addr(), unix.SOCK_NONBLOCK)
	if err := unix.Connect(fd, sockaddr(a.to)); err != unix.EINPROGRESS {
		check("connect", fmt.Errorf("%v, want EINPROGRESS", err))
	}
	return fd
}

func closeEarly(a *args) {
	fd := begin(a)
	port := localPort(fd)
	unix.Close(fd)
	fmt.Println(port, "-")
}

func shutdownEarly(a *args) {
	fd := begin(a)
	port := localPort(fd)
	unix.Shutdown(fd, unix.SHUT_RDWR)
	fmt.Println(port, "-")
}

func disconnectEarly(a *args) {
	fd := begin(a)
	port := localPort(fd)
	disconnect(fd)
	fmt.Println(port, "-")
}

// hang connects and waits for an answer that does not come, to be killed.
func hang(a *args) {
	fd := socket(a.to.Addr(), 0)
	fmt.Println("connecting")
	tell(fd, unix.Connect(fd, sockaddr(a.to)))
}

// interrupted gives up a blocking connect after a moment, and looks at it again.
func interrupted(a *args) {
	fd := socket(a.to.Addr(), 0)
	tv := unix.NsecToTimeval(int64(50 * time.Millisecond))
	check("SO_SNDTIMEO", unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &tv))
	tell(fd, unix.Connect(fd, sockaddr(a.to)))
	tell(fd, unix.Connect(fd, sockaddr(a.to)))
}

// timeOut connects and has the kernel give up early.
func timeOut(a *args) {
	fd := socket(a.to.Addr(), 0)
	check("TCP_USER_TIMEOUT", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 300))
	tell(fd, unix.Connect(fd, sockaddr(a.to)))
}

// selfConnect connects a port to itself.
func selfConnect(a *args) {
	fd := socket(a.to.Addr(), 0)
	check("bind", unix.Bind(fd, sockaddr(netip.AddrPortFrom(a.to.Addr(), 0))))
	tell(fd, unix.Connect(fd, sockaddr(netip.AddrPortFrom(a.to.Addr(), uint16(localPort(fd))))))
}

// portsTaken connects where no source port is left: those that the kernel may
// choose are one, which is taken.
func portsTaken(a *args) {
	const name = "/proc/sys/net/ipv4/ip_local_port_range"
	check(name, os.WriteFile(name, []byte("40000 40000"), 0))
	first := socket(a.to.Addr(), 0)
	check("connect", unix.Connect(first, sockaddr(a.to)))
	fd := socket(a.to.Addr(), 0)
	if a.number(0, 0) == 1 {
		tell(fd, submit(fd, sockaddr(a.to)))
		return
	}
	tell(fd, unix.Connect(fd, sockaddr(a.to)))
}

// udp connects sockets of other kinds.
func udp(a *args) {
	fd, err := unix.Socket(family(a.to.Addr()), unix.SOCK_DGRAM, 0)
	check("socket", err)
	tell(fd, unix.Connect(fd, sockaddr(a.to)))
	check("pair", unix.Connect(fd, sockaddr(a.to)))
	local, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	check("socket", err)
	if err := unix.Connect(local, &unix.SockaddrUnix{Name: "/nonexistent"}); err != unix.ENOENT {
		check("connect", fmt.Errorf("%v, want ENOENT", err))
	}
}

// wrongAddress is where wrong has its address; a variable of its own does not move.
var wrongAddress unix.RawSockaddrInet4

// wrong makes calls that ask for no destination.
func wrong(a *args) {
	const unmapped = 8
	fd := socket(a.to.Addr(), 0)
	at := uintptr(unsafe.Pointer(&wrongAddress))
	call := func(fd int, address, size uintptr) {
		_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), address, size)
		tell(fd, errno)
	}
	wrongAddress.Family = unix.AF_INET
	call(fd, at, 7)        // EINVAL: too short
	call(fd, unmapped, 16) // EFAULT
	call(99, at, 16)       // EBADF
	wrongAddress.Family = unix.AF_UNIX
	call(fd, at, 16) // EAFNOSUPPORT
	check("listen", unix.Listen(fd, 1))
	wrongAddress.Family = unix.AF_INET
	call(fd, at, 16) // EISCONN: a listener
}

// crossFamily connects a socket of IPv6 to an address of IPv4.
func crossFamily(a *args) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM, 0)
	check("socket", err)
	tell(fd, unix.Connect(fd, sockaddr(a.to)))
}

// nothing opens no connection: it accepts one that a child opens.
func nothing(*args) {}

// many connects N times in W workers.
func many(a *args) {
	count, workers := a.number(0, 1), a.number(1, 1)
	if listener != 0 {
		go func() { // what is reset stays in the backlog until it is accepted
			for {
				fd, _, err := unix.Accept(listener)
				check("accept", err)
				unix.Close(fd)
			}
		}()
	}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			runtime.LockOSThread()
			for i := w; i < count; i += workers {
				fd := socket(a.to.Addr(), 0)
				// Closed with a reset: no port stays taken.
				unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
				err := unix.Connect(fd, sockaddr(a.to))
				if want := a.number(2, 0); want == 0 && err != nil || want != 0 && err != unix.Errno(want) {
					check("connect", err)
				}
				unix.Close(fd)
			}
		}()
	}
	wg.Wait()
}

// scan connects to the ports from 1 to N of an address.
func scan(a *args) {
	for port := range a.number(0, 1) {
		fd := socket(a.to.Addr(), 0)
		_ = unix.Connect(fd, sockaddr(netip.AddrPortFrom(a.to.Addr(), uint16(port+1))))
		unix.Close(fd)
	}
}

// wait connects when it is told to, by a byte on stdin: N times, also to each
// ADDR:PORT that follows.
func wait(a *args) {
	var b [1]byte
	_, err := os.Stdin.Read(b[:])
	check("stdin", err)
	for range a.number(0, 1) {
		each(&args{to: a.to, rest: a.rest[min(1, len(a.rest)):]})
	}
}
