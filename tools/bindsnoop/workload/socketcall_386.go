package main

import (
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Calls behind socketcall(2) (include/uapi/linux/net.h).
const (
	callBind   = 2
	callListen = 4
)

func socketcall(at string) {
	a := netip.MustParseAddrPort(at)
	sa := unix.RawSockaddrInet4{Family: unix.AF_INET, Port: a.Port()<<8 | a.Port()>>8, Addr: a.Addr().As4()}
	fd := open("tcp4", nil)
	for _, c := range []struct {
		op   uintptr
		args [3]uintptr
	}{
		{callBind, [3]uintptr{uintptr(fd), uintptr(unsafe.Pointer(&sa)), unsafe.Sizeof(sa)}},
		{callListen, [3]uintptr{uintptr(fd), backlog}},
	} {
		_, _, errno := unix.RawSyscall(unix.SYS_SOCKETCALL, c.op, uintptr(unsafe.Pointer(&c.args)), 0)
		if errno != 0 {
			fmt.Println(unix.ErrnoName(errno))
			continue
		}
		fmt.Println(port(fd))
	}
}
