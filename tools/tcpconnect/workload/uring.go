package main

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What io_uring's system calls take, for one request at a time
// (linux/io_uring.h).
const (
	opConnect      = 16
	enterGetEvents = 1
	offSqRing      = 0
	offCqRing      = 0x8000000
	offSqes        = 0x10000000
	featSingleMmap = 1
)

type ringParams struct {
	sqEntries, cqEntries, flags, sqCPU, sqIdle, features, wqFD uint32
	_                                                          [3]uint32
	sq                                                         struct {
		head, tail, mask, entries, flags, dropped, array, _ uint32
		addr                                                uint64
	}
	cq struct {
		head, tail, mask, entries, overflow, cqes, flags, _ uint32
		addr                                                uint64
	}
}

type request struct {
	opcode, flags uint8
	ioprio        uint16
	fd            int32
	off           uint64 // the length of the address
	addr          uint64
	_             [40]byte
}

type completion struct {
	user  uint64
	res   int32
	flags uint32
}

// uring connects by io_uring.
func uring(a *args) {
	fd := socket(a.to.Addr(), 0)
	tell(fd, submit(fd, sockaddr(a.to)))
}

// submit has io_uring connect the socket and waits for the completion.
func submit(fd int, to unix.Sockaddr) error {
	var p ringParams
	ring, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		return errno
	}
	defer unix.Close(int(ring))
	mmap := func(off int64, size uint32) []byte {
		b, err := unix.Mmap(int(ring), off, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
		check("map ring", err)
		return b
	}
	sq := mmap(offSqRing, p.sq.array+p.sqEntries*4)
	cq := mmap(offCqRing, p.cq.cqes+p.cqEntries*uint32(unsafe.Sizeof(completion{})))
	sqes := mmap(offSqes, p.sqEntries*uint32(unsafe.Sizeof(request{})))
	word := func(b []byte, at uint32) *uint32 { return (*uint32)(unsafe.Pointer(&b[at])) }

	var pin runtime.Pinner
	defer pin.Unpin()
	addr, size := rawAddress(to)
	pin.Pin(addr)
	*(*request)(unsafe.Pointer(&sqes[0])) = request{opcode: opConnect, fd: int32(fd), off: size, addr: uint64(uintptr(unsafe.Pointer(addr)))}
	*word(sq, p.sq.array) = 0
	atomic.StoreUint32(word(sq, p.sq.tail), *word(sq, p.sq.tail)+1)
	for submitted := uintptr(1); ; submitted = 0 {
		_, _, errno = unix.Syscall6(unix.SYS_IO_URING_ENTER, ring, submitted, 1, enterGetEvents, 0, 0)
		if errno != 0 && errno != unix.EINTR {
			return errno
		}
		if head := *word(cq, p.cq.head); head != atomic.LoadUint32(word(cq, p.cq.tail)) {
			c := (*completion)(unsafe.Pointer(&cq[p.cq.cqes]))
			if c.res < 0 {
				return unix.Errno(-c.res)
			}
			return nil
		}
	}
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
