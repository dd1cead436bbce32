package main

import (
	"golang.org/x/sys/unix"
)

var mountOps = map[string]operation{
	"mount":             only(mount),
	"mount-bind":        only(func(c *call) error { return unix.Mount(c.args[0], c.args[1], "none", unix.MS_BIND, "") }),
	"mount-bind-notype": only(func(c *call) error { return unix.Mount(c.args[0], c.args[1], "", unix.MS_BIND, "") }),
	"mount-bogus-type":  only(func(c *call) error { return unix.Mount(c.args[0], c.args[1], "bogus", unix.MS_BIND, "") }),
	"mount-rec": only(func(c *call) error {
		return unix.Mount(c.args[0], c.args[1], "none", unix.MS_BIND|unix.MS_REC, "")
	}),
	"mount-move":        only(func(c *call) error { return unix.Mount(c.args[0], c.args[1], "none", unix.MS_MOVE, "") }),
	"mount-propagation": only(propagation),
	"remount":           only(remount),
	"remount-bind-ro": only(func(c *call) error {
		return unix.Mount("none", c.args[0], "none", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
	}),
	"overlay-mount": only(overlay),
	"umount":        only(umount),
	"pivot-root":    pivotRoot,
	"setns":         only(setns),
	"userns-mount":  usernsMount,
}

var mountFlags = map[string]uintptr{
	"rw":       0,
	"ro":       unix.MS_RDONLY,
	"nosuid":   unix.MS_NOSUID,
	"nodev":    unix.MS_NODEV,
	"noexec":   unix.MS_NOEXEC,
	"noatime":  unix.MS_NOATIME,
	"relatime": unix.MS_RELATIME,
	"silent":   unix.MS_SILENT,
	"bind":     unix.MS_BIND,
	"rec":      unix.MS_REC,
}

func mount(c *call) error {
	return unix.Mount("workload", c.args[1], c.args[0], flags(mountFlags, c.arg(2, "rw")), c.arg(3, ""))
}

func propagation(c *call) error {
	kinds := map[string]uintptr{
		"private": unix.MS_PRIVATE, "shared": unix.MS_SHARED, "slave": unix.MS_SLAVE, "unbindable": unix.MS_UNBINDABLE,
		"rec": unix.MS_REC,
	}
	return unix.Mount("none", c.args[0], "none", flags(kinds, c.arg(1, "private")), "")
}

func remount(c *call) error {
	return unix.Mount("none", c.args[0], "none", unix.MS_REMOUNT|flags(mountFlags, c.args[1]), "")
}

func overlay(c *call) error {
	return unix.Mount("workload", c.args[3], "overlay", 0, "lowerdir="+c.args[0]+",upperdir="+c.args[1]+",workdir="+c.args[2])
}

func umount(c *call) error {
	how := flags(map[string]int{
		"none": 0, "detach": unix.MNT_DETACH, "force": unix.MNT_FORCE, "expire": unix.MNT_EXPIRE, "nofollow": unix.UMOUNT_NOFOLLOW,
	}, c.arg(1, "none"))
	err := unix.Unmount(c.args[0], how)
	if how&unix.MNT_EXPIRE != 0 && err == unix.EAGAIN { // marked; the next one takes it away
		err = unix.Unmount(c.args[0], how)
	}
	return err
}

// pivotRoot makes a directory the root of a mount namespace of its own. The
// kernel refuses with EINVAL where the root is that of an initramfs, after it
// has asked the security modules.
func pivotRoot(c *call) (string, error) {
	dir := c.args[0]
	return inChild(c, func() (string, error) {
		if err := enterMountns(); err != nil {
			return "", at("unshare", err)
		}
		if err := unix.Mount(dir, dir, "none", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return "", at("mount", err)
		}
		if err := unix.Chdir(dir); err != nil {
			return "", at("chdir", err)
		}
		return "", unix.PivotRoot(".", ".")
	})
}

var namespaces = map[string]int{
	"mnt": unix.CLONE_NEWNS, "net": unix.CLONE_NEWNET, "pid": unix.CLONE_NEWPID,
	"uts": unix.CLONE_NEWUTS, "ipc": unix.CLONE_NEWIPC, "cgroup": unix.CLONE_NEWCGROUP,
}

// setns joins a namespace of another process; the operations behind it are
// done there.
func setns(c *call) error {
	kind := c.arg(1, "mnt")
	flag := flags(namespaces, kind)
	fd, err := open("/proc/"+c.args[0]+"/ns/"+kind, unix.O_RDONLY)
	if err != nil {
		return at("open", err)
	}
	defer unix.Close(fd)
	if flag == unix.CLONE_NEWNS {
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return at("unshare", err)
		}
	}
	return unix.Setns(fd, flag)
}

// usernsMount mounts as an ordinary user, who is root of a user namespace.
func usernsMount(c *call) (string, error) {
	return inChild(c, func() (string, error) {
		if err := becomeRootInside(c.arg(1, nobody), unix.CLONE_NEWNS); err != nil {
			return "", err
		}
		return "", unix.Mount("workload", c.args[0], "tmpfs", 0, "")
	})
}
