package main

import (
	"fmt"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/uring"
)

// oTmpfile is O_TMPFILE.
const oTmpfile = unix.O_TMPFILE

// ways are what can be done; the old system calls join them where there are any.
var ways = map[string]func(){
	"nothing":   func() {},
	"open":      func() { unix.Close(call(unix.SYS_OPENAT, here, text("there"), unix.O_RDONLY, 0)) },
	"open-dir":  func() { unix.Close(call(unix.SYS_OPENAT, here, text("dir/../dir"), unix.O_RDONLY|unix.O_DIRECTORY, 0)) },
	"open-link": func() { unix.Close(call(unix.SYS_OPENAT, here, text("link"), unix.O_RDONLY, 0)) },
	"open-at": func() {
		dir := open("dir", unix.O_RDONLY|unix.O_DIRECTORY)
		unix.Close(call(unix.SYS_OPENAT, uintptr(dir), text("../there"), unix.O_RDONLY, 0))
	},
	"openat2": func() {
		how := unix.OpenHow{Flags: unix.O_RDWR}
		unix.Close(call(unix.SYS_OPENAT2, here, text("there"), uintptr(unsafe.Pointer(&how)), unsafe.Sizeof(how)))
	},
	"open-fifo":    openFIFO,
	"open-missing": func() { call(unix.SYS_OPENAT, here, text("missing"), unix.O_RDONLY, 0) },
	"open-fault":   func() { call(unix.SYS_OPENAT, here, 1, unix.O_RDONLY, 0) },
	"open-existing": func() {
		unix.Close(call(unix.SYS_OPENAT, here, text("there"), unix.O_RDWR|unix.O_CREAT, 0o600))
	},
	"open-uring": func() {
		byRing(uring.Request{Opcode: uring.OpOpenat, FD: -100, Addr: uint64(text("there")), OpFlags: unix.O_RDONLY})
	},
	"write-uring": func() {
		fd := open("there", unix.O_RDWR)
		byRing(uring.Request{Opcode: uring.OpWrite, FD: int32(fd), Addr: uint64(text("1234567")), Len: 7})
		byRing(uring.Request{Opcode: uring.OpWrite, FD: int32(fd), Addr: uint64(text("123")), Len: 3})
		byRing(uring.Request{Opcode: uring.OpRead, FD: int32(fd), Addr: uint64(text("12345")), Len: 5})
		unix.Close(fd)
	},
	"read-uring": func() {
		fd := open("there", unix.O_RDONLY)
		byRing(uring.Request{Opcode: uring.OpRead, FD: int32(fd), Addr: uint64(text("12345")), Len: 5})
		byRing(uring.Request{Opcode: uring.OpWrite, FD: int32(fd), Addr: uint64(text("12345")), Len: 5})
		unix.Close(fd)
	},
	"create": func() {
		unix.Close(call(unix.SYS_OPENAT, here, text("new"), unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o640))
		unix.Unlink("new")
	},
	"create-excl": func() { call(unix.SYS_OPENAT, here, text("there"), unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o640) },
	"create-uring": func() {
		byRing(uring.Request{Opcode: uring.OpOpenat, FD: -100, Addr: uint64(text("new")), Len: 0o640, OpFlags: unix.O_WRONLY | unix.O_CREAT})
	},
	"tmpfile": func() { unix.Close(call(unix.SYS_OPENAT, here, text("dir"), unix.O_RDWR|oTmpfile, 0o600)) },
	"memfd":   func() { unix.Close(call(unix.SYS_MEMFD_CREATE, text("secret"), 0)) },
	"delete": func() {
		unix.Close(open("gone", unix.O_WRONLY|unix.O_CREAT))
		call(unix.SYS_UNLINKAT, here, text("gone"), 0)
	},
	"delete-missing": func() { call(unix.SYS_UNLINKAT, here, text("missing"), 0) },
	"delete-uring": func() {
		unix.Close(open("gone", unix.O_WRONLY|unix.O_CREAT))
		byRing(uring.Request{Opcode: uring.OpUnlinkat, FD: -100, Addr: uint64(text("gone"))})
	},
	"mkdir": func() {
		call(unix.SYS_MKDIRAT, here, text("made"), 0o750)
		call(unix.SYS_UNLINKAT, here, text("made"), unix.AT_REMOVEDIR)
	},
	"mkdir-there":   func() { call(unix.SYS_MKDIRAT, here, text("dir"), 0o750) },
	"rmdir-missing": func() { call(unix.SYS_UNLINKAT, here, text("missing"), unix.AT_REMOVEDIR) },
	"rename": func() {
		call(unix.SYS_RENAMEAT2, here, text("there"), here, text("dir/moved"), 0)
		call(unix.SYS_RENAMEAT2, here, text("dir/moved"), here, text("there"), unix.RENAME_NOREPLACE)
	},
	"exchange":       func() { call(unix.SYS_RENAMEAT2, here, text("there"), here, text("dir"), unix.RENAME_EXCHANGE) },
	"rename-missing": func() { call(unix.SYS_RENAMEAT2, here, text("missing"), here, text("new"), 0) },
	"rename-uring": func() {
		byRing(uring.Request{Opcode: uring.OpRenameat, FD: -100, Addr: uint64(text("there")), Len: 0xffffff9c, Off: uint64(text("new"))})
	},
	"link": func() {
		call(unix.SYS_LINKAT, here, text("there"), here, text("dir/second"), 0)
	},
	"link-there": func() { call(unix.SYS_LINKAT, here, text("there"), here, text("there"), 0) },
	"symlink":    func() { call(unix.SYS_SYMLINKAT, text("../any/target"), here, text("dir/points")) },
	"mknod":      func() { call(unix.SYS_MKNODAT, here, text("fifo"), unix.S_IFIFO|0o600, 0) },
	"mknod-file": func() { call(unix.SYS_MKNODAT, here, text("node"), unix.S_IFREG|0o600, 0) },
	"truncate":   func() { call(truncateCall, append([]uintptr{text("there")}, size(123)...)...) },
	"ftruncate": func() {
		fd := open("there", unix.O_RDWR)
		call(ftruncateCall, append([]uintptr{uintptr(fd)}, size(45)...)...)
		unix.Close(fd)
	},
	"chmod":  func() { call(unix.SYS_FCHMODAT, here, text("there"), 0o600) },
	"fchmod": func() { call(unix.SYS_FCHMOD, uintptr(open("there", unix.O_RDONLY)), 0o644) },
	"chown":  func() { call(unix.SYS_FCHOWNAT, here, text("there"), 7, 8, 0) },
	"xattr": func() {
		call(unix.SYS_SETXATTR, text("there"), text("trusted.color"), text("red"), 3, 0)
		call(unix.SYS_REMOVEXATTR, text("there"), text("trusted.color"))
	},
	"write": func() {
		fd := open("there", unix.O_WRONLY)
		call(unix.SYS_WRITE, uintptr(fd), text("12345"), 5)
		call(unix.SYS_PWRITE64, append([]uintptr{uintptr(fd), text("12345"), 3}, size(0)...)...)
		unix.Close(fd)
	},
	"writev": func() {
		fd := open("there", unix.O_WRONLY)
		data := []byte("123456")
		vec := unix.Iovec{Base: &data[0]}
		vec.SetLen(len(data))
		call(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&vec)), 1)
		unix.Close(fd)
	},
	"copy": func() {
		in, out := open("there", unix.O_RDONLY), open("copied", unix.O_WRONLY|unix.O_CREAT)
		call(unix.SYS_COPY_FILE_RANGE, uintptr(in), 0, uintptr(out), 0, 1<<30, 0)
		unix.Close(out)
	},
	"sendfile": func() {
		in, out := open("there", unix.O_RDONLY), open("sent", unix.O_WRONLY|unix.O_CREAT)
		call(sendfileCall, uintptr(out), uintptr(in), 0, 1<<20)
		unix.Close(out)
	},
	"write-exit": func() { // and leaves the rest to its end
		call(unix.SYS_WRITE, uintptr(open("there", unix.O_WRONLY)), text("1234567"), 7)
	},
	"mmap": func() {
		fd := open("there", unix.O_RDWR)
		b, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		fmt.Println(len(b), err)
	},
	"mmap-private": func() {
		b, err := unix.Mmap(open("there", unix.O_RDWR), 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
		fmt.Println(len(b), err)
	},
	"mmap-read": func() {
		b, err := unix.Mmap(open("there", unix.O_RDWR), 0, 4096, unix.PROT_READ, unix.MAP_SHARED)
		fmt.Println(len(b), err)
	},
	"deep":   func() { deep(strings.Repeat("d", 255), 16) },
	"narrow": func() { deep("n", 300) },
	"hostile": func() {
		unix.Close(call(unix.SYS_OPENAT, here, text("a\n\x1b[31m\xff"), unix.O_WRONLY|unix.O_CREAT, 0o600))
	},
	"flood": func() {
		threads(4, func(int) {
			for range 1000 {
				if fd, err := unix.Open("there", unix.O_RDONLY, 0); err == nil {
					unix.Close(fd)
				}
			}
		})
	},
}

// deep makes directories in one another, in steps, and opens a file in the last by its
// short name: sixteen with long names are a path as long as the kernel has them.
func deep(name string, levels int) {
	for range levels {
		_ = unix.Mkdir(name, 0o755)
		if err := unix.Chdir(name); err != nil {
			fmt.Println(err)
			return
		}
	}
	unix.Close(call(unix.SYS_OPENAT, here, text("leaf"), unix.O_WRONLY|unix.O_CREAT, 0o600))
}

// byRing submits a request and prints its result.
func byRing(r uring.Request) {
	ring, err := uring.New(0)
	if err != nil {
		fmt.Println("none:", err)
		return
	}
	defer ring.Close()
	res, err := ring.Do(r)
	if err != nil {
		say(0, err.(unix.Errno))
		return
	}
	fmt.Println(res)
}
