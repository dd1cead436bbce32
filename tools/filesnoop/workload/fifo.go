package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// openFIFO opens a FIFO twice: to read, which waits for a writer, and whose name is gone when
// it ends; and to write, by another name.
func openFIFO() {
	call(unix.SYS_MKNODAT, here, text("fifo"), unix.S_IFIFO|0o600, 0)
	page, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	must("map a page", err)
	copy(page, "fifo\x00")
	name := uintptr(unsafe.Pointer(&page[0]))
	thread, read := make(chan int), make(chan int)
	go func() {
		runtime.LockOSThread()
		thread <- unix.Gettid()
		fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, here, name, unix.O_RDONLY, 0, 0, 0)
		read <- say(fd, errno)
	}()
	waits(<-thread)
	must("unmap the name", unix.Munmap(page))
	writer := call(unix.SYS_OPENAT, here, text("dir/../fifo"), unix.O_WRONLY, 0)
	unix.Close(<-read)
	unix.Close(writer)
}

// waits returns when the thread sleeps in openat, for which the kernel has read the name.
func waits(tid int) {
	const most = time.Minute
	opening := fmt.Sprintf("%d ", unix.SYS_OPENAT) // of this program's own calls, if it has 32 bits
	for began := time.Now(); time.Since(began) < most; time.Sleep(time.Millisecond) {
		call, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/syscall", tid))
		must("read what the thread does", err)
		if strings.HasPrefix(string(call), opening) {
			return
		}
	}
	must("wait", os.ErrDeadlineExceeded)
}

func must(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "workload: %s: %v\n", what, err)
		os.Exit(1)
	}
}
