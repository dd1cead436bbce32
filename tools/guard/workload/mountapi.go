package main

import "golang.org/x/sys/unix"

// Mounts by the calls of 5.2 and later.
var mountAPIOps = map[string]operation{
	"fsopen":         only(fsopen),
	"fsopen-use":     fsopenUse,
	"open-tree-move": only(openTreeMove),
	"fspick":         only(fspick),
	"mount-setattr":  only(mountSetattr),
}

// newMount makes a mount that is mounted nowhere yet.
func newMount(kind string) (int, error) {
	fs, err := unix.Fsopen(kind, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, at("fsopen", err)
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, at("fsconfig", err)
	}
	mnt, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, 0)
	return mnt, at("fsmount", err)
}

func moveMount(fd int, target string) error {
	return at("move_mount", unix.MoveMount(fd, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH))
}

func fsopen(c *call) error {
	mnt, err := newMount(c.args[0])
	if err != nil {
		return err
	}
	defer unix.Close(mnt)
	return moveMount(mnt, c.args[1])
}

// fsopenUse uses a mount that is never mounted anywhere.
func fsopenUse(c *call) (string, error) {
	mnt, err := newMount(c.args[0])
	if err != nil {
		return "", err
	}
	defer unix.Close(mnt)
	fd, err := unix.Openat(mnt, "file", unix.O_WRONLY|unix.O_CREAT|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return "", at("openat", err)
	}
	defer unix.Close(fd)
	return writeText(fd, "workload\n")
}

func openTreeMove(c *call) error {
	tree, err := unix.OpenTree(unix.AT_FDCWD, c.args[0], unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return at("open_tree", err)
	}
	defer unix.Close(tree)
	return moveMount(tree, c.args[1])
}

// fspick changes a flag of a file system that is mounted.
func fspick(c *call) error {
	fs, err := unix.Fspick(unix.AT_FDCWD, c.args[0], unix.FSPICK_CLOEXEC)
	if err != nil {
		return at("fspick", err)
	}
	defer unix.Close(fs)
	if err := unix.FsconfigSetFlag(fs, c.arg(1, "ro")); err != nil {
		return at("fsconfig", err)
	}
	return at("reconfigure", unix.FsconfigReconfigure(fs))
}

// mountSetattr sets (+) or clears (-) a flag of one mount, since 5.12.
func mountSetattr(c *call) error {
	how := c.arg(1, "-ro")
	attr := flags(map[string]uint64{
		"ro": unix.MOUNT_ATTR_RDONLY, "nosuid": unix.MOUNT_ATTR_NOSUID, "nodev": unix.MOUNT_ATTR_NODEV, "noexec": unix.MOUNT_ATTR_NOEXEC,
	}, how[1:])
	var change unix.MountAttr
	switch how[0] {
	case '+':
		change.Attr_set = attr
	case '-':
		change.Attr_clr = attr
	default:
		wrong("mount-setattr wants +ro or the like")
	}
	return unix.MountSetattr(unix.AT_FDCWD, c.args[0], 0, &change)
}
