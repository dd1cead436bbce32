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
	ids  map[uint64]string
}

// maxContainers bounds the memory of Containers on a machine where cgroups
// come and go for months.
const maxContainers = 1 << 16

// NewContainers reads the cgroups that exist now.
func NewContainers() *Containers {
	c := &Containers{ids: make(map[uint64]string)}
	if root, err := CgroupRoot(); err == nil {
		c.root = root
		c.scan()
	}
	return c
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
func (c *Containers) ID(cgroup uint64, pid uint32) string {
	if id, ok := c.ids[cgroup]; ok {
		return id
	}
	b, err := os.ReadFile("/proc/" + strconv.FormatUint(uint64(pid), 10) + "/cgroup")
	if err == nil {
		c.remember(cgroup, containerOfCgroups(string(b)))
	} else if c.root != "" {
		c.scan()
		if _, ok := c.ids[cgroup]; !ok {
			c.remember(cgroup, "") // gone with its process
		}
	}
	return c.ids[cgroup]
}

// containerOfCgroups reads a /proc/PID/cgroup file: the v2 line first, then
// any v1 line that names a container.
func containerOfCgroups(text string) string {
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
			return id
		}
		found = id
	}
	return found
}
