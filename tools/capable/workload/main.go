// Workload asks for capabilities in particular ways. The kernel tests of capable
// run it. Each way ends in a known number of checks of one capability that
// nothing else in the program asks for.
//
//	workload chroot COUNT          COUNT times CAP_SYS_CHROOT, from two functions deep
//	workload thread COUNT          the same from a thread that is not the leader
//	workload storm WORKERS COUNT   the same from WORKERS processes, COUNT times each
//	workload rate PER_SECOND MS    the same at a pace, printing how many
//	workload userns COUNT          the same in a user namespace of its own
//	workload mmap COUNT            COUNT mappings: checks that are not audited
//	workload kallsyms              one check of CAP_SYSLOG that is not audited
//	workload raw                   a raw socket: CAP_NET_RAW
//	workload setid WAY ID          setuid, setresuid, setgid: CAP_SETUID, CAP_SETGID
//	workload capset                gives up its capabilities: CAP_SETPCAP, needlessly
//	workload write PATH            opens a file for writing
//	workload access PATH           asks whether it may write a file
//	workload bind PORT             binds a port: CAP_NET_BIND_SERVICE below 1024
//	workload wait WAY ARG...       does one of these when a byte comes on stdin, then waits for another
package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "workload:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	way, arg := args[0], ""
	if len(args) > 1 {
		arg = args[1]
	}
	switch way {
	case "chroot":
		return outer(number(arg))
	case "thread":
		return onThread(number(arg))
	case "storm":
		return storm(number(arg), args[2])
	case "rate":
		return rate(number(arg), time.Duration(number(args[2]))*time.Millisecond)
	case "userns":
		cmd := exec.Command("/proc/self/exe", "chroot", arg)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}}
		return cmd.Run()
	case "mmap":
		for range number(arg) {
			b, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
			if err != nil {
				return err
			}
			unix.Munmap(b)
		}
		return nil
	case "kallsyms":
		f, err := os.Open("/proc/kallsyms")
		if err != nil {
			return err
		}
		_, err = f.Read(make([]byte, 64))
		return err
	case "raw":
		_, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
		return err
	case "setid":
		return setid(arg, number(args[2]))
	case "capset":
		hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		return unix.Capset(&hdr, &none[0])
	case "write":
		f, err := os.OpenFile(arg, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return f.Close()
	case "access":
		return unix.Access(arg, unix.W_OK)
	case "bind":
		return bind(number(arg))
	case "wait":
		var b [1]byte
		if _, err := os.Stdin.Read(b[:]); err != nil {
			return err
		}
		err := run(args[1:])
		os.Stdin.Read(b[:])
		return err
	}
	return fmt.Errorf("unknown way %q", way)
}

// outer and inner are there to be seen in a stack.
//
//go:noinline
func outer(count int) error {
	for range count {
		if err := inner(); err != nil {
			return err
		}
	}
	return nil
}

//go:noinline
func inner() error { return syscall.Chroot("/") }

func onThread(count int) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		if syscall.Gettid() == syscall.Getpid() { // the leader: the next one is another
			go func() {
				runtime.LockOSThread()
				done <- outer(count)
			}()
			time.Sleep(10 * time.Millisecond)
			return
		}
		done <- outer(count)
	}()
	return <-done
}

func storm(workers int, count string) error {
	var all []*exec.Cmd
	for range workers {
		cmd := exec.Command("/proc/self/exe", "chroot", count)
		if err := cmd.Start(); err != nil {
			return err
		}
		all = append(all, cmd)
	}
	for _, cmd := range all {
		if err := cmd.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// rate makes checks in bursts, a millisecond apart.
func rate(perSecond int, span time.Duration) error {
	made := 0
	began := time.Now()
	for {
		elapsed := time.Since(began)
		due := int(elapsed.Seconds() * float64(perSecond))
		if err := outer(due - made); err != nil {
			return err
		}
		made = due
		if elapsed >= span {
			fmt.Println(made)
			return nil
		}
		time.Sleep(time.Millisecond)
	}
}

// setid changes the ids of this thread alone, which is enough for a check.
func setid(way string, id int) error {
	runtime.LockOSThread()
	var errno syscall.Errno
	switch way {
	case "setuid":
		_, _, errno = syscall.RawSyscall(unix.SYS_SETUID, uintptr(id), 0, 0)
	case "setgid":
		_, _, errno = syscall.RawSyscall(unix.SYS_SETGID, uintptr(id), 0, 0)
	case "setresuid":
		_, _, errno = syscall.RawSyscall(unix.SYS_SETRESUID, uintptr(id), uintptr(id), uintptr(id))
	default:
		return fmt.Errorf("unknown way %q", way)
	}
	if errno != 0 {
		return errno
	}
	return nil
}

func bind(port int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}
