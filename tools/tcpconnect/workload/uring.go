package main

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/uring"
)

// byRing connects by io_uring.
func byRing(a *args) {
	fd := socket(a.to.Addr(), 0)
	tell(fd, submit(fd, sockaddr(a.to)))
}

// submit has io_uring connect the socket and waits for the completion.
func submit(fd int, to unix.Sockaddr) error {
	ring, err := uring.New(0)
	if err != nil {
		return err
	}
	defer ring.Close()
	var pin runtime.Pinner
	defer pin.Unpin()
	addr, size := rawAddress(to)
	pin.Pin(addr)
	_, err = ring.Do(uring.Request{Opcode: uring.OpConnect, FD: int32(fd), Off: size, Addr: uint64(uintptr(unsafe.Pointer(addr)))})
	return err
}

// rawAddress lays an address out as the kernel reads it.
func rawAddress(to unix.Sockaddr) (*[28]byte, uint64) {
	raw := new([28]byte)
	port := func(p int) { raw[2], raw[3] = byte(p>>8), byte(p) }
	switch to := to.(type) {
	case *unix.SockaddrInet4:
		raw[0] = unix.AF_INET
		port(to.Port)
		copy(raw[4:], to.Addr[:])
		return raw, 16
	case *unix.SockaddrInet6:
		raw[0] = unix.AF_INET6
		port(to.Port)
		copy(raw[8:], to.Addr[:])
		return raw, 28
	}
	panic("an address of neither version")
}
