package main

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// execNonresident passes arguments in pages of a file that nobody has touched
// since they were dropped from the process: at entry they are not resident.
func execNonresident(file string, argv []string) error {
	f, err := os.CreateTemp("", "args")
	if err != nil {
		return err
	}
	os.Remove(f.Name())
	page := os.Getpagesize()
	if err := f.Truncate(int64(page * len(argv))); err != nil {
		return err
	}
	for i, arg := range argv {
		if _, err := f.WriteAt([]byte(arg), int64(i*page)); err != nil {
			return err
		}
	}
	mem, err := unix.Mmap(int(f.Fd()), 0, page*len(argv), unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	if err := unix.Madvise(mem, unix.MADV_DONTNEED); err != nil {
		return err
	}
	ptrs := make([]*byte, len(argv)+1)
	for i := range argv {
		ptrs[i] = (*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(mem)), i*page))
	}
	return execPointers(file, ptrs)
}

func execPointers(file string, argv []*byte) error {
	name, err := syscall.BytePtrFromString(file)
	if err != nil {
		return err
	}
	env, err := syscall.SlicePtrFromStrings(os.Environ())
	if err != nil {
		return err
	}
	_, _, errno := unix.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(name)),
		uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&env[0])))
	return errno
}

// execRewritten lets another thread rewrite the last argument all the time,
// so that what a hook at entry reads is not what the new image gets.
func execRewritten(file string, argv []string) error {
	ptrs, err := syscall.SlicePtrFromStrings(argv)
	if err != nil {
		return err
	}
	last := argv[len(argv)-1]
	target := unsafe.Slice(ptrs[len(argv)-1], len(last))
	started := make(chan bool)
	go func() {
		runtime.LockOSThread()
		close(started)
		for c := byte('A'); ; c ^= 'A' ^ 'B' {
			for i := range target {
				target[i] = c
			}
		}
	}()
	<-started
	time.Sleep(time.Duration(unix.Getpid()%7) * 100 * time.Microsecond)
	return execPointers(file, ptrs)
}

// duel has four threads exec at once: one wins, the others die in mid-exec.
func duel(file string, argv []string) error {
	var ready sync.WaitGroup
	start := make(chan bool)
	result := make(chan error)
	for range 4 {
		ready.Add(1)
		go func() {
			runtime.LockOSThread()
			ready.Done()
			<-start
			result <- execve(file, argv)
		}()
	}
	ready.Wait()
	close(start)
	return <-result
}

// writeArgs is what new images of the tests do: FILE gets one line per
// argument, quoted.
func writeArgs(file string, argv []string) error {
	var b strings.Builder
	for _, arg := range argv {
		b.WriteString(strconv.Quote(arg) + "\n")
	}
	return os.WriteFile(strings.ReplaceAll(file, "PID", strconv.Itoa(os.Getpid())), []byte(b.String()), 0o600)
}

// repeat runs FILE as often as the first argument says, in as many workers as
// the second says: repeat FILE COUNT WORKERS ARG...
func repeat(file string, argv []string) error {
	count, err := strconv.Atoi(argv[0])
	if err != nil {
		return err
	}
	workers, err := strconv.Atoi(argv[1])
	if err != nil {
		return err
	}
	jobs := make(chan bool)
	results := make(chan error, workers)
	for range workers {
		go func() {
			var first error
			for range jobs {
				cmd := &exec.Cmd{Path: file, Args: argv[2:]}
				if err := cmd.Run(); err != nil && first == nil {
					first = err
				}
			}
			results <- first
		}()
	}
	for range count {
		jobs <- true
	}
	close(jobs)
	for range workers {
		if err := <-results; err != nil {
			return err
		}
	}
	return nil
}

// waitFor waits for a byte on stdin, so that a test can act on this process,
// and then runs FILE in a child.
func waitFor(file string, argv []string) error {
	var b [1]byte
	if _, err := os.Stdin.Read(b[:]); err != nil {
		return err
	}
	pid, err := syscall.ForkExec(file, argv, &syscall.ProcAttr{Env: os.Environ()})
	if err != nil {
		return err
	}
	var ws syscall.WaitStatus
	_, err = syscall.Wait4(pid, &ws, 0, nil)
	return err
}
