package main

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Operations that a thread of the kernel does for us.
var uringOps = map[string]operation{
	"open-uring":    openUring,
	"unlink-uring":  only(unlinkUring),
	"connect-uring": connectUring,
	"bind-uring":    bindUring,
	"sendmsg-uring": sendmsgUring,
	"socket-uring":  socketUring,
}

// Numbers of io_uring (linux/io_uring.h).
const (
	opSendmsg   = 9
	opConnect   = 16
	opOpenat    = 18
	opUnlinkat  = 36
	opSocket    = 45 // 5.19
	opBind      = 56 // 6.11
	setupSQPoll = 2
	offSQ       = 0
	offCQ       = 0x8000000
	offSQEs     = 0x10000000
	enterWait   = 1 // IORING_ENTER_GETEVENTS
	enterWake   = 2 // IORING_ENTER_SQ_WAKEUP
	sqeBytes    = 64
	cqeBytes    = 16
	cqeResult   = 8
)

// ringParams is struct io_uring_params.
type ringParams struct {
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

// request is struct io_uring_sqe.
type request struct {
	opcode, flags uint8
	prio          uint16
	fd            int32
	off, addr     uint64
	len, opFlags  uint32
	user          uint64
	_             [3]uint64
}

func pointer[T any](p *T) uint64 { return uint64(uintptr(unsafe.Pointer(p))) }

// submit makes a ring for one request and returns its result. With "sqpoll", it
// is no call of ours that submits it, but a thread of the kernel.
func submit(how string, r request) (int, error) {
	var p ringParams
	p.flags = flags(map[string]uint32{"": 0, "sqpoll": setupSQPoll}, how)
	ring, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		return -1, at("io_uring_setup", errno)
	}
	defer unix.Close(int(ring))
	var maps [3][]byte
	for i, m := range [3]struct{ offset, size uint32 }{
		{offSQ, p.sq.array + 4*p.sqEntries}, {offCQ, p.cq.cqes + cqeBytes*p.cqEntries}, {offSQEs, sqeBytes * p.sqEntries},
	} {
		b, err := unix.Mmap(int(ring), int64(m.offset), int(m.size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
		if err != nil {
			return -1, at("mmap", err)
		}
		defer unix.Munmap(b)
		maps[i] = b
	}
	sq, cq := maps[0], maps[1]
	word := func(b []byte, at uint32) *uint32 { return (*uint32)(unsafe.Pointer(&b[at])) }
	*(*request)(unsafe.Pointer(&maps[2][0])) = r
	*word(sq, p.sq.array) = 0
	atomic.StoreUint32(word(sq, p.sq.tail), *word(sq, p.sq.tail)+1)
	for pending := uintptr(1); ; pending = 0 {
		_, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, ring, pending, 1, enterWait|enterWake, 0, 0)
		if errno != 0 && errno != unix.EINTR {
			return -1, at("io_uring_enter", errno)
		}
		if *word(cq, p.cq.head) != atomic.LoadUint32(word(cq, p.cq.tail)) {
			break
		}
	}
	if result := int(int32(*word(cq, p.cq.cqes+cqeResult))); result < 0 {
		return -1, unix.Errno(-result)
	} else {
		return result, nil
	}
}

func openUring(c *call) (string, error) {
	path := pointers(c.args[:1])[0]
	fd, err := submit(c.arg(1, ""), request{opcode: opOpenat, fd: unix.AT_FDCWD, addr: pointer(path), opFlags: unix.O_RDONLY | unix.O_CLOEXEC})
	runtime.KeepAlive(path)
	return readOpened(fd, err)
}

func unlinkUring(c *call) error {
	path := pointers(c.args[:1])[0]
	_, err := submit(c.arg(1, ""), request{opcode: opUnlinkat, fd: unix.AT_FDCWD, addr: pointer(path)})
	runtime.KeepAlive(path)
	return err
}

func connectUring(c *call) (string, error) {
	return withSocket(c.args[0], func(fd int) (string, error) {
		to := raw(address(c.args[0], c.args[1]))
		_, err := submit(c.arg(2, ""), request{opcode: opConnect, fd: int32(fd), addr: pointer(&to[0]), off: uint64(len(to))})
		runtime.KeepAlive(to)
		return reached(err)
	})
}

func bindUring(c *call) (string, error) {
	return withSocket(c.args[0], func(fd int) (string, error) {
		to := raw(address(c.args[0], c.args[1]))
		_, err := submit(c.arg(2, ""), request{opcode: opBind, fd: int32(fd), addr: pointer(&to[0]), off: uint64(len(to))})
		runtime.KeepAlive(to)
		return "", err
	})
}

func sendmsgUring(c *call) (string, error) {
	return withSocket(c.args[0], func(fd int) (string, error) {
		message := header(raw(address(c.args[0], c.args[1])))
		_, err := submit(c.arg(2, ""), request{opcode: opSendmsg, fd: int32(fd), addr: pointer(message), len: 1})
		runtime.KeepAlive(message)
		return reached(err)
	})
}

func socketUring(c *call) (string, error) {
	kind := named(socketTypes, c.args[1]) | unix.SOCK_CLOEXEC
	return opened(submit("", request{opcode: opSocket, fd: int32(named(families, c.args[0])), off: uint64(kind), len: uint32(number(c.arg(2, "0")))}))
}
