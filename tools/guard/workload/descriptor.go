package main

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Descriptors that one process opens and another one uses.
var descriptorOps = map[string]operation{
	"send-fd":     only(sendFD),
	"send-socket": only(sendSocket),
	"recv-fd":     recvFD,
	"pass-fd":     passFD,
	"take-fd":     takeFD,
	"pidfd-getfd": pidfdGetfd,
}

// passage is the descriptor of the socket that the two share.
const passage = 3

func send(socket, fd int) error {
	return at("sendmsg", unix.Sendmsg(socket, []byte{0}, unix.UnixRights(fd), nil, unix.MSG_NOSIGNAL))
}

// noPassage is the error of using the passage where there is none. It comes
// before anything is opened, which might get that number.
func noPassage() error {
	_, err := unix.GetsockoptInt(passage, unix.SOL_SOCKET, unix.SO_TYPE)
	return at("descriptor", err)
}

func sendFD(c *call) error {
	if err := noPassage(); err != nil {
		return err
	}
	fd, err := open(c.args[0], flags(openFlags, c.arg(1, "r")))
	if err != nil {
		return at("open", err)
	}
	defer unix.Close(fd)
	return send(passage, fd)
}

// sendSocket sends a socket that is connected.
func sendSocket(c *call) error {
	if err := noPassage(); err != nil {
		return err
	}
	_, err := withSocket(c.args[0], func(fd int) (string, error) {
		if err := unix.Connect(fd, address(c.args[0], c.args[1])); err != nil {
			return "", at("connect", err)
		}
		return "", send(passage, fd)
	})
	return err
}

func recvFD(c *call) (string, error) {
	if err := noPassage(); err != nil {
		return "", err
	}
	return receive(passage, c.arg(0, "read"))
}

// receive takes a descriptor and uses it. Where the kernel keeps it back, the
// message comes without it and says that it was cut, which is no error.
func receive(socket int, how string) (string, error) {
	var b [1]byte
	control := make([]byte, unix.CmsgSpace(4))
	var oobn, got int
	for {
		n, o, g, _, err := unix.Recvmsg(socket, b[:], control, unix.MSG_CMSG_CLOEXEC)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return "", err
		}
		if n == 0 {
			return "", textError("EOF") // the other side sent nothing
		}
		oobn, got = o, g
		break
	}
	if got&unix.MSG_CTRUNC != 0 {
		return "", textError("CTRUNC")
	}
	messages, err := unix.ParseSocketControlMessage(control[:oobn])
	if err != nil || len(messages) == 0 {
		return "", textError("nothing")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) == 0 {
		return "", textError("nothing")
	}
	defer unix.Close(fds[0])
	detail, err := use(fds[0], how)
	return detail, at(how, err)
}

// beside runs another workload with its end of a pair of sockets, while do has
// the other end.
func beside(argv []string, do func(socket int) (string, error)) (string, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", at("socketpair", err)
	}
	pid, err := fork()
	if err != nil {
		return "", at("fork", err)
	}
	if pid == 0 {
		high, err := unix.FcntlInt(uintptr(pair[1]), unix.F_DUPFD_CLOEXEC, passage+1) // it can be passage itself
		if err == nil {
			if err = unix.Dup3(high, passage, 0); err == nil {
				err = execve(argv[0], argv)
			}
		}
		tell(argv[0], "", err)
		os.Exit(127)
	}
	unix.Close(pair[1])
	detail, err := do(pair[0])
	unix.Close(pair[0])
	if _, killed := await(pid); err == nil {
		err = killed
	}
	return detail, err
}

func passFD(c *call) (string, error) {
	fd, err := open(c.args[1], flags(openFlags, c.arg(3, "r")))
	if err != nil {
		return "", at("open", err)
	}
	defer unix.Close(fd)
	return beside([]string{c.args[0], "recv-fd", c.arg(2, "read")}, func(socket int) (string, error) { return "", send(socket, fd) })
}

func takeFD(c *call) (string, error) {
	return beside([]string{c.args[0], "send-fd", c.args[1], c.arg(3, "r")}, func(socket int) (string, error) {
		return receive(socket, c.arg(2, "read"))
	})
}

// pidfdGetfd takes a descriptor out of another process: a number, or that of
// a file with this path.
func pidfdGetfd(c *call) (string, error) {
	pid, target := number(c.args[0]), -1
	if path := c.args[1]; strings.HasPrefix(path, "/") {
		const many = 64
		for fd := range many {
			if is, _ := os.Readlink("/proc/" + c.args[0] + "/fd/" + strconv.Itoa(fd)); is == path {
				target = fd
			}
		}
		if target < 0 {
			return "", at("find", unix.EBADF)
		}
	} else {
		target = number(path)
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return "", at("pidfd_open", err)
	}
	defer unix.Close(pidfd)
	fd, err := unix.PidfdGetfd(pidfd, target, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	how := c.arg(2, "read")
	detail, err := use(fd, how)
	return detail, at(how, err)
}
