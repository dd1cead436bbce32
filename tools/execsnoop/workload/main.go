// Workload makes one exec in one particular way. The kernel tests of execsnoop
// run it, also as a 32-bit program.
//
//	workload HOW FILE ARG...
//
// FILE is executed with ARG... as its whole argv, ARG[0] included. A failure is
// printed as the name of its errno, with exit code 1.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

func init() { runtime.LockOSThread() } // main stays on the leader

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: workload HOW FILE ARG...")
		os.Exit(2)
	}
	how, file, argv := os.Args[1], os.Args[2], os.Args[3:]
	ways := map[string]func(string, []string) error{
		"exec":        execve,
		"thread":      onThread(execve),
		"execveat":    execAt,
		"fexecve":     execFD,
		"proc-fd":     execProcFD,
		"memfd":       execMemfd,
		"deleted":     execDeleted,
		"bad-fd":      execBadFD,
		"nonresident": execNonresident,
		"rewrite":     execRewritten,
		"duel":        duel,
		"bad-argv":    execBadArgv,
		"too-big":     execTooBig,
		"args":        writeArgs,
		"repeat":      repeat,
		"wait":        waitFor,
	}
	way, ok := ways[how]
	if !ok {
		fmt.Fprintln(os.Stderr, "workload: no way", how)
		os.Exit(2)
	}
	if err := way(file, argv); err != nil {
		if errno, ok := err.(syscall.Errno); ok {
			fmt.Println(unix.ErrnoName(errno))
		} else {
			fmt.Println(err)
		}
		os.Exit(1)
	}
}

// execve calls the system call without anything in between.
func execve(file string, argv []string) error {
	return syscall.Exec(file, argv, os.Environ())
}

// onThread runs way on a thread that is not the leader.
func onThread(way func(string, []string) error) func(string, []string) error {
	return func(file string, argv []string) error {
		result := make(chan error)
		go func() {
			runtime.LockOSThread()
			if unix.Gettid() == unix.Getpid() {
				panic("on the leader")
			}
			result <- way(file, argv)
		}()
		return <-result
	}
}

// execAt names the file relative to its directory.
func execAt(file string, argv []string) error {
	dir, name := split(file)
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return execveat(fd, name, argv, 0)
}

// execFD executes an open file, which the kernel calls /dev/fd/N.
func execFD(file string, argv []string) error {
	fd, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return execveat(fd, "", argv, unix.AT_EMPTY_PATH)
}

func execProcFD(file string, argv []string) error {
	fd, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return execve("/proc/self/fd/"+strconv.Itoa(fd), argv)
}

// execMemfd executes a copy that was never in a directory.
func execMemfd(file string, argv []string) error {
	image, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	fd, err := unix.MemfdCreate("hidden", unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	if _, err := os.NewFile(uintptr(fd), "memfd").Write(image); err != nil {
		return err
	}
	return execveat(fd, "", argv, unix.AT_EMPTY_PATH)
}

// execDeleted removes the file between open and exec.
func execDeleted(file string, argv []string) error {
	fd, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := os.Remove(file); err != nil {
		return err
	}
	return execveat(fd, "", argv, unix.AT_EMPTY_PATH)
}

func execBadFD(file string, argv []string) error { return execveat(99, file, argv, 0) }

// execBadArgv passes an argv that is not in memory.
func execBadArgv(file string, _ []string) error {
	name, err := syscall.BytePtrFromString(file)
	if err != nil {
		return err
	}
	_, _, errno := unix.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(name)), 8, 0)
	return errno
}

// execTooBig adds an argument beyond MAX_ARG_STRLEN, 32 pages.
func execTooBig(file string, argv []string) error {
	return execve(file, append(argv, strings.Repeat("z", 40*os.Getpagesize())))
}

func execveat(fd int, name string, argv []string, flags int) error {
	namep, err := syscall.BytePtrFromString(name)
	if err != nil {
		return err
	}
	argp, err := syscall.SlicePtrFromStrings(argv)
	if err != nil {
		return err
	}
	envp, err := syscall.SlicePtrFromStrings(os.Environ())
	if err != nil {
		return err
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_EXECVEAT, uintptr(fd), uintptr(unsafe.Pointer(namep)),
		uintptr(unsafe.Pointer(&argp[0])), uintptr(unsafe.Pointer(&envp[0])), uintptr(flags), 0)
	return errno
}

func split(path string) (dir, name string) {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return path[:i+1], path[i+1:]
		}
	}
	return ".", path
}
