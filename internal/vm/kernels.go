package vm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Kernel is one row of the matrix: a series, never a point release, because
// those disappear from the mirrors.
type Kernel struct {
	Name   string // what people type
	Arch   string // GOARCH, which is Debian's name too for the two in use
	Series string // "6.12", or "" for the newest of the suite
	Suite  string
	// Cmdline is added to the kernel's command line.
	Cmdline string
}

// Matrix is every kernel that the tests run on, oldest first.
var Matrix = []Kernel{
	// 5.10 does not list bpf among its LSMs, and then attaching an LSM program
	// succeeds and never fires.
	{Name: "5.10", Arch: "amd64", Series: "5.10", Suite: "bullseye", Cmdline: "lsm=landlock,lockdown,yama,apparmor,bpf"},
	{Name: "6.1", Arch: "amd64", Series: "6.1", Suite: "bookworm"},
	{Name: "6.12", Arch: "amd64", Series: "6.12", Suite: "trixie"},
	{Name: "newest", Arch: "amd64", Suite: "trixie-backports"},
	{Name: "arm64-6.12", Arch: "arm64", Series: "6.12", Suite: "trixie"},
}

// busyboxSuite is where the guest's shell comes from.
const busyboxSuite = "bookworm"

// Lookup finds kernels of the matrix by name; no names means all of them.
func Lookup(names ...string) ([]Kernel, error) {
	if len(names) == 0 {
		return Matrix, nil
	}
	var found []Kernel
	var known []string
	for _, k := range Matrix {
		known = append(known, k.Name)
	}
	for _, n := range names {
		i := slices.Index(known, n)
		if i < 0 {
			return nil, fmt.Errorf("unknown kernel %q: one of %s", n, strings.Join(known, ", "))
		}
		found = append(found, Matrix[i])
	}
	return found, nil
}

// pattern matches the names of the kernel's packages. From 7.0 on Debian splits
// linux-image: the kernel is in linux-binary, and from 7.2 the modules are in
// linux-modules. The "$" leaves out -unsigned and -dbg.
func (k Kernel) pattern() string {
	series := "[0-9]"
	if k.Series != "" {
		series = strings.ReplaceAll(k.Series, ".", `\.`) + `\.`
	}
	return "^linux-(image|binary|modules)-" + series + ".*-cloud-" + k.Arch + "$"
}

// release is one kernel release on offer and the packages that make it up.
type release struct {
	Name     string // uname -r
	Version  string // Debian's
	Packages []string
}

// resolve orders the releases of the kernel's suite, newest first.
func (k Kernel) resolve(offers []offer) []release {
	type key struct{ name, version string }
	index := map[key]int{}
	var list []release
	for _, o := range offers {
		name := releaseName(o.Package)
		if o.Suite != k.Suite || name == "" {
			continue
		}
		at := key{name, o.Version}
		i, ok := index[at]
		if !ok {
			i = len(list)
			index[at] = i
			list = append(list, release{Name: name, Version: o.Version})
		}
		if p := o.Package + "=" + o.Version; !slices.Contains(list[i].Packages, p) {
			list[i].Packages = append(list[i].Packages, p)
		}
	}
	for _, r := range list {
		slices.Sort(r.Packages)
	}
	slices.SortStableFunc(list, func(a, b release) int { return -compareVersions(a.Version, b.Version) })
	return list
}

func releaseName(pkg string) string {
	for _, prefix := range []string{"linux-image-", "linux-binary-", "linux-modules-"} {
		if r, ok := strings.CutPrefix(pkg, prefix); ok {
			return r
		}
	}
	return ""
}

// olderReleases is how many releases to try before giving up: an index can name
// packages that the mirror has dropped already.
const olderReleases = 4

// fetch downloads the newest release that the mirror still serves into a
// folder of its own below dir.
func (k Kernel) fetch(ctx context.Context, apt *aptRoot, dir string) (*Image, error) {
	if err := apt.update(ctx); err != nil {
		return nil, err
	}
	names, err := apt.search(ctx, k.pattern())
	if err != nil {
		return nil, err
	}
	offers, err := apt.offers(ctx, names...)
	if err != nil {
		return nil, err
	}
	list := k.resolve(offers)
	if len(list) == 0 {
		return nil, fmt.Errorf("no package of %s matches %s", k.Suite, k.pattern())
	}
	var lastErr error
	for i, r := range list {
		if i == olderReleases || ctx.Err() != nil {
			break
		}
		img := &Image{Release: r.Name, Version: r.Version, Dir: filepath.Join(dir, k.Arch+"-"+r.Name+"_"+r.Version)}
		if _, err := os.Stat(img.Vmlinuz()); err == nil {
			return img, nil
		}
		if lastErr = unpackKernel(ctx, apt, img, r.Packages); lastErr == nil {
			return img, nil
		}
		apt.logf("%s is not to be had, trying the release before it: %v", r.Name, lastErr)
	}
	return nil, lastErr
}

// unpackKernel keeps the kernel, its configuration and its modules.
func unpackKernel(ctx context.Context, apt *aptRoot, img *Image, packages []string) error {
	parent := filepath.Dir(img.Dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(parent, "unpack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	raw, keep := filepath.Join(tmp, "raw"), filepath.Join(tmp, "keep")
	if err := os.MkdirAll(keep, 0o755); err != nil {
		return err
	}
	if err := apt.unpack(ctx, raw, packages...); err != nil {
		return err
	}
	for dst, places := range map[string][]string{
		"vmlinuz": {"boot/vmlinuz-" + img.Release, "usr/lib/modules/" + img.Release + "/vmlinuz"},
		"config":  {"boot/config-" + img.Release, "usr/lib/modules/" + img.Release + "/config"},
		"modules": {"lib/modules/" + img.Release, "usr/lib/modules/" + img.Release},
	} {
		err := os.ErrNotExist
		for _, p := range places {
			if err = os.Rename(filepath.Join(raw, p), filepath.Join(keep, dst)); err == nil {
				break
			}
		}
		if err != nil && dst != "config" {
			return fmt.Errorf("find %s in %s: %w", dst, strings.Join(packages, " "), err)
		}
	}
	if err := os.Rename(keep, img.Dir); err != nil && !os.IsExist(err) {
		return fmt.Errorf("keep kernel: %w", err)
	}
	return nil
}
