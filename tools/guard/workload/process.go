package main

import (
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

var processPrefixes = map[string]prefix{
	"wait":         wait,
	"fork":         forkThen,
	"daemon":       daemon,
	"exec-daemon":  daemon,
	"thread":       threadThen,
	"exec-then":    execThen,
	"set-exe-file": setExeFile,
	"mountns":      mountns,
	"netns":        netns,
}

// ready says that we wait for a word on stdin, a byte or a line, or its end.
func ready() {
	say("ready\n")
	readWord()
}

// readWord is false at the end of stdin.
func readWord() bool {
	var b [64]byte
	for {
		n, err := unix.Read(0, b[:])
		if err != unix.EINTR {
			return n > 0
		}
	}
}

func wait(c *call, rest func()) error {
	ready()
	rest()
	return nil
}

func forkThen(c *call, rest func()) error {
	pid, err := fork()
	if err != nil {
		return err
	}
	if pid == 0 {
		rest()
		os.Exit(0)
	}
	return finished(await(pid))
}

// daemon goes on in a grandchild that is the child of init, in a session of
// its own, and waits for its end: a pipe closes then.
func daemon(c *call, rest func()) error {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], 0); err != nil { // what it executes keeps it open
		return at("pipe", err)
	}
	pid, err := fork()
	if err != nil {
		return err
	}
	if pid > 0 {
		unix.Close(pipe[1])
		if _, err := await(pid); err != nil {
			return err
		}
		readAll(pipe[0])
		return nil
	}
	unix.Close(pipe[0])
	if _, err := unix.Setsid(); err != nil {
		tell(c.name, "", at("setsid", err))
		os.Exit(0)
	}
	parent := os.Getpid()
	if pid, err = fork(); err != nil {
		tell(c.name, "", err)
	}
	if pid == 0 {
		for os.Getppid() == parent {
			pause()
		}
		rest()
	}
	os.Exit(0)
	return nil
}

// pause is a moment. It is no time.Sleep, which takes other threads.
func pause() {
	ts := unix.NsecToTimespec(1e6)
	unix.Nanosleep(&ts, nil)
}

func threadThen(c *call, rest func()) error {
	inThreads(1, func(int) { rest() })
	return nil
}

// execThen executes a program, which is a workload again, in this process.
func execThen(c *call, rest func()) error {
	return execve(c.args[0], c.args)
}

// joining makes new threads join a namespace of the calling one, and stay in
// the directory where they are.
func joining(kind string, flag int) func() error {
	name := fmt.Sprintf("/proc/self/task/%d/ns/%s", unix.Gettid(), kind)
	return func() error {
		dir, err := unix.Getwd()
		if err != nil {
			return at("getcwd", err)
		}
		fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return at(name, err)
		}
		defer unix.Close(fd)
		if flag == unix.CLONE_NEWNS { // one cannot join while threads share what a root directory is
			if err := unix.Unshare(unix.CLONE_FS); err != nil {
				return at("unshare", err)
			}
		}
		if err := unix.Setns(fd, flag); err != nil {
			return at("setns", err)
		}
		return at("chdir", unix.Chdir(dir))
	}
}

func mountns(c *call, rest func()) error {
	if err := enterMountns(); err != nil {
		return err
	}
	inherited = append(inherited, joining("mnt", unix.CLONE_NEWNS))
	rest()
	return nil
}

// enterMountns is a mount namespace of our own, from which nothing spreads.
func enterMountns() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	return at("private", makePrivate())
}

// makePrivate cuts all mounts off from those of other namespaces. A policy
// about mount(2) is not to see it where that can be helped.
func makePrivate() error {
	info, err := readFile(fmt.Sprintf("/proc/self/task/%d/mountinfo", unix.Gettid()))
	if err == nil && !strings.Contains(info, " shared:") {
		return nil
	}
	attr := unix.MountAttr{Propagation: unix.MS_PRIVATE}
	if unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, &attr) == nil { // 5.12
		return nil
	}
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
}

func netns(c *call, rest func()) error {
	if err := enterNetns(); err != nil {
		return err
	}
	inherited = append(inherited, joining("net", unix.CLONE_NEWNET))
	rest()
	return nil
}

// enterNetns is a network namespace of our own, with a loopback that is up.
func enterNetns() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0) // of any kind
	if err != nil {
		return at("socket", err)
	}
	defer unix.Close(fd)
	lo := struct { // struct ifreq
		name  [unix.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}{name: [unix.IFNAMSIZ]byte{'l', 'o'}, flags: unix.IFF_UP}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&lo)))
	return at("up", failure(errno))
}
