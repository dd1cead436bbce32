package engine

// file is what the kernel knows a file by.
type file struct {
	dev uint32 // of the kernel: major << 20 | minor
	ino uint64
	// subvolume tells files of one number apart where subvolumes number theirs on
	// their own: 24 bits, 0 elsewhere.
	subvolume uint32
}

// cgroup is a directory of the v2 hierarchy.
type cgroup struct {
	dir string // from the root of the hierarchy
	id  uint64
}

// resolver finds on the machine what policies name.
type resolver interface {
	// file returns the file that a path leads to, all links followed, and where they
	// lead, as far as there is something; found is false if there is no file.
	file(path string) (f file, real string, found bool, err error)
	// before returns other files that the path led to while it was in force: what a
	// policy denies it goes on to deny when it is moved away.
	before(path string) []file
	// cgroup's id is 0 for one that has gone since the policies came.
	cgroup(dir string) (cgroup, error)
	container(id string) ([]cgroup, error)
	// self is guard's own program.
	self() (f file, ok bool)
}
