package policy

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/ringside-tools/ringside/internal/process"
)

// System is the machine that policies are checked for. A question that it cannot
// answer has another error than [fs.ErrNotExist], and is no finding.
type System interface {
	// Follow returns where the links of a path lead. Without the file, it is as far as
	// they lead.
	Follow(path string) (target string, err error)
	User(name string) (id uint32, err error)
	Group(name string) (id uint32, err error)
	// Cgroup returns the path of a directory of cgroups, given from the root of the
	// hierarchy.
	Cgroup(dir string) (path string, err error)
	// Container returns the directories of the containers whose ids begin so, from the
	// root of the hierarchy.
	Container(prefix string) (dirs []string, err error)
}

// Root returns the machine whose file system begins at a directory: "/" is this one.
// Users and groups are those of its files, as services in the network are not asked.
func Root(dir string) System { return root(filepath.Clean(dir)) }

type root string

// maxLinks is how many links the kernel follows in one path.
const maxLinks = 40

func (r root) Follow(name string) (string, error) {
	target, rest := "/", strings.TrimPrefix(path.Clean(name), "/")
	for links := 0; rest != ""; {
		var component string
		component, rest, _ = strings.Cut(rest, "/")
		next := path.Join(target, component)
		info, err := os.Lstat(filepath.Join(string(r), next))
		if err != nil {
			return path.Join(next, rest), err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			if target = next; rest != "" && !info.IsDir() {
				return path.Join(target, rest), fs.ErrNotExist
			}
			continue
		}
		link, err := os.Readlink(filepath.Join(string(r), next))
		if err != nil {
			return path.Join(next, rest), err
		}
		if links++; links > maxLinks {
			return path.Join(next, rest), syscall.ELOOP
		}
		if path.IsAbs(link) {
			target = "/"
		}
		// Not cleaned: what .. means depends on where the links before it lead.
		rest = strings.Trim(link, "/") + "/" + rest
		rest = strings.TrimSuffix(strings.TrimPrefix(rest, "/"), "/")
	}
	return target, nil
}

func (r root) User(name string) (uint32, error)  { return r.id("user", "/etc/passwd", name) }
func (r root) Group(name string) (uint32, error) { return r.id("group", "/etc/group", name) }

// id reads the third field of the line that begins with the name.
func (r root) id(kind, file, name string) (uint32, error) {
	target, err := r.Follow(file)
	if err != nil && !os.IsNotExist(err) {
		return 0, err
	}
	f, err := os.Open(filepath.Join(string(r), target))
	if err != nil && !os.IsNotExist(err) {
		return 0, err
	}
	if err == nil {
		defer f.Close()
		for sc := bufio.NewScanner(f); sc.Scan(); {
			fields := strings.SplitN(sc.Text(), ":", 4)
			if len(fields) < 4 || fields[0] != name {
				continue
			}
			if id, err := strconv.ParseUint(fields[2], 10, 32); err == nil && id != 1<<32-1 {
				return uint32(id), nil
			}
		}
	}
	return 0, fmt.Errorf("there is no %s %s in %s: %w", kind, quote(name), file, fs.ErrNotExist)
}

// hierarchy returns where the directories of cgroups are.
func (r root) hierarchy() (string, error) {
	if r == "/" {
		return process.CgroupRoot()
	}
	for _, mount := range []string{cgroupMount, cgroupMount + "/unified"} {
		dir := filepath.Join(string(r), mount)
		if _, err := os.Stat(filepath.Join(dir, "cgroup.controllers")); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("no hierarchy of cgroups below %s", string(r))
}

func (r root) Cgroup(dir string) (string, error) {
	hierarchy, err := r.hierarchy()
	if err != nil {
		return "", err
	}
	path := filepath.Join(hierarchy, dir)
	_, err = os.Lstat(path)
	return path, err
}

func (r root) Container(prefix string) (dirs []string, err error) {
	hierarchy, err := r.hierarchy()
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(hierarchy, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || !strings.HasPrefix(process.ContainerID(d.Name()), prefix) {
			return nil // what goes while we look is no container of a policy
		}
		dirs = append(dirs, "/"+strings.TrimPrefix(strings.TrimPrefix(path, hierarchy), "/"))
		return fs.SkipDir // those below are in it
	})
	if err == nil && len(dirs) == 0 {
		err = fmt.Errorf("no container %s: %w", prefix, fs.ErrNotExist)
	}
	return dirs, err
}
