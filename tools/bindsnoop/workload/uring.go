package main

import (
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/uring"
)

// Numbers of io_uring (include/uapi/linux/io_uring.h).
const (
	opBind   = 56 // 6.11
	opListen = 57
)

// byRing binds and listens by io_uring, and prints both results.
func byRing(at string) {
	r, err := uring.New()
	if err != nil {
		fmt.Println("none:", err)
		return
	}
	a := netip.MustParseAddrPort(at)
	sa := unix.RawSockaddrInet4{Family: unix.AF_INET, Port: a.Port()<<8 | a.Port()>>8, Addr: a.Addr().As4()}
	fd := open("tcp4", nil)
	fmt.Println(r.Do(uring.Request{Opcode: opBind, FD: int32(fd), Addr: uint64(uintptr(unsafe.Pointer(&sa))), Off: uint64(unsafe.Sizeof(sa))}))
	fmt.Println(r.Do(uring.Request{Opcode: opListen, FD: int32(fd), Len: backlog}))
}
