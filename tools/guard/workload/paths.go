package main

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// only makes an operation of a call that has nothing to tell but its error.
func only(f func(c *call) error) operation {
	return func(c *call) (string, error) { return "", f(c) }
}

var pathOps = map[string]operation{
	"unlink":      only(func(c *call) error { return unix.Unlink(c.args[0]) }),
	"rmdir":       only(func(c *call) error { return unix.Rmdir(c.args[0]) }),
	"mkdir":       only(func(c *call) error { return unix.Mkdir(c.args[0], 0o755) }),
	"mknod":       only(mknod),
	"symlink":     only(func(c *call) error { return unix.Symlink(c.args[0], c.args[1]) }),
	"link":        only(func(c *call) error { return unix.Link(c.args[0], c.args[1]) }),
	"rename":      only(func(c *call) error { return unix.Rename(c.args[0], c.args[1]) }),
	"exchange":    only(func(c *call) error { return exchange(c.args[0], c.args[1]) }),
	"chmod":       only(func(c *call) error { return unix.Chmod(c.args[0], mode(c.args[1])) }),
	"fchmod":      only(fchmod),
	"chown":       only(chown),
	"utimes":      only(utimes),
	"setxattr":    only(func(c *call) error { return unix.Setxattr(c.args[0], c.arg(1, xattr), []byte(c.arg(2, "workload")), 0) }),
	"removexattr": only(func(c *call) error { return unix.Removexattr(c.args[0], c.arg(1, xattr)) }),
	"chattr":      only(chattr),
}

// xattr is a name that more file systems have than those of user.
const xattr = "trusted.workload"

func mode(s string) uint32 {
	m, err := strconv.ParseUint(s, 8, 16)
	if err != nil {
		wrong("%q is no mode", s)
	}
	return uint32(m)
}

// mknod makes a file, or what the second argument says.
func mknod(c *call) error {
	kind, major, minor := c.arg(1, "f"), 0, 0
	if k, numbers, ok := strings.Cut(kind, ":"); ok {
		ma, mi, _ := strings.Cut(numbers, ":")
		kind, major, minor = k, number(ma), number(mi)
	}
	kinds := map[string]int{"f": unix.S_IFREG, "p": unix.S_IFIFO, "s": unix.S_IFSOCK, "c": unix.S_IFCHR, "b": unix.S_IFBLK}
	return unix.Mknod(c.args[0], uint32(flags(kinds, kind)|0o644), int(unix.Mkdev(uint32(major), uint32(minor))))
}

func exchange(a, b string) error {
	return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
}

func fchmod(c *call) error {
	fd, err := open(c.args[0], unix.O_RDONLY)
	if err != nil {
		return at("open", err)
	}
	defer unix.Close(fd)
	return unix.Fchmod(fd, mode(c.args[1]))
}

// ids reads "UID:GID".
func ids(s string) (uid, gid int) {
	u, g, ok := strings.Cut(s, ":")
	if !ok {
		return number(u), number(u)
	}
	return number(u), number(g)
}

func chown(c *call) error {
	uid, gid := ids(c.args[1])
	return unix.Lchown(c.args[0], uid, gid)
}

func utimes(c *call) error {
	t := unix.Timespec{Sec: 1_000_000_007}
	return unix.UtimesNanoAt(unix.AT_FDCWD, c.args[0], []unix.Timespec{t, t}, unix.AT_SYMLINK_NOFOLLOW)
}

// Attributes of files (linux/fs.h).
var attributes = map[string]int{"i": 0x10, "a": 0x20, "d": 0x40} // immutable, append only, no dump

// chattr sets or clears an attribute: +i, -a.
func chattr(c *call) error {
	how := c.args[1]
	if len(how) != 2 || how[0] != '+' && how[0] != '-' {
		wrong("chattr wants +i or the like")
	}
	bit := flags(attributes, how[1:])
	fd, err := open(c.args[0], unix.O_RDONLY|unix.O_NONBLOCK)
	if err != nil {
		return at("open", err)
	}
	defer unix.Close(fd)
	set, err := unix.IoctlGetInt(fd, unix.FS_IOC_GETFLAGS)
	if err != nil {
		return at("FS_IOC_GETFLAGS", err)
	}
	if how[0] == '+' {
		set |= bit
	} else {
		set &^= bit
	}
	return unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, set)
}
