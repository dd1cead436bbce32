package symbol

import (
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// FindLibrary finds the file that a user calls by a name: a path; a library by its name
// without lib and .so ("c"), or by that of its file ("libc.so.6"); or an executable
// ("bash"). For a process it is what that process has mapped, or would find in its own
// root; with process 0, what we would.
func FindLibrary(pid uint32, name string) (Mapped, error) {
	if strings.Contains(name, "/") {
		return findPath(pid, name)
	}
	if name == "" || name == "." || name == ".." || len(name) > maxLibraryName {
		return Mapped{}, fmt.Errorf("find library %q: no such name", name)
	}
	if pid != 0 {
		files, err := MappedFiles(pid)
		if err != nil {
			return Mapped{}, err
		}
		for _, m := range files {
			if base := path.Base(m.Path); base == name || isLibrary(base, name) {
				return m, nil
			}
		}
	}
	for _, find := range []func(uint32, string) (Mapped, bool){findCached, findInDirs, findExecutable} {
		if m, ok := find(pid, name); ok {
			return m, nil
		}
	}
	where := ""
	if pid != 0 {
		where = fmt.Sprintf(", nor in the mappings of process %d", pid)
	}
	return Mapped{}, fmt.Errorf("find library or executable %q: not in /etc/ld.so.cache, the directories of libraries or PATH%s; a path would do",
		name, where)
}

// findPath takes a path as it is in a process; one that does not begin at the root is
// ours.
func findPath(pid uint32, name string) (Mapped, error) {
	if !path.IsAbs(name) {
		at, err := filepath.Abs(name)
		if err != nil {
			return Mapped{}, fmt.Errorf("find %s: %w", name, err)
		}
		pid, name = 0, at
	}
	m := In(pid, name)
	if !m.exists() {
		_, _, err := m.Open()
		return Mapped{}, err
	}
	return m, nil
}

func (m Mapped) exists() bool {
	f, _, err := m.at.open()
	if err == nil {
		f.Close()
	}
	return err == nil
}

// isLibrary reports whether a file's name is that of a library: libNAME.so.6,
// libNAME-2.31.so, libNAME.musl-x86_64.so.1.
func isLibrary(file, name string) bool {
	rest, ok := strings.CutPrefix(file, "lib"+name)
	if !ok {
		return false
	}
	if version, ok := strings.CutPrefix(rest, "-"); ok {
		rest = strings.TrimLeft(version, ".0123456789")
		if rest == version {
			return false
		}
		rest = "." + rest // the point before "so" went with the version
	}
	if musl, ok := strings.CutPrefix(rest, ".musl-"); ok {
		_, rest, _ = strings.Cut(musl, ".")
		rest = "." + rest
	}
	return rest == ".so" || strings.HasPrefix(rest, ".so.")
}

// findCached looks into /etc/ld.so.cache, in which ldconfig has written what is in the
// directories of libraries.
func findCached(pid uint32, name string) (Mapped, bool) {
	f, _, err := place{pid: pid, path: "/etc/ld.so.cache"}.open()
	if err != nil {
		return Mapped{}, false
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxCache))
	if err != nil {
		return Mapped{}, false
	}
	libs, err := parseCache(b)
	if err != nil {
		return Mapped{}, false
	}
	for _, special := range []bool{false, true} {
		for _, lib := range libs {
			if lib.special == special && (lib.name == name || isLibrary(lib.name, name)) {
				if m := In(pid, lib.path); path.IsAbs(lib.path) && m.exists() {
					return m, true
				}
			}
		}
	}
	return Mapped{}, false
}

// maxEntries bounds the files of a directory that are looked at.
const maxEntries = 1 << 16

// findInDirs looks into the directories of libraries, where there is no cache, as with
// musl, or the library is newer than that.
func findInDirs(pid uint32, name string) (Mapped, bool) {
	for _, dir := range libraryDirs {
		for _, file := range filesOf(pid, dir) {
			if file != name && !isLibrary(file, name) {
				continue
			}
			if m := In(pid, path.Join(dir, file)); m.isELF() {
				return m, true
			}
		}
	}
	return Mapped{}, false
}

// filesOf returns the names of a directory's files, in the root of a process.
func filesOf(pid uint32, dir string) []string {
	d, err := openDir(pid, dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(maxEntries)
	return names
}

func openDir(pid uint32, dir string) (*os.File, error) {
	const flags = syscall.O_RDONLY | syscall.O_DIRECTORY | syscall.O_CLOEXEC
	if pid == 0 {
		return os.OpenFile(dir, flags, 0)
	}
	root, err := os.OpenFile(procDir(pid)+"/root", flags, 0)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	fd, err := openHandle(int(root.Fd()), dir, inRoot)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(fd)
	return os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", fd), flags, 0)
}

// isELF reports whether a file is a program or library for us; what is called
// libc.so can also be a script of the linker.
func (m Mapped) isELF() bool {
	f, _, err := m.at.open()
	if err != nil {
		return false
	}
	defer f.Close()
	elf, err := NewELF(f)
	return err == nil && elf.Runs() == nil
}

// executableDirs is where executables are in the root of a process.
var executableDirs = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

func findExecutable(pid uint32, name string) (Mapped, bool) {
	dirs := executableDirs
	if pid == 0 {
		dirs = filepath.SplitList(os.Getenv("PATH"))
	}
	for _, dir := range dirs {
		if !path.IsAbs(dir) { // who runs us as root did not mean what is in this directory
			continue
		}
		if m := In(pid, path.Join(dir, name)); m.isELF() {
			return m, true
		}
	}
	return Mapped{}, false
}
