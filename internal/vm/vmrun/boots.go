package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ringside-tools/ringside/internal/vm"
)

// debianList is the file of a folder of kernel tests that names the Debian packages
// that its guest has to have, on a disk; a comment begins with #. Such folders do not
// share a boot with others, which are tested on a root of busybox.
const debianList = "testdata/packages"

// boot is one start of a guest, for packages that need the same of it.
type boot struct {
	image    *vm.Image
	packages []string // of Go
	debian   []string
	disk     *vm.Disk
}

// name is what its log is called by.
func (b *boot) name() string {
	if len(b.debian) == 0 {
		return b.image.Kernel.Name
	}
	return b.image.Kernel.Name + "-disk"
}

// boots distributes packages over guests, on each of the kernels.
func (m module) boots(images []*vm.Image, packages []string) (boots []*boot, err error) {
	for _, img := range images {
		for _, pkg := range packages {
			debian, err := m.debianPackages(pkg)
			if err != nil {
				return nil, err
			}
			i := slices.IndexFunc(boots, func(b *boot) bool { return b.image == img && slices.Equal(b.debian, debian) })
			if i < 0 {
				i = len(boots)
				boots = append(boots, &boot{image: img, debian: debian})
			}
			boots[i].packages = append(boots[i].packages, pkg)
		}
	}
	return boots, nil
}

func (m module) debianPackages(pkg string) (names []string, err error) {
	text, err := os.ReadFile(filepath.Join(m.Dir, pkg, debianList))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the Debian packages of %s: %w", pkg, err)
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		names = append(names, strings.Fields(line)...)
	}
	slices.Sort(names)
	return names, nil
}
