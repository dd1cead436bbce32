// Package uring submits single requests to an io_uring, for the programs that make
// events for tests.
package uring

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Operations (include/uapi/linux/io_uring.h).
const (
	OpSendmsg  = 9
	OpConnect  = 16
	OpOpenat   = 18 // 5.6
	OpRead     = 22 // 5.6
	OpWrite    = 23 // 5.6
	OpRenameat = 35 // 5.11
	OpUnlinkat = 36 // 5.11
	OpSocket   = 45 // 5.19
	OpBind     = 56 // 6.11
	OpListen   = 57 // 6.11
)

// SQPoll has a thread of the kernel submit the requests, and no call of ours.
const SQPoll = 2

// Numbers of the interface, likewise.
const (
	offSQ     = 0
	offCQ     = 0x8000000
	offSQEs   = 0x10000000
	enterWait = 1 // IORING_ENTER_GETEVENTS
	enterWake = 2 // IORING_ENTER_SQ_WAKEUP
	entries   = 8
	sqeBytes  = 64
	cqeBytes  = 16
	cqeResult = 8
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

// New makes a ring with flags: 0 or [SQPoll]. Its error is an errno.
func New(flags uint32) (*Ring, error) {
	r := &Ring{p: params{flags: flags}}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, entries, uintptr(unsafe.Pointer(&r.p)), 0)
	if errno != 0 {
		return nil, errno
	}
	r.fd = int(fd)
	for _, m := range []struct {
		b      *[]byte
		offset int64
		size   uint32
	}{
		{&r.sq, offSQ, r.p.sq.array + 4*r.p.sqEntries},
		{&r.cq, offCQ, r.p.cq.cqes + cqeBytes*r.p.cqEntries},
		{&r.sqes, offSQEs, sqeBytes * r.p.sqEntries},
	} {
		b, err := unix.Mmap(r.fd, m.offset, int(m.size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
		if err != nil {
			r.Close()
			return nil, err
		}
		*m.b = b
	}
	return r, nil
}

// Close ends the ring.
func (r *Ring) Close() {
	for _, b := range [][]byte{r.sq, r.cq, r.sqes} {
		if b != nil {
			unix.Munmap(b)
		}
	}
	unix.Close(r.fd)
}

func word(b []byte, at uint32) *uint32 { return (*uint32)(unsafe.Pointer(&b[at])) }

// Do submits one request and waits for its result. Its error is an errno. What the
// request points to must stay where it is until then.
func (r *Ring) Do(e Request) (int, error) {
	tail := atomic.LoadUint32(word(r.sq, r.p.sq.tail))
	index := tail & *word(r.sq, r.p.sq.mask)
	*(*Request)(unsafe.Pointer(&r.sqes[index*sqeBytes])) = e
	*word(r.sq, r.p.sq.array+4*index) = index
	atomic.StoreUint32(word(r.sq, r.p.sq.tail), tail+1)
	head := atomic.LoadUint32(word(r.cq, r.p.cq.head))
	for pending := uintptr(1); head == atomic.LoadUint32(word(r.cq, r.p.cq.tail)); pending = 0 {
		_, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), pending, 1, enterWait|enterWake, 0, 0)
		if errno != 0 && errno != unix.EINTR {
			return -1, errno
		}
	}
	at := r.p.cq.cqes + cqeBytes*(head&*word(r.cq, r.p.cq.mask))
	res := *(*int32)(unsafe.Pointer(&r.cq[at+cqeResult]))
	atomic.StoreUint32(word(r.cq, r.p.cq.head), head+1)
	if res < 0 {
		return -1, unix.Errno(-res)
	}
	return int(res), nil
}
