package main

import (
	"fmt"
	"net/netip"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Numbers of io_uring (include/uapi/linux/io_uring.h).
const (
	opBind    = 56 // 6.11
	opListen  = 57
	offSQ     = 0
	offCQ     = 0x8000000
	offSQEs   = 0x10000000
	enterWait = 1 // IORING_ENTER_GETEVENTS
	entries   = 8
	sqeBytes  = 64
	cqeBytes  = 16
)

// params is struct io_uring_params.
type params struct {
	sqEntries, cqEntries, flags, cpu, idle, features, wqFD uint32
	_                                                      [3]uint32
	sq                                                     struct {
		head, tail, mask, entries, flags, dropped, array, _ uint32
		_                                                   uint64
	}
	cq struct {
		head, tail, mask, entries, overflow, cqes, flags, _ uint32
		_                                                   uint64
	}
}

// sqe is struct io_uring_sqe.
type sqe struct {
	opcode, flags uint8
	prio          uint16
	fd            int32
	off, addr     uint64
	len, opFlags  uint32
	user          uint64
	_             [3]uint64
}

// ring is an io_uring of a few entries.
type ring struct {
	fd     int
	p      params
	sq, cq []byte
	sqes   []byte
}

func newRing() (*ring, error) {
	r := &ring{}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, entries, uintptr(unsafe.Pointer(&r.p)), 0)
	if errno != 0 {
		return nil, errno
	}
	r.fd = int(fd)
	for _, m := range []struct {
		b      *[]byte
		offset int64
		size   int
	}{
		{&r.sq, offSQ, int(r.p.sq.array) + 4*int(r.p.sqEntries)},
		{&r.cq, offCQ, int(r.p.cq.cqes) + cqeBytes*int(r.p.cqEntries)},
		{&r.sqes, offSQEs, sqeBytes * int(r.p.sqEntries)},
	} {
		b, err := unix.Mmap(r.fd, m.offset, m.size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
		if err != nil {
			return nil, err
		}
		*m.b = b
	}
	return r, nil
}

func word(b []byte, at uint32) *uint32 { return (*uint32)(unsafe.Pointer(&b[at])) }

// do submits one request and returns its result.
func (r *ring) do(e sqe) int32 {
	tail := atomic.LoadUint32(word(r.sq, r.p.sq.tail))
	index := tail & *word(r.sq, r.p.sq.mask)
	*(*sqe)(unsafe.Pointer(&r.sqes[index*sqeBytes])) = e
	*word(r.sq, r.p.sq.array+4*index) = index
	atomic.StoreUint32(word(r.sq, r.p.sq.tail), tail+1)
	if _, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), 1, 1, enterWait, 0, 0); errno != 0 {
		return -int32(errno)
	}
	head := atomic.LoadUint32(word(r.cq, r.p.cq.head))
	at := r.p.cq.cqes + cqeBytes*(head&*word(r.cq, r.p.cq.mask))
	res := *(*int32)(unsafe.Pointer(&r.cq[at+8]))
	atomic.StoreUint32(word(r.cq, r.p.cq.head), head+1)
	return res
}

// uring binds and listens by io_uring, and prints both results.
func uring(at string) {
	r, err := newRing()
	if err != nil {
		fmt.Println("none:", err)
		return
	}
	a := netip.MustParseAddrPort(at)
	sa := unix.RawSockaddrInet4{Family: unix.AF_INET, Port: a.Port()<<8 | a.Port()>>8, Addr: a.Addr().As4()}
	fd := open("tcp4", nil)
	fmt.Println(r.do(sqe{opcode: opBind, fd: int32(fd), addr: uint64(uintptr(unsafe.Pointer(&sa))), off: uint64(unsafe.Sizeof(sa))}))
	fmt.Println(r.do(sqe{opcode: opListen, fd: int32(fd), len: backlog}))
}
