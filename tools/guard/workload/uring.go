package main

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/uring"
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

func pointer[T any](p *T) uint64 { return uint64(uintptr(unsafe.Pointer(p))) }

// submit makes a ring for one request and returns its result. With "sqpoll", it
// is no call of ours that submits it, but a thread of the kernel.
func submit(how string, r uring.Request) (int, error) {
	ring, err := uring.New(flags(map[string]uint32{"": 0, "sqpoll": uring.SQPoll}, how))
	if err != nil {
		return -1, at("io_uring_setup", err)
	}
	defer ring.Close()
	return ring.Do(r)
}

func openUring(c *call) (string, error) {
	path := pointers(c.args[:1])[0]
	fd, err := submit(c.arg(1, ""), uring.Request{Opcode: uring.OpOpenat, FD: unix.AT_FDCWD, Addr: pointer(path), OpFlags: unix.O_RDONLY | unix.O_CLOEXEC})
	runtime.KeepAlive(path)
	return readOpened(fd, err)
}

func unlinkUring(c *call) error {
	path := pointers(c.args[:1])[0]
	_, err := submit(c.arg(1, ""), uring.Request{Opcode: uring.OpUnlinkat, FD: unix.AT_FDCWD, Addr: pointer(path)})
	runtime.KeepAlive(path)
	return err
}

func connectUring(c *call) (string, error) {
	return withSocket(c.args[0], func(fd int) (string, error) {
		to := raw(address(c.args[0], c.args[1]))
		_, err := submit(c.arg(2, ""), uring.Request{Opcode: uring.OpConnect, FD: int32(fd), Addr: pointer(&to[0]), Off: uint64(len(to))})
		runtime.KeepAlive(to)
		return reached(err)
	})
}

func bindUring(c *call) (string, error) {
	return withSocket(c.args[0], func(fd int) (string, error) {
		to := raw(address(c.args[0], c.args[1]))
		_, err := submit(c.arg(2, ""), uring.Request{Opcode: uring.OpBind, FD: int32(fd), Addr: pointer(&to[0]), Off: uint64(len(to))})
		runtime.KeepAlive(to)
		return "", err
	})
}

func sendmsgUring(c *call) (string, error) {
	return withSocket(c.args[0], func(fd int) (string, error) {
		message := header(raw(address(c.args[0], c.args[1])))
		_, err := submit(c.arg(2, ""), uring.Request{Opcode: uring.OpSendmsg, FD: int32(fd), Addr: pointer(message), Len: 1})
		runtime.KeepAlive(message)
		return reached(err)
	})
}

func socketUring(c *call) (string, error) {
	kind := named(socketTypes, c.args[1]) | unix.SOCK_CLOEXEC
	return opened(submit("", uring.Request{Opcode: uring.OpSocket, FD: int32(named(families, c.args[0])), Off: uint64(kind), Len: uint32(number(c.arg(2, "0")))}))
}
