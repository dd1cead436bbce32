package main

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

var fileOps = map[string]operation{
	"open":     openPath,
	"openat2":  openat2,
	"read":     readPath,
	"write":    writePath,
	"truncate": truncate,
	"stat":     stat,
	"list":     list,
	"replace":  replace,
	"copy-up":  copyUp,
}

var openFlags = map[string]int{
	"r":         unix.O_RDONLY,
	"w":         unix.O_WRONLY,
	"rw":        unix.O_RDWR,
	"creat":     unix.O_CREAT,
	"trunc":     unix.O_TRUNC,
	"append":    unix.O_APPEND,
	"excl":      unix.O_EXCL,
	"path":      unix.O_PATH,
	"tmpfile":   unix.O_TMPFILE,
	"directory": unix.O_DIRECTORY,
	"nofollow":  unix.O_NOFOLLOW,
	"nonblock":  unix.O_NONBLOCK,
}

var resolveFlags = map[string]uint64{
	"none":          0,
	"no-xdev":       unix.RESOLVE_NO_XDEV,
	"no-magiclinks": unix.RESOLVE_NO_MAGICLINKS,
	"no-symlinks":   unix.RESOLVE_NO_SYMLINKS,
	"beneath":       unix.RESOLVE_BENEATH,
	"in-root":       unix.RESOLVE_IN_ROOT,
	"cached":        0x20, // RESOLVE_CACHED, 5.12
}

// flags adds up what a list of words means.
func flags[T int | uint32 | uint64 | uintptr](table map[string]T, list string) T {
	var sum T
	for _, w := range strings.Split(list, ",") {
		f, ok := table[w]
		if !ok {
			wrong("no flag %q", w)
		}
		sum |= f
	}
	return sum
}

// number reads a number as C writes them. One of 32 bits without a sign is
// itself in 32 bits, where it is negative as an int.
func number(s string) int {
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil || int64(int(n)) != n && int64(uint32(n)) != n {
		wrong("%q is no number", s)
	}
	return int(n)
}

// open does not give up when a signal comes.
func open(path string, how int) (int, error) {
	for {
		fd, err := unix.Open(path, how|unix.O_CLOEXEC, 0o644)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// opened closes what was opened.
func opened(fd int, err error) (string, error) {
	if err == nil {
		unix.Close(fd)
	}
	return "", err
}

func openPath(c *call) (string, error) {
	return opened(open(c.args[0], flags(openFlags, c.arg(1, "r"))))
}

// openat2 opens a path from the directory of the fourth argument, or as open
// does.
func openat2(c *call) (string, error) {
	dir := unix.AT_FDCWD
	if len(c.args) > 3 {
		fd, err := open(c.args[3], unix.O_PATH)
		if err != nil {
			return "", at("directory", err)
		}
		defer unix.Close(fd)
		dir = fd
	}
	how := unix.OpenHow{Flags: uint64(flags(openFlags, c.arg(2, "r")) | unix.O_CLOEXEC), Resolve: flags(resolveFlags, c.args[1])}
	if how.Flags&unix.O_CREAT != 0 {
		how.Mode = 0o644
	}
	return opened(unix.Openat2(dir, c.args[0], &how))
}

func readFile(path string) (string, error) {
	fd, err := open(path, unix.O_RDONLY)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	return readAll(fd), nil
}

// count reads from a file and says how many bytes there were.
func count(fd int) (string, error) {
	sum := 0
	var b [4096]byte
	for {
		n, err := unix.Read(fd, b[:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return "", at("read", err)
		}
		if n == 0 {
			return strconv.Itoa(sum), nil
		}
		sum += n
	}
}

func readPath(c *call) (string, error) {
	fd, err := open(c.args[0], unix.O_RDONLY)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	return count(fd)
}

func writePath(c *call) (string, error) {
	fd, err := open(c.args[0], unix.O_WRONLY)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	return writeText(fd, c.arg(1, "workload\n"))
}

func writeText(fd int, text string) (string, error) {
	n, err := unix.Write(fd, []byte(text))
	if err != nil {
		return "", at("write", err)
	}
	return strconv.Itoa(n), nil
}

func truncate(c *call) (string, error) {
	return "", unix.Truncate(c.args[0], int64(number(c.args[1])))
}

func stat(c *call) (string, error) {
	var s unix.Stat_t
	if err := unix.Lstat(c.args[0], &s); err != nil {
		return "", err
	}
	return fmt.Sprintf("size=%d mode=%o uid=%d gid=%d nlink=%d", s.Size, s.Mode, s.Uid, s.Gid, s.Nlink), nil
}

// list says how many names a directory has.
func list(c *call) (string, error) {
	fd, err := open(c.args[0], unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	sum := 0
	b := make([]byte, 8192)
	for {
		n, err := unix.Getdents(fd, b)
		if err != nil {
			return "", at("getdents", err)
		}
		if n == 0 {
			return strconv.Itoa(sum), nil
		}
		_, count, _ := unix.ParseDirent(b[:n], -1, nil)
		sum += count
	}
}

// replace writes a new file beside the old one and renames it over that.
func replace(c *call) (string, error) {
	path := c.args[0]
	fd, err := open(path+".new", unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC)
	if err != nil {
		return "", at("open", err)
	}
	_, err = writeText(fd, c.arg(1, "replaced\n"))
	unix.Close(fd)
	if err != nil {
		return "", err
	}
	return "", unix.Rename(path+".new", path)
}

// copyUp opens for writing, and writes nothing. On an overlay, a file of the
// lower directory is copied then.
func copyUp(c *call) (string, error) {
	return opened(open(c.args[0], unix.O_WRONLY|unix.O_APPEND))
}
