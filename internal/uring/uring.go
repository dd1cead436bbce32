// Package uring submits single requests to an io_uring, for the programs that make
// events for tests.
package uring

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Numbers of io_uring (include/uapi/linux/io_uring.h).
const (
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

// Request is struct io_uring_sqe.
type Request struct {
	Opcode, Flags uint8
	Prio          uint16
	FD            int32
	Off, Addr     uint64
	Len, OpFlags  uint32
	User          uint64
	_             [3]uint64
}

// Ring is an io_uring of a few entries.
type Ring struct {
	fd     int
	p      params
	sq, cq []byte
	sqes   []byte
}

// New makes a ring.
func New() (*Ring, error) {
	r := &Ring{}
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

// Do submits one request and returns its result, or a negative errno.
func (r *Ring) Do(e Request) int32 {
	tail := atomic.LoadUint32(word(r.sq, r.p.sq.tail))
	index := tail & *word(r.sq, r.p.sq.mask)
	*(*Request)(unsafe.Pointer(&r.sqes[index*sqeBytes])) = e
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
