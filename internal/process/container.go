package process

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Containers maps cgroup ids to container ids and remembers the answers.
type Containers struct {
	root string // cgroup2 mount, or "" where there is none
	proc string
	v1   bool // there are v1 hierarchies, and a container may be in those alone
	ids  map[uint64]string
}

// maxContainers bounds the memory of Containers on a machine where cgroups
// come and go for months.
const maxContainers = 1 << 16

// NewContainers reads the cgroups that exist now.
func NewContainers() *Containers {
	root, err := CgroupRoot()
	if err != nil {
		root = ""
	}
	return newContainers(root, "/proc")
}

func newContainers(root, proc string) *Containers {
	c := &Containers{root: root, proc: proc, ids: make(map[uint64]string)}
	if b, err := os.ReadFile(proc + "/self/cgroup"); err == nil {
		c.v1 = hasV1(string(b))
	}
	if root != "" {
		c.scan()
	}
	return c
}

// hasV1 reports whether a /proc/PID/cgroup file has lines of v1 hierarchies.
func hasV1(text string) bool {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "0::") {
			return true
		}
	}
	return false
}

// scan records the container of every cgroup below the root: the directory's
// inode is the cgroup's id.
func (c *Containers) scan() {
	filepath.WalkDir(c.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				c.remember(st.Ino, containerOfPath(strings.TrimPrefix(path, c.root)))
			}
		}
		return nil
	})
}

func (c *Containers) remember(cgroup uint64, id string) {
	if len(c.ids) >= maxContainers {
		clear(c.ids)
	}
	c.ids[cgroup] = id
}

// ID returns the container that a process with that cgroup id ran in, or "".
// A cgroup made after the start is looked up through the process, and by a
// new scan where the process has ended.
//
// A container of v1 hierarchies has no v2 cgroup of its own: its processes
// share one with others, mostly the root. There the answer belongs to the
// process and is not remembered.
func (c *Containers) ID(cgroup uint64, pid uint32) string {
	id, known := c.ids[cgroup]
	if id != "" || known && !c.v1 {
		return id
	}
	b, err := os.ReadFile(c.proc + "/" + strconv.FormatUint(uint64(pid), 10) + "/cgroup")
	if err == nil {
		id, unified := containerOfCgroups(string(b))
		if unified || !c.v1 {
			c.remember(cgroup, id)
		}
		return id
	}
	if c.root != "" && !known {
		c.scan()
		if _, ok := c.ids[cgroup]; !ok {
			c.remember(cgroup, "") // gone with its process
		}
	}
	return c.ids[cgroup]
}

// containerOfCgroups reads a /proc/PID/cgroup file: the v2 line first, then
// any v1 line that names a container. It tells which of both it was.
func containerOfCgroups(text string) (id string, unified bool) {
	found := ""
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		id := containerOfPath(parts[2])
		if id == "" {
			continue
		}
		if parts[0] == "0" {
			return id, true
		}
		found = id
	}
	return found, false
}
