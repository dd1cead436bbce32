package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A driver prepares a load in the process of a worker and returns what does it
// once. Workers are processes of their own, so that they are as parallel as the
// machine is and our work is not measured with theirs.
type driver func(args []string) (once func() error, err error)

var drivers = map[string]driver{
	"exec":    driveExec,
	"capable": driveCapable,
	"connect": driveConnect,
	"bind":    driveBind,
	"open":    driveOpen,
	"life":    driveLife,
	"write":   driveWrite,
	"request": driveRequest,
}

// eventMark is an argument of a new program, or the name of the thread that
// does what is traced. It is short, because some tools cut a name off after
// twelve bytes.
const eventMark = "BENCH-EVENT"

// execLoad executes a program.
func execLoad(program string) load {
	return load{driver: "exec", args: []string{program, eventMark}, mark: eventMark}
}

// capableLoad asks the kernel for a capability, CAP_SYS_ADMIN.
func capableLoad() load { return namedLoad("capable", 500) }

// connectLoad opens a TCP connection to the worker's own listener on loopback.
func connectLoad() load { return namedLoad("connect", 15) }

// bindLoad binds a TCP socket to 127.0.0.1 and a free port.
func bindLoad() load { return namedLoad("bind", 40) }

// openLoad opens a file and closes it.
func openLoad() load { return namedLoad("open", 200) }

// lifeLoad makes a file, closes it and deletes it.
func lifeLoad() load { return namedLoad("life", 50) }

// writeLoad writes a byte to /dev/null.
func writeLoad() load { return namedLoad("write", 1000) }

// namedLoad is one that is known by the name of its thread.
func namedLoad(driver string, cheap int) load {
	return load{driver: driver, args: []string{eventMark}, mark: eventMark, cheap: cheap}
}

func init() {
	// A worker is one thread, the process's first, so that its name is that of
	// the process too.
	if len(os.Args) > 1 && os.Args[1] == driveArg {
		runtime.LockOSThread()
	}
}

// setName names this thread, as /proc/PID/comm and bpf_get_current_comm have it.
func setName(name string) error {
	b := append([]byte(name), 0)
	if err := unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(unsafe.SliceData(b))), 0, 0, 0); err != nil {
		return fmt.Errorf("set the name of the thread: %w", err)
	}
	return nil
}

// driveExec runs a program and waits for it.
func driveExec(argv []string) (func() error, error) {
	return func() error {
		pid, err := syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{})
		if err != nil {
			return fmt.Errorf("exec %s: %w", argv[0], err)
		}
		if _, err := syscall.Wait4(pid, nil, 0, nil); err != nil {
			return fmt.Errorf("wait for %s: %w", argv[0], err)
		}
		return nil
	}, nil
}

// driveCapable sets a host name of an impossible length: the kernel asks for
// CAP_SYS_ADMIN, once, before it looks at the length and refuses. No call does
// less besides.
func driveCapable(args []string) (func() error, error) {
	const impossible = ^uintptr(0)
	return func() error {
		if _, _, errno := unix.RawSyscall(unix.SYS_SETHOSTNAME, 0, impossible, 0); errno != unix.EINVAL {
			return fmt.Errorf("ask for a capability: %w", errno)
		}
		return nil
	}, setName(args[0])
}

// driveConnect connects to a listener of its own. On loopback the connection is
// there when connect returns, so that one thread can then accept it.
func driveConnect(args []string) (func() error, error) {
	// Each worker listens on an address made of its pid: another one's
	// connections, and what the kernel remembers of them, are not in its way.
	pid := os.Getpid()
	to := &unix.SockaddrInet4{Addr: [4]byte{127, byte(pid >> 16), byte(pid >> 8), byte(pid)}}
	listener, err := boundSocket(to)
	if err != nil {
		return nil, err
	}
	if err := unix.Listen(listener, 16); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	self, err := unix.Getsockname(listener)
	if err != nil {
		return nil, fmt.Errorf("find the listener's port: %w", err)
	}
	to.Port = self.(*unix.SockaddrInet4).Port
	return func() error {
		fd, err := tcpSocket()
		if err != nil {
			return err
		}
		// Reset instead of TIME_WAIT, in which ports would run out.
		if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
			return fmt.Errorf("set linger: %w", err)
		}
		if err := unix.Connect(fd, to); err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		peer, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		unix.Close(fd)
		unix.Close(peer)
		return nil
	}, setName(args[0])
}

// driveBind binds a socket and closes it.
func driveBind(args []string) (func() error, error) {
	at := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	return func() error {
		fd, err := boundSocket(at)
		if err != nil {
			return err
		}
		return unix.Close(fd)
	}, setName(args[0])
}

// driveOpen opens our own program, which is there for sure.
func driveOpen(args []string) (func() error, error) {
	return func() error {
		fd, err := unix.Open("/proc/self/exe", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open: %w", err)
		}
		return unix.Close(fd)
	}, setName(args[0])
}

// driveLife makes a file in memory, where no disk is in its way, and deletes it.
// No other worker has a file of that name.
func driveLife(args []string) (func() error, error) {
	path := fmt.Sprintf("/dev/shm/bench-%d", os.Getpid())
	return func() error {
		fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
		if err != nil {
			return fmt.Errorf("make a file: %w", err)
		}
		unix.Close(fd)
		if err := unix.Unlink(path); err != nil {
			return fmt.Errorf("delete a file: %w", err)
		}
		return nil
	}, setName(args[0])
}

// driveWrite writes one byte to where it is forgotten.
func driveWrite(args []string) (func() error, error) {
	fd, err := unix.Open("/dev/null", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	one := []byte{'x'}
	return func() error {
		if _, err := unix.Write(fd, one); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		return nil
	}, setName(args[0])
}

func tcpSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("make a socket: %w", err)
	}
	return fd, nil
}

func boundSocket(at *unix.SockaddrInet4) (int, error) {
	fd, err := tcpSocket()
	if err != nil {
		return -1, err
	}
	if err := unix.Bind(fd, at); err != nil {
		return -1, fmt.Errorf("bind: %w", err)
	}
	return fd, nil
}
