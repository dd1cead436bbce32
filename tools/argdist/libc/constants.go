package libc

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/preflight"
)

// Constant returns the value of a macro: an errno, a signal, a capability, or a
// flag of a common system call.
func Constant(name string) (int64, bool) {
	if v, ok := flags[name]; ok {
		return v, true
	}
	switch {
	case strings.HasPrefix(name, "E"):
		v, ok := errnos[name]
		return v, ok
	case strings.HasPrefix(name, "SIG"):
		n := unix.SignalNum(name)
		return int64(n), n != 0
	case strings.HasPrefix(name, "CAP_"):
		c, err := preflight.ParseCapability(name)
		return int64(c), err == nil && c.Known() && c.String() == name
	}
	return 0, false
}

// ConstantNames lists them all but capabilities and signals.
func ConstantNames() []string {
	var out []string
	for name := range flags {
		out = append(out, name)
	}
	for name := range errnos {
		out = append(out, name)
	}
	return out
}

// errnos by name. EWOULDBLOCK, EDEADLOCK and ENOTSUP are other names for some.
var errnos = func() map[string]int64 {
	const last = 133
	m := map[string]int64{"EWOULDBLOCK": int64(unix.EAGAIN), "EDEADLOCK": int64(unix.EDEADLK), "ENOTSUP": int64(unix.EOPNOTSUPP)}
	for n := unix.Errno(1); n <= last; n++ {
		if name := unix.ErrnoName(n); name != "" {
			m[name] = int64(n)
		}
	}
	return m
}()

