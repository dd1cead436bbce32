// Workload does things to files in every way there is. The kernel tests of
// filesnoop run it.
//
//	workload DIR WAY [COUNT]
//
// It works in DIR, where the file "there" and the directory "dir" are, and does what
// WAY says COUNT times (1). What is done to many files at once is in bulk.go; those
// ways need documents, which the way "corpus" makes. It prints the result of each call: a number, or the
// name of the errno.
package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	dir, way, count := os.Args[1], os.Args[2], 1
	if len(os.Args) > 3 {
		count, _ = strconv.Atoi(os.Args[3])
	}
	do, ok := ways[way]
	if !ok {
		var names []string
		for name := range ways {
			names = append(names, name)
		}
		slices.Sort(names)
		fmt.Fprintln(os.Stderr, "workload: no way", way, "among", names)
		os.Exit(2)
	}
	if err := unix.Chdir(dir); err != nil {
		fmt.Fprintln(os.Stderr, "workload: chdir:", err)
		os.Exit(2)
	}
	for range count {
		do()
	}
}

// say prints the result of a call.
func say(result uintptr, errno unix.Errno) int {
	if errno != 0 {
		fmt.Println(unix.ErrnoName(errno))
		return -1
	}
	fmt.Println(int(result))
	return int(result)
}

// text is a NUL-terminated copy, which stays where it is.
func text(s string) uintptr {
	b := append([]byte(s), 0)
	keep = append(keep, b)
	return uintptr(unsafe.Pointer(&b[0]))
}

var keep [][]byte

// call makes a system call and prints its result.
func call(nr uintptr, args ...uintptr) int {
	var a [6]uintptr
	copy(a[:], args)
	r, _, errno := unix.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
	runtime.KeepAlive(keep)
	return say(r, errno)
}

// here is AT_FDCWD.
const here = ^uintptr(99)

// open opens without a word; it is an event all the same.
func open(name string, flags int) int {
	fd, err := unix.Open(name, flags, 0o644)
	if err != nil {
		fmt.Fprintln(os.Stderr, "workload: open:", err)
		os.Exit(1)
	}
	return fd
}

// threads does something in as many threads at the same time.
func threads(n int, do func(int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			runtime.LockOSThread()
			do(i)
		})
	}
	wg.Wait()
}
