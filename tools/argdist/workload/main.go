// Workload does what argdist's kernel tests count.
//
//	workload write COUNT         writes of 10, 100 and 1000 bytes by turns
//	workload sizes COUNT         writes of 1, 2, 3 ... bytes
//	workload threads N COUNT     N threads, each with COUNT writes of 7 bytes
//	workload poll N              N threads that all wait in poll at once
//	workload sctp COUNT          opens sockets of SCTP, which is a module
//	workload open COUNT PATH     opens that fail
//	workload call COUNT          calls of its own function main.called, with 1, 2, 3 ...
//	workload family N COUNT      N children, each with COUNT writes of 1, 2, 3 ... bytes
//	workload wait WAY...         does it when a byte comes on stdin, and ends with another
package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

func main() {
	args := os.Args[1:]
	if len(args) > 1 && args[0] == "wait" {
		var b [1]byte
		os.Stdin.Read(b[:])
		do(args[1:])
		os.Stdin.Read(b[:])
		return
	}
	do(args)
}

func do(args []string) {
	n := number(args[1])
	switch args[0] {
	case "write":
		sizes := []int{10, 100, 1000}
		write(n, func(i int) int { return sizes[i%len(sizes)] })
	case "sizes":
		write(n, sized)
	case "threads":
		var all sync.WaitGroup
		for range n {
			all.Go(func() {
				runtime.LockOSThread()
				write(number(args[2]), func(int) int { return 7 })
			})
		}
		all.Wait()
	case "family":
		endThread() // which is not the end of the process
		for range n {
			child := exec.Command("/proc/self/exe", "sizes", args[2])
			child.Stderr = os.Stderr
			if err := child.Run(); err != nil {
				panic(err)
			}
		}
	case "poll":
		poll(n)
	case "sctp":
		for range n {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_SCTP)
			if err != nil {
				panic(err)
			}
			unix.Close(fd)
		}
	case "open":
		for range n {
			unix.Open(args[2], unix.O_RDONLY|unix.O_NOFOLLOW, 0)
		}
	case "call":
		total := 0
		for i := range n {
			total += called(i+1, i*2)
		}
		if total == 0 { // which keeps the calls from being left out
			fmt.Println("no calls")
		}
	default:
		fmt.Fprintln(os.Stderr, "unknown way", args[0])
		os.Exit(2)
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return n
}

// endThread begins a thread and waits until it has ended.
func endThread() {
	for {
		tid := make(chan int)
		go func() {
			runtime.LockOSThread() // and ends with the goroutine, but for the first one
			tid <- unix.Gettid()
		}()
		if id := <-tid; id != os.Getpid() {
			for unix.Access(fmt.Sprintf("/proc/self/task/%d", id), unix.F_OK) == nil {
				unix.Nanosleep(&unix.Timespec{Nsec: 1e6}, nil)
			}
			return
		}
	}
}

// sized is what the size of a write is; of 1, 2, 3 ... bytes.
//
//go:noinline
func sized(i int) int { return i + 1 }

// write writes into nothing.
func write(n int, size func(i int) int) {
	fd, err := unix.Open("/dev/null", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		panic(err)
	}
	buf := make([]byte, 1<<16)
	for i := range n {
		if _, err := unix.Write(fd, buf[:size(i)]); err != nil {
			panic(err)
		}
	}
	unix.Close(fd)
}

// poll has n threads in poll at once. The runtime itself waits by other calls.
func poll(n int) {
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			runtime.LockOSThread()
			if err := waitABit(); err != nil {
				panic(err)
			}
		})
	}
	all.Wait()
}

// waitABit polls nothing for long enough that all threads are there at once. A signal
// of the runtime must not make it come twice.
func waitABit() error {
	const milliseconds = 2000
	_, err := unix.Poll(nil, milliseconds)
	if err == unix.EINTR {
		return nil
	}
	return err
}

//go:noinline
func called(a, b int) int { return a + b }
