package main

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// interfaces knows the names of the network interfaces of our own namespace. In
// others the same index is another interface.
type interfaces struct {
	netns uint32
	names map[uint32]string
}

// maxInterfaces bounds the memory where interfaces come and go for months.
const maxInterfaces = 4096

func newInterfaces() *interfaces {
	i := &interfaces{names: make(map[uint32]string)}
	if info, err := os.Stat("/proc/self/ns/net"); err == nil {
		i.netns = uint32(inode(info))
	}
	return i
}

// name returns the name of an interface, or "" where it is not known.
func (i *interfaces) name(index, netns uint32) string {
	if index == 0 || i == nil || netns != i.netns {
		return ""
	}
	name, ok := i.names[index]
	if !ok {
		name = interfaceName(index)
		if len(i.names) >= maxInterfaces {
			clear(i.names)
		}
		i.names[index] = name
	}
	return name
}

// interfaceName asks the kernel. Package net would do so as well, and brings cgo,
// with which no capabilities can be dropped.
func interfaceName(index uint32) string {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("")
	if err != nil {
		return ""
	}
	ifr.SetUint32(index)
	if unix.IoctlIfreq(fd, unix.SIOCGIFNAME, ifr) != nil {
		return ""
	}
	return ifr.Name()
}

// inode returns the inode of a file, 0 if there is none.
func inode(info os.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}

// links returns how many names a file has.
func links(info os.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 1
}
