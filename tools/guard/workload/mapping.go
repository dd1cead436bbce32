package main

import (
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

var mappingOps = map[string]operation{
	"mmap-exec":     only(mmapExec),
	"mprotect-exec": only(mprotectExec),
	"mmap-write":    only(mmapWrite),
}

const page = 4096 // a mapping of one byte is enough

// mapped opens a file and maps its beginning.
func mapped(path string, how, protection, kind int) ([]byte, error) {
	fd, err := open(path, how)
	if err != nil {
		return nil, at("open", err)
	}
	defer unix.Close(fd)
	return unix.Mmap(fd, 0, page, protection, kind)
}

func mmapExec(c *call) error {
	b, err := mapped(c.args[0], unix.O_RDONLY, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE)
	if err == nil {
		unix.Munmap(b)
	}
	return err
}

func mprotectExec(c *call) error {
	b, err := mapped(c.args[0], unix.O_RDONLY, unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return at("mmap", err)
	}
	defer unix.Munmap(b)
	return unix.Mprotect(b, unix.PROT_READ|unix.PROT_EXEC)
}

func mmapWrite(c *call) error {
	b, err := mapped(c.args[0], unix.O_RDWR, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err == nil {
		unix.Munmap(b)
	}
	return err
}

// setExeFile gives this process another /proc/PID/exe. The kernel asks that
// nothing of the old one is mapped, so every mapping of it is moved over by an
// anonymous copy first.
func setExeFile(c *call, rest func()) error {
	fd, err := open(c.args[0], unix.O_RDONLY)
	if err != nil {
		return at("open", err)
	}
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return at("readlink", err)
	}
	maps, err := readFile("/proc/self/maps")
	if err != nil {
		return at("maps", err)
	}
	for l := range strings.Lines(maps) {
		f := strings.Fields(l)
		if len(f) < 6 || strings.Join(f[5:], " ") != exe {
			continue
		}
		var from, to uintptr
		if _, err := fmt.Sscanf(f[0], "%x-%x", &from, &to); err != nil {
			return at("maps", err)
		}
		if err := makeAnonymous(from, to-from, f[1]); err != nil {
			return err
		}
	}
	if err := unix.Prctl(unix.PR_SET_MM, unix.PR_SET_MM_EXE_FILE, uintptr(fd), 0, 0); err != nil {
		return err
	}
	unix.Close(fd)
	rest()
	return nil
}

// makeAnonymous replaces a mapping by a copy of it in one step, so that it can
// be that of the code that runs.
func makeAnonymous(addr, size uintptr, protection string) error {
	prot := 0
	for i, bit := range []int{unix.PROT_READ, unix.PROT_WRITE, unix.PROT_EXEC} {
		if protection[i] != '-' {
			prot |= bit
		}
	}
	b, err := unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return at("mmap", err)
	}
	old := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(nil), addr)), size)
	if prot&unix.PROT_WRITE == 0 {
		copy(b, old)
		if err := unix.Mprotect(b, prot); err != nil {
			return at("mprotect", err)
		}
	} else { // variables: nothing may come between
		copy(b, old)
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_MREMAP, uintptr(unsafe.Pointer(&b[0])), size, size,
		unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED, addr, 0)
	return at("mremap", failure(errno))
}
