package main

import (
	"os"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Children are made by a bare fork and go on as Go programs. An exec of
// /proc/self/exe would do, if the exec were not what a policy may deny.
//
// The child has one thread, that which forked. The runtime bears it because
// nothing in the child needs another one: there is one P, which the forking
// thread holds, nothing is collected, no goroutine waits for another, and what
// takes the runtime's locks, such as syscall.Exec, is not called. What does need
// threads (inThreads) is refused in a child.
//
// Another thread of the runtime, which is about to end or to sleep, may hold one
// of those locks at the very moment of the fork. In the child nobody gives it back.
// So a child first takes what it will need, and one that does not come that far is
// replaced.

var forked bool // this is such a child

// forkPatience is how long a child may take to show that it lives. An emulated
// machine that is busy takes long for anything.
const forkPatience = 20 // seconds

// fork returns 0 in the child.
func fork() (int, error) {
	for {
		var pipe [2]int
		if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
			return -1, err
		}
		pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if errno == 0 && pid == 0 {
			// Before anything else: a goroutine that is locked to its thread and
			// gives way, as it is asked to after 10 ms, waits for another thread to
			// let it go on. There is no other thread that it could run on anyway.
			runtime.UnlockOSThread()
			forked = true
			runtime.Gosched()                          // takes the scheduler's lock,
			runtime.KeepAlive(make([]byte, bigObject)) // and this the heap's
			unix.Close(pipe[0])
			unix.Close(pipe[1]) // which the parent sees
			return 0, nil
		}
		unix.Close(pipe[1])
		alive := errno == 0 && hangsUp(pipe[0])
		unix.Close(pipe[0])
		switch {
		case errno != 0:
			return -1, errno
		case alive:
			return int(pid), nil
		}
		unix.Kill(int(pid), unix.SIGKILL)
		await(int(pid))
	}
}

// bigObject is in bytes: too many for the stack.
const bigObject = 128 << 10

// hangsUp waits until nobody has the other end of a pipe any more.
func hangsUp(fd int) bool {
	wait := unix.Timespec{Sec: forkPatience}
	p := unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	for {
		// Linux writes into wait what is left of it.
		n, _, errno := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1, uintptr(unsafe.Pointer(&wait)), 0, 0, 0)
		if errno != unix.EINTR {
			return errno == 0 && n == 1
		}
	}
}

// signalError says that a child was killed.
type signalError unix.Signal

func (s signalError) Error() string { return unix.SignalName(unix.Signal(s)) }

// await waits for a child and returns its exit status.
func await(pid int) (int, error) {
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(pid, &status, 0, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return -1, err
		}
		if status.Signaled() {
			return -1, signalError(status.Signal())
		}
		return status.ExitStatus(), nil
	}
}

// inChild lets a child do an operation and print its line.
func inChild(c *call, do func() (string, error)) (string, error) {
	pid, err := fork()
	if err != nil {
		return "", at("fork", err)
	}
	if pid == 0 {
		if detail, err := do(); err != errTold {
			tell(c.name, detail, err)
		}
		os.Exit(0)
	}
	if err := finished(await(pid)); err != nil {
		return "", err
	}
	return "", errTold
}

// finished ends this process as the child ended, if that met wrong usage.
func finished(status int, err error) error {
	if status > 0 {
		os.Exit(status)
	}
	return err
}

// spawn forks and lets the child call exec, which returns only if it fails. It
// returns the exit status of what was executed.
func spawn(exec func() error) (int, error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return -1, at("pipe", err)
	}
	pid, err := fork()
	if err != nil {
		return -1, at("fork", err)
	}
	if pid == 0 {
		unix.Write(pipe[1], []byte(outcome(exec())))
		os.Exit(127)
	}
	unix.Close(pipe[1])
	why := readAll(pipe[0])
	unix.Close(pipe[0])
	status, err := await(pid)
	if why != "" {
		return -1, textError(why)
	}
	return status, err
}

// execve returns only if it fails.
func execve(path string, argv []string) error {
	file, args, env := pointers([]string{path}), pointers(argv), pointers(os.Environ())
	_, _, errno := unix.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(file[0])),
		uintptr(unsafe.Pointer(&args[0])), uintptr(unsafe.Pointer(&env[0])))
	return errno
}

// textError is an outcome that another process has put into words.
type textError string

func (e textError) Error() string { return string(e) }

// failure is the error of a raw system call.
func failure(errno unix.Errno) error {
	if errno != 0 {
		return errno
	}
	return nil
}

func readAll(fd int) string {
	var all []byte
	var b [4096]byte
	for {
		n, err := unix.Read(fd, b[:])
		if err == unix.EINTR {
			continue
		}
		if n <= 0 || err != nil {
			return string(all)
		}
		all = append(all, b[:n]...)
	}
}

// inherited is what a thread must do to be like the one that ran the prefixes:
// the runtime starts threads from one that never changed.
var inherited []func() error

// inThreads runs f in n new threads at the same time and waits for them.
func inThreads(n int, f func(i int)) {
	if forked {
		wrong("a forked child cannot have threads: put thread before what forks, or exec-then between")
	}
	runtime.GOMAXPROCS(min(n+1, 8))
	defer runtime.GOMAXPROCS(1)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			runtime.LockOSThread() // for good: the thread ends with us
			for _, same := range inherited {
				if err := same(); err != nil {
					tell("thread", "", err)
					return
				}
			}
			f(i)
		})
	}
	all.Wait()
}
