package vm

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Disk is a Debian system for jobs that need more than busybox: the packages of
// the kernel's own suite, unpacked into an ext4 file system. Maintainer scripts
// have not run. The guest cannot write to it, so that boots may share one.
type Disk struct {
	Path     string   `json:"path"`
	Packages []string `json:"packages"` // "name=version", dependencies included
}

// KernelHeaders among the packages of a disk stands for the headers of the
// booted kernel, without the compiler that their packages depend on.
const KernelHeaders = "linux-headers"

// diskModules are what a guest needs to mount a disk below its root.
var diskModules = []string{"virtio_pci", "virtio_blk", "ext4", "overlay"}

// Version is that of a package on the disk, or "".
func (d *Disk) Version(name string) string {
	for _, p := range d.Packages {
		if v, ok := strings.CutPrefix(p, name+"="); ok {
			return v
		}
	}
	return ""
}

// Disk returns a disk with packages for the kernel of an image. As with
// kernels, what was resolved once is used again, unless refresh is set; a disk
// is made only if there is none with the same versions.
func (c *Cache) Disk(ctx context.Context, img *Image, packages []string, refresh bool) (*Disk, error) {
	packages = slices.Sorted(slices.Values(packages))
	dir := filepath.Join(c.Dir, "disks")
	record := filepath.Join(dir, digest(append(packages, img.Kernel.Arch, img.Release, img.Version))+".json")
	if d := recordedDisk(record); d != nil && !refresh {
		return d, nil
	}
	unlock, err := c.Lock("fetch")
	if err != nil {
		return nil, err
	}
	defer unlock()
	if d := recordedDisk(record); d != nil && !refresh {
		return d, nil // another process was first
	}
	arch := img.Kernel.Arch
	apt, err := newAptRoot(ctx, filepath.Join(c.Dir, "apt", arch), arch, suites(arch), c.Logf)
	if err != nil {
		return nil, err
	}
	if err := apt.update(ctx); err != nil {
		return nil, err
	}
	resolved, err := resolveDisk(ctx, apt, img, packages)
	if err != nil {
		return nil, err
	}
	d := &Disk{Path: filepath.Join(dir, arch+"-"+digest(resolved)+".ext4"), Packages: resolved}
	if _, err := os.Stat(d.Path); errors.Is(err, fs.ErrNotExist) {
		if err := d.make(ctx, apt); err != nil {
			return nil, fmt.Errorf("make a disk of %s: %w", strings.Join(packages, " "), err)
		}
	}
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, err
	}
	return d, writeAtomic(record, append(b, '\n'))
}

func digest(words []string) string {
	return fmt.Sprintf("%.16x", sha256.Sum256([]byte(strings.Join(words, "\n"))))
}

// recordedDisk is nil if there is none, or its file is gone.
func recordedDisk(record string) *Disk {
	b, err := os.ReadFile(record)
	if err != nil {
		return nil
	}
	d := &Disk{}
	if json.Unmarshal(b, d) != nil {
		return nil
	}
	if _, err := os.Stat(d.Path); err != nil {
		return nil
	}
	return d
}

// layout is the package that links /bin, /lib and so on to their places in /usr.
const layout = "base-files"

// resolveDisk lists all packages of a disk with their versions.
func resolveDisk(ctx context.Context, apt *aptRoot, img *Image, packages []string) ([]string, error) {
	wanted := []string{layout}
	headers := false
	for _, p := range packages {
		if p == KernelHeaders {
			headers = true
			continue
		}
		wanted = append(wanted, p)
	}
	all, err := apt.closure(ctx, img.Kernel.Suite, wanted...)
	if err != nil {
		return nil, err
	}
	if headers {
		with, err := apt.closure(ctx, img.Kernel.Suite, KernelHeaders+"-"+img.Release)
		if err != nil {
			return nil, err
		}
		for _, p := range with {
			if strings.HasPrefix(p, KernelHeaders+"-") {
				all = append(all, p)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// unread is what nothing in a guest reads.
var unread = []string{"usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man"}

func (d *Disk) make(ctx context.Context, apt *aptRoot) error {
	mke2fs, err := exec.LookPath("mke2fs")
	if err != nil {
		mke2fs = "/usr/sbin/mke2fs" // which is not in every user's PATH
	}
	dir := filepath.Dir(d.Path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(dir, "unpack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	root, file := filepath.Join(tmp, "root"), filepath.Join(tmp, "ext4")
	// The links first: another package's directory would be in their way.
	first, rest := d.split()
	for _, packages := range [][]string{first, rest} {
		if err := apt.unpack(ctx, root, packages...); err != nil {
			return err
		}
	}
	for _, name := range unread {
		if err := os.RemoveAll(filepath.Join(root, name)); err != nil {
			return err
		}
	}
	size, files, err := measureTree(root)
	if err != nil {
		return err
	}
	// Nothing will be added to it: no journal, nothing reserved, and as many
	// inodes and blocks as there are files.
	out, err := exec.CommandContext(ctx, mke2fs, "-q", "-t", "ext4", "-O", "^has_journal", "-m", "0",
		"-E", "root_owner=0:0", "-N", fmt.Sprint(files+files/8+64), "-d", root, file, fmt.Sprintf("%dk", (size+size/8)>>10+16<<10)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("mke2fs (package e2fsprogs): %w\n%s", err, out)
	}
	return os.Rename(file, d.Path)
}

func (d *Disk) split() (first, rest []string) {
	for _, p := range d.Packages {
		if strings.HasPrefix(p, layout+"=") {
			first = append(first, p)
			continue
		}
		rest = append(rest, p)
	}
	return first, rest
}

// measureTree counts whole blocks of 4 KiB.
func measureTree(root string) (size, files int64, err error) {
	err = filepath.WalkDir(root, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		size += (info.Size() + 4095) &^ 4095
		files++
		return nil
	})
	if err != nil {
		return 0, 0, fmt.Errorf("measure the disk: %w", err)
	}
	return size, files, nil
}
