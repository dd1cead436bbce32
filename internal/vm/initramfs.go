package vm

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// File is one entry of the guest's root.
type File struct {
	Path string      // absolute, in the guest
	Mode fs.FileMode // type and permission bits
	// Exactly one of Host (a path), Data and Target (of a symbolic link) for
	// files that have contents.
	Host   string
	Data   []byte
	Target string
	// Major and Minor of a device node.
	Major, Minor uint32
}

// HostTree lists a directory of the host, links and all, as files below dst.
func HostTree(src, dst string) ([]File, error) {
	var files []File
	err := filepath.WalkDir(src, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(src, p)
		if err != nil {
			return err
		}
		f := File{Path: path.Join(dst, filepath.ToSlash(rel)), Mode: info.Mode()}
		switch {
		case info.Mode().IsRegular():
			f.Host = p
		case info.Mode()&fs.ModeSymlink != 0:
			if f.Target, err = os.Readlink(p); err != nil {
				return err
			}
		case !info.IsDir():
			return nil // sockets and pipes are nobody's test data
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", src, err)
	}
	return files, nil
}

// writeInitramfs writes an uncompressed cpio archive in the newc format
// (Documentation/driver-api/early-userspace/buffer-format.rst). Uncompressed,
// because an emulated CPU inflates slower than QEMU copies. Missing parent
// directories are added; everything belongs to root; a later entry with the
// same path replaces an earlier one.
func writeInitramfs(w io.Writer, files []File) error {
	c := &cpio{w: bufio.NewWriterSize(w, 1<<20)}
	for _, f := range arrange(files) {
		if err := c.add(f); err != nil {
			return fmt.Errorf("initramfs: %s: %w", f.Path, err)
		}
	}
	return c.close()
}

// arrange cleans paths, adds parents and sorts, so that directories come before
// what they hold.
func arrange(files []File) []File {
	byPath := map[string]File{}
	for _, f := range files {
		f.Path = path.Clean("/" + f.Path)
		byPath[f.Path] = f
		for dir := path.Dir(f.Path); dir != "/"; dir = path.Dir(dir) {
			if _, ok := byPath[dir]; !ok {
				byPath[dir] = File{Path: dir, Mode: fs.ModeDir | 0o755}
			}
		}
	}
	delete(byPath, "/")
	list := make([]File, 0, len(byPath))
	for _, f := range byPath {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return list
}

type cpio struct {
	w      *bufio.Writer
	inode  uint32
	offset int64
}

func (c *cpio) add(f File) error {
	switch {
	case f.Mode&fs.ModeSymlink != 0:
		return c.entry(f, unix.S_IFLNK|0o777, int64(len(f.Target)), strings.NewReader(f.Target))
	case f.Mode.IsDir():
		return c.entry(f, unix.S_IFDIR|perm(f.Mode), 0, nil)
	case f.Mode&fs.ModeCharDevice != 0:
		return c.entry(f, unix.S_IFCHR|perm(f.Mode), 0, nil)
	case !f.Mode.IsRegular():
		return fmt.Errorf("file type %v is not supported", f.Mode.Type())
	case f.Host == "":
		return c.entry(f, unix.S_IFREG|perm(f.Mode), int64(len(f.Data)), strings.NewReader(string(f.Data)))
	}
	in, err := os.Open(f.Host)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	return c.entry(f, unix.S_IFREG|perm(f.Mode), info.Size(), in)
}

func perm(m fs.FileMode) uint32 {
	p := uint32(m.Perm())
	for bit, unixBit := range map[fs.FileMode]uint32{fs.ModeSetuid: unix.S_ISUID, fs.ModeSetgid: unix.S_ISGID, fs.ModeSticky: unix.S_ISVTX} {
		if m&bit != 0 {
			p |= unixBit
		}
	}
	return p
}

// trailer is the name that ends an archive.
const trailer = "TRAILER!!!"

func (c *cpio) close() error {
	if err := c.entry(File{Path: "/" + trailer}, 0, 0, nil); err != nil {
		return err
	}
	return c.w.Flush()
}

// entry writes a header of thirteen 8-digit hexadecimal numbers, the name and
// the contents, the latter two padded to 4 bytes.
func (c *cpio) entry(f File, mode uint32, size int64, body io.Reader) error {
	if size > 1<<32-1 {
		return fmt.Errorf("%d bytes do not fit the format", size)
	}
	name := strings.TrimPrefix(f.Path, "/")
	if name != trailer {
		c.inode++
	}
	head := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		c.inode, mode, 0, 0, 1, 0, size, 0, 0, f.Major, f.Minor, len(name)+1, 0, name)
	if err := c.write(strings.NewReader(head), int64(len(head))); err != nil {
		return err
	}
	if body == nil {
		return nil
	}
	return c.write(body, size)
}

func (c *cpio) write(r io.Reader, size int64) error {
	n, err := io.Copy(c.w, io.LimitReader(r, size))
	if err != nil {
		return err
	}
	if n != size {
		return fmt.Errorf("file shrank from %d to %d bytes while it was read", size, n)
	}
	c.offset += n
	for ; c.offset%4 != 0; c.offset++ {
		if err := c.w.WriteByte(0); err != nil {
			return err
		}
	}
	return nil
}