// flags of system calls, as on this machine: those of open differ.
var flags = map[string]int64{
	"NULL": 0, "true": 1, "false": 0, "PATH_MAX": unix.PathMax, "NAME_MAX": 255,

	"O_RDONLY": unix.O_RDONLY, "O_WRONLY": unix.O_WRONLY, "O_RDWR": unix.O_RDWR, "O_ACCMODE": unix.O_ACCMODE, "O_CREAT": unix.O_CREAT,
	"O_EXCL": unix.O_EXCL, "O_NOCTTY": unix.O_NOCTTY, "O_TRUNC": unix.O_TRUNC, "O_APPEND": unix.O_APPEND, "O_NONBLOCK": unix.O_NONBLOCK,
	"O_DSYNC": unix.O_DSYNC, "O_SYNC": unix.O_SYNC, "O_ASYNC": unix.O_ASYNC, "O_DIRECT": unix.O_DIRECT, "O_DIRECTORY": unix.O_DIRECTORY,
	"O_NOFOLLOW": unix.O_NOFOLLOW, "O_NOATIME": unix.O_NOATIME, "O_CLOEXEC": unix.O_CLOEXEC, "O_PATH": unix.O_PATH, "O_TMPFILE": unix.O_TMPFILE,
	"AT_FDCWD": unix.AT_FDCWD, "AT_SYMLINK_NOFOLLOW": unix.AT_SYMLINK_NOFOLLOW, "AT_EMPTY_PATH": unix.AT_EMPTY_PATH, "AT_REMOVEDIR": unix.AT_REMOVEDIR,
	"SEEK_SET": 0, "SEEK_CUR": 1, "SEEK_END": 2,

	"S_IFMT": unix.S_IFMT, "S_IFREG": unix.S_IFREG, "S_IFDIR": unix.S_IFDIR, "S_IFLNK": unix.S_IFLNK, "S_IFIFO": unix.S_IFIFO,
	"S_IFSOCK": unix.S_IFSOCK, "S_IFCHR": unix.S_IFCHR, "S_IFBLK": unix.S_IFBLK, "S_ISUID": unix.S_ISUID, "S_ISGID": unix.S_ISGID, "S_ISVTX": unix.S_ISVTX,

	"AF_UNSPEC": unix.AF_UNSPEC, "AF_UNIX": unix.AF_UNIX, "AF_LOCAL": unix.AF_LOCAL, "AF_INET": unix.AF_INET, "AF_INET6": unix.AF_INET6,
	"AF_NETLINK": unix.AF_NETLINK, "AF_PACKET": unix.AF_PACKET, "AF_VSOCK": unix.AF_VSOCK, "AF_ALG": unix.AF_ALG, "AF_XDP": unix.AF_XDP,
	"SOCK_STREAM": unix.SOCK_STREAM, "SOCK_DGRAM": unix.SOCK_DGRAM, "SOCK_RAW": unix.SOCK_RAW, "SOCK_SEQPACKET": unix.SOCK_SEQPACKET,
	"SOCK_NONBLOCK": unix.SOCK_NONBLOCK, "SOCK_CLOEXEC": unix.SOCK_CLOEXEC,
	"IPPROTO_IP": unix.IPPROTO_IP, "IPPROTO_ICMP": unix.IPPROTO_ICMP, "IPPROTO_TCP": unix.IPPROTO_TCP, "IPPROTO_UDP": unix.IPPROTO_UDP,
	"IPPROTO_IPV6": unix.IPPROTO_IPV6, "IPPROTO_ICMPV6": unix.IPPROTO_ICMPV6, "IPPROTO_SCTP": unix.IPPROTO_SCTP,
	"MSG_PEEK": unix.MSG_PEEK, "MSG_DONTWAIT": unix.MSG_DONTWAIT, "MSG_WAITALL": unix.MSG_WAITALL, "MSG_NOSIGNAL": unix.MSG_NOSIGNAL, "MSG_MORE": unix.MSG_MORE,
	"SOL_SOCKET": unix.SOL_SOCKET, "SO_REUSEADDR": unix.SO_REUSEADDR, "SO_REUSEPORT": unix.SO_REUSEPORT, "TCP_NODELAY": unix.TCP_NODELAY,
	"ETH_P_IP": unix.ETH_P_IP, "ETH_P_IPV6": unix.ETH_P_IPV6, "ETH_P_ARP": unix.ETH_P_ARP, "ETH_P_ALL": unix.ETH_P_ALL,

	"PROT_NONE": unix.PROT_NONE, "PROT_READ": unix.PROT_READ, "PROT_WRITE": unix.PROT_WRITE, "PROT_EXEC": unix.PROT_EXEC,
	"MAP_SHARED": unix.MAP_SHARED, "MAP_PRIVATE": unix.MAP_PRIVATE, "MAP_FIXED": unix.MAP_FIXED, "MAP_ANONYMOUS": unix.MAP_ANONYMOUS,
	"MAP_ANON": unix.MAP_ANON, "MAP_POPULATE": unix.MAP_POPULATE, "MAP_HUGETLB": unix.MAP_HUGETLB, "MAP_STACK": unix.MAP_STACK, "MAP_NORESERVE": unix.MAP_NORESERVE,
	"MADV_DONTNEED": unix.MADV_DONTNEED, "MADV_FREE": unix.MADV_FREE, "MADV_HUGEPAGE": unix.MADV_HUGEPAGE,

	"CLONE_VM": unix.CLONE_VM, "CLONE_FS": unix.CLONE_FS, "CLONE_FILES": unix.CLONE_FILES, "CLONE_SIGHAND": unix.CLONE_SIGHAND, "CLONE_THREAD": unix.CLONE_THREAD,
	"CLONE_VFORK": unix.CLONE_VFORK, "CLONE_NEWNS": unix.CLONE_NEWNS, "CLONE_NEWUSER": unix.CLONE_NEWUSER, "CLONE_NEWPID": unix.CLONE_NEWPID,
	"CLONE_NEWNET": unix.CLONE_NEWNET, "CLONE_NEWIPC": unix.CLONE_NEWIPC, "CLONE_NEWUTS": unix.CLONE_NEWUTS, "CLONE_NEWCGROUP": unix.CLONE_NEWCGROUP,
	"F_OK": 0, "R_OK": unix.R_OK, "W_OK": unix.W_OK, "X_OK": unix.X_OK,
	"EPOLLIN": unix.EPOLLIN, "EPOLLOUT": unix.EPOLLOUT, "EPOLLERR": unix.EPOLLERR, "EPOLLHUP": unix.EPOLLHUP, "EPOLLET": unix.EPOLLET,
	"POLLIN": unix.POLLIN, "POLLOUT": unix.POLLOUT, "POLLERR": unix.POLLERR, "POLLHUP": unix.POLLHUP,
}
