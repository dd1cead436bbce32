package vm

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// Image is a kernel in the cache.
type Image struct {
	Kernel  Kernel `json:"-"`
	Release string `json:"release"` // uname -r
	Version string `json:"version"` // of the Debian package
	Dir     string `json:"dir"`
	Busybox string `json:"busybox"` // static busybox for the kernel's architecture
}

// Vmlinuz is the path of the kernel itself.
func (i *Image) Vmlinuz() string { return filepath.Join(i.Dir, "vmlinuz") }

// Modules is the folder of the kernel's modules.
func (i *Image) Modules() string { return filepath.Join(i.Dir, "modules") }

// Cache is a directory that keeps kernels, build results and logs.
type Cache struct {
	Dir string
	// Logf says what takes time: downloads. Never nil.
	Logf func(format string, args ...any)
}

// OpenCache uses $RINGSIDE_CACHE, or ringside in the user's cache directory.
func OpenCache(logf func(string, ...any)) (*Cache, error) {
	dir := os.Getenv("RINGSIDE_CACHE")
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("find the cache directory: %w\nset RINGSIDE_CACHE to a directory with 1 GB to spare", err)
		}
		dir = filepath.Join(base, "ringside")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make cache directory: %w", err)
	}
	return &Cache{Dir: dir, Logf: logf}, nil
}

// Lock takes the cache for this process and waits for others to finish; the
// returned function gives it back. The kernel drops the lock if we die.
func (c *Cache) Lock(name string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(c.Dir, name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock cache: %w", err)
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return func() { f.Close() }, nil
}

// Fetch returns the kernels' images. What was resolved once is used again
// without asking apt or the network, unless refresh is set.
func (c *Cache) Fetch(ctx context.Context, kernels []Kernel, refresh bool) ([]*Image, error) {
	images := make([]*Image, len(kernels))
	missing := false
	for i, k := range kernels {
		if !refresh {
			images[i] = c.recorded(k)
		}
		missing = missing || images[i] == nil
	}
	if !missing {
		return images, nil
	}
	unlock, err := c.Lock("fetch")
	if err != nil {
		return nil, err
	}
	defer unlock()
	roots := map[string]*aptRoot{}
	for i, k := range kernels {
		if images[i] == nil && !refresh {
			images[i] = c.recorded(k) // another process was first
		}
		if images[i] != nil {
			continue
		}
		apt := roots[k.Arch]
		if apt == nil {
			if apt, err = newAptRoot(ctx, filepath.Join(c.Dir, "apt", k.Arch), k.Arch, suites(k.Arch), c.Logf); err != nil {
				return nil, err
			}
			roots[k.Arch] = apt
		}
		if images[i], err = c.fetch(ctx, apt, k); err != nil {
			return nil, fmt.Errorf("kernel %s: %w", k.Name, err)
		}
	}
	return images, nil
}

func (c *Cache) fetch(ctx context.Context, apt *aptRoot, k Kernel) (*Image, error) {
	img, err := k.fetch(ctx, apt, filepath.Join(c.Dir, "kernels"))
	if err != nil {
		return nil, err
	}
	img.Kernel = k
	if img.Busybox, err = c.busybox(ctx, apt); err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(img, "", "  ")
	if err != nil {
		return nil, err
	}
	return img, writeAtomic(c.record(k), append(b, '\n'))
}

// suites are those that any kernel of this architecture needs.
func suites(arch string) []string {
	list := []string{busyboxSuite}
	for _, k := range Matrix {
		if k.Arch == arch && !slices.Contains(list, k.Suite) {
			list = append(list, k.Suite)
		}
	}
	return list
}

func (c *Cache) record(k Kernel) string { return filepath.Join(c.Dir, "kernels", k.Name+".json") }

// recorded is what an earlier run resolved, or nil if any of it is gone.
func (c *Cache) recorded(k Kernel) *Image {
	b, err := os.ReadFile(c.record(k))
	if err != nil {
		return nil
	}
	img := &Image{}
	if json.Unmarshal(b, img) != nil {
		return nil
	}
	for _, path := range []string{img.Vmlinuz(), img.Modules(), img.Busybox} {
		if _, err := os.Stat(path); err != nil {
			return nil
		}
	}
	img.Kernel = k
	return img
}

// busybox fetches the guest's shell and tools as one static binary.
func (c *Cache) busybox(ctx context.Context, apt *aptRoot) (string, error) {
	path := filepath.Join(c.Dir, "busybox-"+apt.arch)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := apt.update(ctx); err != nil {
		return "", err
	}
	offers, err := apt.offers(ctx, "busybox-static")
	if err != nil {
		return "", err
	}
	slices.SortFunc(offers, func(a, b offer) int { return -compareVersions(a.Version, b.Version) })
	for _, o := range offers {
		if o.Suite != busyboxSuite {
			continue
		}
		tmp, err := os.MkdirTemp(c.Dir, "unpack-")
		if err != nil {
			return "", err
		}
		defer os.RemoveAll(tmp)
		if err := apt.unpack(ctx, tmp, o.Package+"="+o.Version); err != nil {
			return "", err
		}
		for _, place := range []string{"bin/busybox", "usr/bin/busybox"} {
			if err = os.Rename(filepath.Join(tmp, place), path); err == nil {
				return path, nil
			}
		}
		return "", fmt.Errorf("find busybox in its package: %w", err)
	}
	return "", fmt.Errorf("busybox-static is not in %s", busyboxSuite)
}

func writeAtomic(path string, b []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.Write(b); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
