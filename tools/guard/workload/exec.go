package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

var execOps = map[string]operation{
	"exec":          func(c *call) (string, error) { return execute(c.args[0], c.args) },
	"execveat":      execveat,
	"exec-memfd":    execMemfd,
	"exec-unlinked": execUnlinked,
	"exec-copy":     execCopy,
	"exec-noargs":   execNoargs,
	"exec-loader":   func(c *call) (string, error) { return execute(c.args[0], c.args) },
	"exec-suid":     execSuid,
}

// status is the detail of an operation that executed something.
func status(n int, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return strconv.Itoa(n), nil
}

func execute(path string, argv []string) (string, error) {
	return status(spawn(func() error { return execve(path, argv) }))
}

// pointers are strings as exec wants them, and one nil behind.
func pointers(words []string) []*byte {
	var all []*byte
	for _, w := range words {
		b, err := unix.BytePtrFromString(w)
		if err != nil {
			wrong("%q has a zero byte", w)
		}
		all = append(all, b)
	}
	return append(all, nil)
}

// executeFD executes what a descriptor is of.
func executeFD(fd int, argv []string) (string, error) {
	empty, args, env := pointers([]string{""}), pointers(argv), pointers(os.Environ())
	return status(spawn(func() error {
		_, _, errno := unix.RawSyscall6(unix.SYS_EXECVEAT, uintptr(fd), uintptr(unsafe.Pointer(empty[0])),
			uintptr(unsafe.Pointer(&args[0])), uintptr(unsafe.Pointer(&env[0])), unix.AT_EMPTY_PATH, 0)
		runtime.KeepAlive(args)
		return errno
	}))
}

func execveat(c *call) (string, error) {
	fd, err := open(c.args[0], unix.O_PATH)
	if err != nil {
		return "", at("O_PATH", err)
	}
	defer unix.Close(fd)
	return executeFD(fd, c.args)
}

// copyTo writes all of a file to a descriptor.
func copyTo(to int, path string) error {
	from, err := open(path, unix.O_RDONLY)
	if err != nil {
		return at("open", err)
	}
	defer unix.Close(from)
	b := make([]byte, 1<<16)
	for {
		n, err := unix.Read(from, b)
		if err != nil {
			return at("read", err)
		}
		if n == 0 {
			return nil
		}
		for done := 0; done < n; {
			w, err := unix.Write(to, b[done:n])
			if err != nil {
				return at("write", err)
			}
			done += w
		}
	}
}

func execMemfd(c *call) (string, error) {
	fd, err := unix.MemfdCreate("workload", unix.MFD_CLOEXEC)
	if err != nil {
		return "", at("memfd_create", err)
	}
	defer unix.Close(fd)
	if err := copyTo(fd, c.args[0]); err != nil {
		return "", err
	}
	return executeFD(fd, c.args)
}

// copyOf makes a copy in a directory, and says how it is called.
func copyOf(path, dir string) (string, error) {
	name := filepath.Join(dir, filepath.Base(path)+".copy-"+strconv.Itoa(os.Getpid()))
	fd, err := unix.Open(name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o755)
	if err != nil {
		return "", at("create", err)
	}
	err = copyTo(fd, path)
	unix.Close(fd) // what is open for writing cannot be executed
	if err != nil {
		unix.Unlink(name)
	}
	return name, err
}

func execUnlinked(c *call) (string, error) {
	name, err := copyOf(c.args[0], c.arg(1, os.TempDir()))
	if err != nil {
		return "", err
	}
	fd, err := open(name, unix.O_RDONLY)
	if err := unix.Unlink(name); err != nil {
		return "", at("unlink", err)
	}
	if err != nil {
		return "", at("open", err)
	}
	defer unix.Close(fd)
	return executeFD(fd, append(c.args[:1:1], c.args[min(2, len(c.args)):]...))
}

func execCopy(c *call) (string, error) {
	name, err := copyOf(c.args[0], c.args[1])
	if err != nil {
		return "", err
	}
	defer unix.Unlink(name)
	return execute(name, append(c.args[:1:1], c.args[2:]...))
}

// execNoargs executes with no argument at all, not even a name.
func execNoargs(c *call) (string, error) {
	return execute(c.args[0], nil)
}

// execSuid executes a workload as an ordinary user, and says which effective
// user that found itself to be.
func execSuid(c *call) (string, error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return "", at("pipe", err)
	}
	_, err := spawn(func() error {
		if err := become(c.arg(1, nobody)); err != nil {
			return at("as", err)
		}
		if err := unix.Dup3(pipe[1], 1, 0); err != nil {
			return at("dup", err)
		}
		return execve(c.args[0], []string{c.args[0], "id"})
	})
	unix.Close(pipe[1])
	said := readAll(pipe[0])
	unix.Close(pipe[0])
	for _, w := range strings.Fields(said) {
		if strings.HasPrefix(w, "euid=") {
			return w, err
		}
	}
	return "", err
}
