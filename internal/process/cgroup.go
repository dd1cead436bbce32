package process

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// CgroupRoot returns where the cgroup v2 hierarchy is mounted: /sys/fs/cgroup
// on most machines, /sys/fs/cgroup/unified beside a v1 hierarchy.
func CgroupRoot() (string, error) { return cgroupRoot("/proc/self/mountinfo") }

func cgroupRoot(mountinfo string) (string, error) {
	text, err := os.ReadFile(mountinfo)
	if err != nil {
		return "", fmt.Errorf("find cgroup2 mount: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		// ID PARENT DEV ROOT MOUNTPOINT OPTIONS [OPTIONAL...] - TYPE SOURCE SUPER
		before, after, ok := strings.Cut(line, " - ")
		if !ok || !strings.HasPrefix(after, "cgroup2 ") {
			continue
		}
		if fields := strings.Fields(before); len(fields) >= 5 {
			return unescapeMount(fields[4]), nil
		}
	}
	return "", fmt.Errorf("find cgroup2 mount: none in %s: mount it with `mount -t cgroup2 none /sys/fs/cgroup`", mountinfo)
}

// unescapeMount decodes the octal escapes that the kernel writes for space, tab,
// newline and backslash in a path of mountinfo.
func unescapeMount(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}

// OpenCgroup opens a cgroup v2 directory for a filter. The caller closes it.
func OpenCgroup(path string) (*os.File, error) {
	f, err := os.OpenFile(path, unix.O_DIRECTORY|os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("open cgroup: %w", err)
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err != nil {
		f.Close()
		return nil, fmt.Errorf("inspect cgroup %s: %w", path, err)
	}
	if st.Type != unix.CGROUP2_SUPER_MAGIC {
		f.Close()
		hint := ""
		if root, err := CgroupRoot(); err == nil {
			hint = ": the v2 hierarchy is mounted at " + root
		}
		return nil, fmt.Errorf("open cgroup %s: not a cgroup v2 directory%s", path, hint)
	}
	return f, nil
}

// FindContainer returns the cgroup directory of the container whose id begins
// with prefix.
func FindContainer(prefix string) (string, error) {
	root, err := CgroupRoot()
	if err != nil {
		return "", err
	}
	return findContainer(root, prefix)
}

func findContainer(root, prefix string) (string, error) {
	var dir, id string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // a cgroup that went away while we walked
		}
		found := ContainerID(d.Name())
		if found == "" || !strings.HasPrefix(found, prefix) {
			return nil
		}
		if id != "" && id != found {
			return fmt.Errorf("container %q is ambiguous: %s and %s", prefix, id, found)
		}
		if dir == "" { // the outermost directory holds the whole container
			dir, id = path, found
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if dir == "" {
		return "", fmt.Errorf("unknown container %q: no cgroup below %s has an id that begins so", prefix, root)
	}
	return dir, nil
}

// ContainerID returns the container id in the name of a cgroup directory, or
// "". Runtimes write it bare (docker on cgroupfs, Kubernetes), or as
// RUNTIME-ID.scope (systemd). The cgroup of a container's monitor, such as
// crio-conmon-ID.scope, has the id in its name too but is outside.
func ContainerID(name string) string {
	name = strings.TrimSuffix(name, ".scope")
	if i := strings.LastIndexAny(name, "-:"); i >= 0 {
		if strings.HasSuffix(name[:i], "conmon") {
			return ""
		}
		name = name[i+1:]
	}
	if len(name) != 64 {
		return ""
	}
	for _, c := range []byte(name) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return ""
		}
	}
	return name
}
