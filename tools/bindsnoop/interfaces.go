package main

import (
	"net"
	"os"
	"syscall"
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
		if link, err := net.InterfaceByIndex(int(index)); err == nil {
			name = link.Name
		}
		if len(i.names) >= maxInterfaces {
			clear(i.names)
		}
		i.names[index] = name
	}
	return name
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
