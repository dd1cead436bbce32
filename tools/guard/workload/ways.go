package main

import (
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// Other ways to a file than its path.
var wayOps = map[string]operation{
	"open-proc-fd":      openProcFD,
	"open-proc-root":    openProcRoot,
	"open-handle":       openHandle,
	"open-chroot":       openChroot,
	"open-mountns-bind": openMountnsBind,
	"open-userns-bind":  openUsernsBind,
	"open-tree-clone":   openTreeClone,
	"open-detached":     openDetached,
	"open-relative":     openRelative,
}

// readOpened reads what was opened, so that it is certain that it is open.
func readOpened(fd int, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	return count(fd)
}

// openProcFD opens a descriptor again that could not read or write.
func openProcFD(c *call) (string, error) {
	fd, err := open(c.args[0], unix.O_PATH)
	if err != nil {
		return "", at("O_PATH", err)
	}
	defer unix.Close(fd)
	how := flags(openFlags, c.arg(1, "r"))
	again, err := open("/proc/self/fd/"+strconv.Itoa(fd), how)
	if how&unix.O_ACCMODE == unix.O_WRONLY {
		return opened(again, err)
	}
	return readOpened(again, err)
}

func openProcRoot(c *call) (string, error) {
	return readOpened(open("/proc/"+c.arg(1, "self")+"/root"+c.args[0], unix.O_RDONLY))
}

// openHandle opens by a handle. The mount is told by the working directory,
// because a descriptor of it would have to be opened.
func openHandle(c *call) (string, error) {
	path, err := filepath.Abs(c.args[0])
	if err != nil {
		return "", at("getcwd", err)
	}
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, path, 0)
	if err != nil {
		return "", at("name_to_handle_at", err)
	}
	return inChild(c, func() (string, error) {
		if err := unix.Chdir(filepath.Dir(path)); err != nil {
			return "", at("chdir", err)
		}
		return readOpened(unix.OpenByHandleAt(unix.AT_FDCWD, handle, unix.O_RDONLY|unix.O_CLOEXEC))
	})
}

func openChroot(c *call) (string, error) {
	return inChild(c, func() (string, error) {
		if err := unix.Chroot(c.args[0]); err != nil {
			return "", at("chroot", err)
		}
		if err := unix.Chdir("/"); err != nil {
			return "", at("chdir", err)
		}
		return readOpened(open(c.args[1], unix.O_RDONLY))
	})
}

func bindThenOpen(source, target, path string) (string, error) {
	if err := unix.Mount(source, target, "none", unix.MS_BIND, ""); err != nil {
		return "", at("mount", err)
	}
	return readOpened(open(path, unix.O_RDONLY))
}

func openMountnsBind(c *call) (string, error) {
	return inChild(c, func() (string, error) {
		if err := enterMountns(); err != nil {
			return "", at("unshare", err)
		}
		return bindThenOpen(c.args[0], c.args[1], c.args[2])
	})
}

func openUsernsBind(c *call) (string, error) {
	return inChild(c, func() (string, error) {
		if err := becomeRootInside(c.arg(3, nobody), unix.CLONE_NEWNS); err != nil {
			return "", err
		}
		return bindThenOpen(c.args[0], c.args[1], c.args[2])
	})
}

// openTreeClone opens below a copy of a mount that is mounted nowhere.
func openTreeClone(c *call) (string, error) {
	tree, err := unix.OpenTree(unix.AT_FDCWD, c.args[0], unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return "", at("open_tree", err)
	}
	defer unix.Close(tree)
	return readOpened(unix.Openat(tree, c.args[1], unix.O_RDONLY|unix.O_CLOEXEC, 0))
}

// openDetached opens below a mount that has been taken away (umount -l).
func openDetached(c *call) (string, error) {
	dir := c.args[0]
	return inChild(c, func() (string, error) {
		if err := enterMountns(); err != nil {
			return "", at("unshare", err)
		}
		if err := unix.Mount(dir, dir, "none", unix.MS_BIND, ""); err != nil {
			return "", at("mount", err)
		}
		fd, err := open(dir, unix.O_PATH|unix.O_DIRECTORY)
		if err != nil {
			return "", at("O_PATH", err)
		}
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			return "", at("umount", err)
		}
		return readOpened(unix.Openat(fd, c.args[1], unix.O_RDONLY|unix.O_CLOEXEC, 0))
	})
}

// openRelative goes into a directory and opens a name there.
func openRelative(c *call) (string, error) {
	return inChild(c, func() (string, error) {
		if err := unix.Chdir(c.args[0]); err != nil {
			return "", at("chdir", err)
		}
		return readOpened(open(c.args[1], unix.O_RDONLY))
	})
}
