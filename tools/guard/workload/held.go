package main

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// What was opened, or mapped, or bound before a policy came.
var heldOps = map[string]operation{
	"held":           held,
	"held-dir":       heldDir,
	"ftruncate-held": ftruncateHeld,
}

// uses are what can be done with a descriptor. Those that write say so.
var uses = map[string]struct {
	writes bool
	do     func(fd int) (string, error)
}{
	"read":       {false, readAgain},
	"write":      {true, func(fd int) (string, error) { return number64(unix.Write(fd, []byte("workload\n"))) }},
	"ftruncate":  {true, func(fd int) (string, error) { return "", unix.Ftruncate(fd, 7) }},
	"fallocate":  {true, func(fd int) (string, error) { return "", unix.Fallocate(fd, 0, 0, 4096) }},
	"mmap-read":  {false, func(fd int) (string, error) { return "", mapFD(fd, unix.PROT_READ, unix.MAP_SHARED) }},
	"mmap-write": {true, func(fd int) (string, error) { return "", mapFD(fd, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED) }},
	"mmap-exec":  {false, func(fd int) (string, error) { return "", mapFD(fd, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE) }},
	"fchmod":     {false, func(fd int) (string, error) { return "", unix.Fchmod(fd, 0o644) }},
	"fchown":     {false, func(fd int) (string, error) { return "", unix.Fchown(fd, 0, 0) }},
	"fsetxattr":  {false, func(fd int) (string, error) { return "", unix.Fsetxattr(fd, xattr, []byte("workload"), 0) }},
	"sendfile":   {false, sendfile},
	"nothing":    {false, func(int) (string, error) { return "", nil }},
}

func use(fd int, how string) (string, error) {
	u, ok := uses[how]
	if !ok {
		wrong("no use %q", how)
	}
	return u.do(fd)
}

func number64(n int, err error) (string, error) { return strconv.Itoa(n), err }

// readAgain reads from the beginning, where there is one.
func readAgain(fd int) (string, error) {
	unix.Seek(fd, 0, 0)
	var b [4096]byte
	return number64(unix.Read(fd, b[:]))
}

func mapFD(fd, protection, kind int) error {
	b, err := unix.Mmap(fd, 0, page, protection, kind)
	if err == nil {
		unix.Munmap(b)
	}
	return err
}

// sendfile reads without read.
func sendfile(fd int) (string, error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return "", err
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	var from int64
	return number64(unix.Sendfile(pipe[1], fd, &from, page))
}

// held opens before, and uses what it opened after, in each of the given ways.
// A mapping that is made executable then was made before.
func held(c *call) (string, error) {
	flags := unix.O_RDONLY
	for _, how := range c.args[1:] {
		if u, ok := uses[how]; !ok && how != "mprotect-exec" {
			wrong("no use %q", how)
		} else if u.writes {
			flags = unix.O_RDWR
		}
	}
	fd, err := open(c.args[0], flags)
	if err != nil {
		return "", at("open", err)
	}
	defer unix.Close(fd)
	mapping, mapErr := unix.Mmap(fd, 0, page, unix.PROT_READ, unix.MAP_PRIVATE)
	ready()
	for _, how := range c.args[1:] {
		if how == "mprotect-exec" {
			err := mapErr
			if err == nil {
				err = unix.Mprotect(mapping, unix.PROT_READ|unix.PROT_EXEC)
			}
			tell("held-"+how, "", err)
			continue
		}
		detail, err := use(fd, how)
		tell("held-"+how, detail, err)
	}
	return "", errTold
}

// heldDir opens a directory before, and a name in it after.
func heldDir(c *call) (string, error) {
	fd, err := open(c.args[0], unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return "", at("open", err)
	}
	defer unix.Close(fd)
	ready()
	return readOpened(unix.Openat(fd, c.args[1], unix.O_RDONLY|unix.O_CLOEXEC, 0))
}

func ftruncateHeld(c *call) (string, error) {
	fd, err := open(c.args[0], unix.O_RDWR)
	if err != nil {
		return "", at("open", err)
	}
	defer unix.Close(fd)
	ready()
	return "", unix.Ftruncate(fd, int64(number(c.args[1])))
}
