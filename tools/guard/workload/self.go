package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What could be done to guard itself.
var selfOps = map[string]operation{
	"kill":                  only(kill),
	"pidfd-kill":            only(pidfdKill),
	"ptrace-attach":         only(ptraceAttach),
	"bpf-map-by-id":         objectByID(unix.BPF_MAP_GET_FD_BY_ID),
	"bpf-prog-by-id":        objectByID(unix.BPF_PROG_GET_FD_BY_ID),
	"bpf-link-by-id":        objectByID(unix.BPF_LINK_GET_FD_BY_ID),
	"bpf-map-update-by-id":  only(mapUpdate),
	"bpf-link-detach-by-id": only(linkDetach),
	"obj-get":               objGet,
	"exec-traced":           execTraced,
}

func signal(s string) unix.Signal {
	if n := unix.SignalNum("SIG" + strings.TrimPrefix(strings.ToUpper(s), "SIG")); n != 0 {
		return n
	}
	return unix.Signal(number(s))
}

func kill(c *call) error { return unix.Kill(number(c.args[0]), signal(c.args[1])) }

func pidfdKill(c *call) error {
	fd, err := unix.PidfdOpen(number(c.args[0]), 0)
	if err != nil {
		return at("pidfd_open", err)
	}
	defer unix.Close(fd)
	return unix.PidfdSendSignal(fd, signal(c.args[1]), nil, 0)
}

// ptraceAttach stops a process and lets it go on.
func ptraceAttach(c *call) error {
	pid := number(c.args[0])
	if err := unix.PtraceAttach(pid); err != nil {
		return err
	}
	if _, err := unix.Wait4(pid, nil, unix.WALL, nil); err != nil {
		return at("wait", err)
	}
	return at("detach", unix.PtraceDetach(pid))
}

// execTraced executes a program that it traces, and lets it go on.
func execTraced(c *call) (string, error) {
	p, err := os.StartProcess(c.args[0], c.args, &os.ProcAttr{Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Sys: &syscall.SysProcAttr{Ptrace: true}})
	if err != nil {
		return "", err
	}
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(p.Pid, &status, unix.WALL, nil)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return "", at("wait", err)
		case status.Exited():
			return fmt.Sprint(status.ExitStatus()), nil
		case status.Signaled():
			return "", signalError(status.Signal())
		}
		passed := 0
		if s := status.StopSignal(); s != unix.SIGTRAP {
			passed = int(s)
		}
		if err := unix.PtraceCont(p.Pid, passed); err != nil {
			return "", at("continue", err)
		}
	}
}

// bpfAttr is union bpf_attr in words of 32 bits, which is enough for the kernel:
// it copies it.
type bpfAttr [32]uint32

// set64 sets a field of 64 bits that begins at a word.
func (a *bpfAttr) set64(at int, value uint64) {
	binary.NativeEndian.PutUint64((*[8]byte)(unsafe.Pointer(&a[at]))[:], value)
}

func bpf(command int, a *bpfAttr) (int, error) {
	n, _, errno := unix.Syscall(unix.SYS_BPF, uintptr(command), uintptr(unsafe.Pointer(a)), unsafe.Sizeof(*a))
	return int(n), failure(errno)
}

func objectByID(command int) operation {
	return func(c *call) (string, error) {
		return opened(bpf(command, &bpfAttr{uint32(number(c.args[0]))}))
	}
}

// mapUpdate writes the first value of a map over itself.
func mapUpdate(c *call) error {
	fd, err := bpf(unix.BPF_MAP_GET_FD_BY_ID, &bpfAttr{uint32(number(c.args[0]))})
	if err != nil {
		return at("BPF_MAP_GET_FD_BY_ID", err)
	}
	defer unix.Close(fd)
	const keySize, valueSize = 2, 3     // words of struct bpf_map_info
	info := new([64]uint32)             // larger than the struct is
	about := bpfAttr{uint32(fd), 4 * 8} // so much of it
	about.set64(2, pointer(info))
	if _, err := bpf(unix.BPF_OBJ_GET_INFO_BY_FD, &about); err != nil {
		return at("BPF_OBJ_GET_INFO_BY_FD", err)
	}
	const cpus = 512 // maps for each CPU have so many values at the most
	key, value := make([]byte, info[keySize]+1), make([]byte, cpus*(info[valueSize]+8))
	next := bpfAttr{uint32(fd)}
	next.set64(4, pointer(&key[0]))
	if _, err := bpf(unix.BPF_MAP_GET_NEXT_KEY, &next); err != nil && err != unix.ENOENT {
		return at("BPF_MAP_GET_NEXT_KEY", err)
	}
	element := bpfAttr{uint32(fd)}
	element.set64(2, pointer(&key[0]))
	element.set64(4, pointer(&value[0]))
	if _, err := bpf(unix.BPF_MAP_LOOKUP_ELEM, &element); err != nil && err != unix.ENOENT {
		return at("BPF_MAP_LOOKUP_ELEM", err)
	}
	element.set64(6, unix.BPF_EXIST)
	_, err = bpf(unix.BPF_MAP_UPDATE_ELEM, &element)
	runtime.KeepAlive(key)
	runtime.KeepAlive(value)
	return err
}

func linkDetach(c *call) error {
	fd, err := bpf(unix.BPF_LINK_GET_FD_BY_ID, &bpfAttr{uint32(number(c.args[0]))})
	if err != nil {
		return at("BPF_LINK_GET_FD_BY_ID", err)
	}
	defer unix.Close(fd)
	_, err = bpf(unix.BPF_LINK_DETACH, &bpfAttr{uint32(fd)})
	return err
}

func objGet(c *call) (string, error) {
	path := pointers(c.args[:1])[0]
	var a bpfAttr
	a.set64(0, pointer(path))
	fd, err := bpf(unix.BPF_OBJ_GET, &a)
	runtime.KeepAlive(path)
	return opened(fd, err)
}
