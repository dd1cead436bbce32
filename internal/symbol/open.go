package symbol

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

var errNotRegular = errors.New("not a regular file")

// identity tells a file, as it is now, from all others.
type identity struct {
	dev, inode uint64
	size       int64
	changed    unix.Timespec // of the inode, which its owner cannot choose
}

// place is where a file can be opened: a mapping of a process, a path seen from a process, or a path of ours.
type place struct {
	pid        uint32 // 0: of ours
	start, end uint64 // of the mapping; 0 if only the path is known
	path       string
	deleted    bool
}

// name is the path as it is shown.
func (p place) name() string {
	if p.deleted {
		return p.path + string(deletedSuffix)
	}
	return p.path
}

// inRoot makes links lead where they lead in the process.
const inRoot = unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS

// open opens the file. The entry of map_files leads to the very file that is mapped, but takes CAP_CHECKPOINT_RESTORE;
// the path leads there if nobody has put another file in its place.
func (p place) open() (*os.File, identity, error) {
	if p.pid == 0 {
		return openRegular(unix.AT_FDCWD, p.path, 0)
	}
	proc := procDir(p.pid)
	if p.end != 0 {
		name := proc + "/map_files/" + strconv.FormatUint(p.start, 16) + "-" + strconv.FormatUint(p.end, 16)
		f, id, err := openRegular(unix.AT_FDCWD, name, 0)
		if err == nil || errors.Is(err, errNotRegular) || p.deleted {
			return f, id, err
		}
	}
	root, err := unix.Open(proc+"/root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, identity{}, fmt.Errorf("open root of process %d: %w", p.pid, err)
	}
	defer unix.Close(root)
	return openRegular(root, p.path, inRoot)
}

func procDir(pid uint32) string { return "/proc/" + strconv.FormatUint(uint64(pid), 10) }

// openRegular opens a regular file for reading. The path is not trusted: it is looked at through a handle that opens
// nothing, because opening some devices has consequences and opening a FIFO waits.
func openRegular(dir int, path string, resolve uint64) (*os.File, identity, error) {
	handle, err := openHandle(dir, path, resolve)
	if err != nil {
		return nil, identity{}, fmt.Errorf("open %s: %w", path, err)
	}
	defer unix.Close(handle)
	var st unix.Stat_t
	if err := unix.Fstat(handle, &st); err != nil {
		return nil, identity{}, fmt.Errorf("inspect %s: %w", path, err)
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(handle, &fs); err != nil {
		return nil, identity{}, fmt.Errorf("inspect %s: %w", path, err)
	}
	// Files that the kernel makes up count as regular, though reading some has consequences as well. Their size is 0,
	// but in sysfs.
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size == 0 || fs.Type == unix.SYSFS_MAGIC {
		return nil, identity{}, fmt.Errorf("open %s: %w", path, errNotRegular)
	}
	fd, err := unix.Open("/proc/self/fd/"+strconv.Itoa(handle), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, identity{}, fmt.Errorf("open %s: %w", path, err)
	}
	return os.NewFile(uintptr(fd), path), identity{uint64(st.Dev), st.Ino, st.Size, st.Ctim}, nil
}

func openHandle(dir int, path string, resolve uint64) (int, error) {
	const flags = unix.O_PATH | unix.O_CLOEXEC
	if resolve == 0 {
		return unix.Open(path, flags, 0)
	}
	fd, err := unix.Openat2(dir, path, &unix.OpenHow{Flags: flags, Resolve: resolve})
	if !errors.Is(err, unix.ENOSYS) && !errors.Is(err, unix.EPERM) {
		return fd, err
	}
	// Before 5.6, and where a sandbox does not know the call, a link in the process's root leads to a file of ours. Its build id tells.
	return unix.Openat(dir, "."+path, flags, 0)
}
