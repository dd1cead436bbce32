package symbol

import (
	"bytes"
	"debug/elf"
	"path"
	"strings"
)

// Bounds on the search for the libraries of one executable.
const (
	maxLibraries   = 128
	maxLibraryDirs = 16
	maxDynamic     = 64 << 10 // bytes of .dynamic
	maxLibraryName = 255
)

// libraryDirs is where dynamic linkers look, on Debian and elsewhere.
var libraryDirs = []string{
	"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/lib64", "/lib",
	"/usr/lib/i386-linux-gnu", "/usr/lib32", "/usr/local/lib",
}

// libraries looks at the libraries that an executable names, and those that they name. A short-lived process is gone
// before its mappings can be read, and its libraries need not be those of any other. What is found is the right file if
// it has the build id that is asked for, so it does no harm to search more than the linker would.
func (c *files) libraries(at place, exe *file) {
	if exe.searched {
		return
	}
	exe.searched = true
	seen := make(map[string]bool)
	for queue := []place{at}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		needs, _ := try(&c.guard, func() needs { return readNeeds(at) })
		for _, name := range needs.names {
			if seen[name] || len(seen) >= maxLibraries {
				continue
			}
			seen[name] = true
			for _, dir := range append(needs.dirs, libraryDirs...) {
				lib := place{pid: at.pid, path: path.Join(dir, name)}
				if f := c.get(lib); f != nil {
					queue = append(queue, lib)
					break
				}
			}
		}
	}
}

// needs is what a file says of its libraries.
type needs struct{ names, dirs []string }

func readNeeds(p place) needs {
	f, key, err := p.open()
	if err != nil {
		return needs{}
	}
	defer f.Close()
	im, err := readImage(f, key.size)
	if err != nil {
		return needs{}
	}
	return needsOf(im, path.Dir(p.path))
}

func needsOf(im *image, origin string) (out needs) {
	s, ok := im.kind(elf.SHT_DYNAMIC)
	if !ok || s.size > maxDynamic || uint64(s.link) >= uint64(len(im.sections)) {
		return out
	}
	table, err := im.read(s.offset, s.size)
	if err != nil {
		return out
	}
	entry := 8
	if im.wide {
		entry = 16
	}
	for ; len(table) >= entry; table = table[entry:] {
		tag, value := uint64(le32(table)), uint64(le32(table[4:]))
		if im.wide {
			tag, value = le64(table), le64(table[8:])
		}
		switch elf.DynTag(tag) {
		case elf.DT_NEEDED:
			name := im.string(s.link, value, maxLibraryName)
			if name != "" && !strings.Contains(name, "/") && len(out.names) < maxLibraries {
				out.names = append(out.names, name)
			}
		case elf.DT_RPATH, elf.DT_RUNPATH:
			for _, dir := range strings.SplitN(im.string(s.link, value, maxPath), ":", maxLibraryDirs+1) {
				dir = strings.NewReplacer("$ORIGIN", origin, "${ORIGIN}", origin).Replace(dir)
				if strings.HasPrefix(dir, "/") && len(dir) <= maxPath && len(out.dirs) < maxLibraryDirs {
					out.dirs = append(out.dirs, dir)
				}
			}
		}
	}
	return out
}

// string returns a string of a section, or "" for one that is not whole or longer than limit.
func (im *image) string(section uint32, offset uint64, limit int) string {
	s := im.sections[section]
	if offset >= s.size || s.offset > uint64(im.size) {
		return ""
	}
	buf := make([]byte, min(uint64(limit)+1, s.size-offset))
	n, _ := im.file.ReadAt(buf, int64(s.offset+offset))
	end := bytes.IndexByte(buf[:n], 0)
	if end < 0 {
		return ""
	}
	return string(buf[:end])
}
