package main

import (
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/uring"
)

// byRing binds and listens by io_uring, and prints both results: 0, or a negative errno.
func byRing(at string) {
	r, err := uring.New(0)
	if err != nil {
		fmt.Println("none:", err)
		return
	}
	defer r.Close()
	a := netip.MustParseAddrPort(at)
	sa := unix.RawSockaddrInet4{Family: unix.AF_INET, Port: a.Port()<<8 | a.Port()>>8, Addr: a.Addr().As4()}
	fd := open("tcp4", nil)
	for _, e := range []uring.Request{
		{Opcode: uring.OpBind, FD: int32(fd), Addr: uint64(uintptr(unsafe.Pointer(&sa))), Off: uint64(unsafe.Sizeof(sa))},
		{Opcode: uring.OpListen, FD: int32(fd), Len: backlog},
	} {
		res, err := r.Do(e)
		if err != nil {
			res = -int(err.(unix.Errno))
		}
		fmt.Println(res)
	}
}
