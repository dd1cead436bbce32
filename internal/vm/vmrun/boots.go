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

// kernelList is the file of a folder of kernel tests that names the kernels it is tested
// on, where that is not all; in the form of debianList.
const kernelList = "testdata/kernels"

// moduleList is the file of a folder of kernel tests that names the kernel's modules that
// it needs besides those that all guests have; in the same form.
const moduleList = "testdata/modules"

// boot is one start of a guest, for packages that need the same of it.
type boot struct {
	image    *vm.Image
	packages []string // of Go
	debian   []string
	modules  []string // of the kernel, more than all guests have
	disk     *vm.Disk
}

// name is what its log is called by.
func (b *boot) name() string {
	if len(b.debian) == 0 {
		return b.image.Kernel.Name
	}
	return b.image.Kernel.Name + "-disk"
}

// boots distributes packages over guests, on each of the kernels. Those with the most
// to do come first, so that none of them is left to run alone at the end.
func (m module) boots(images []*vm.Image, packages []string) (boots []*boot, err error) {
	for _, img := range images {
		for _, pkg := range packages {
			kernels, err := m.words(pkg, kernelList)
			if err != nil {
				return nil, err
			}
			if kernels != nil && !slices.Contains(kernels, img.Kernel.Name) {
				continue
			}
			debian, err := m.words(pkg, debianList)
			if err != nil {
				return nil, err
			}
			modules, err := m.words(pkg, moduleList)
			if err != nil {
				return nil, err
			}
			i := slices.IndexFunc(boots, func(b *boot) bool { return b.image == img && slices.Equal(b.debian, debian) })
			if i < 0 {
				i = len(boots)
				boots = append(boots, &boot{image: img, debian: debian})
			}
			boots[i].packages = append(boots[i].packages, pkg)
			boots[i].modules = append(boots[i].modules, modules...)
		}
	}
	slices.SortStableFunc(boots, func(a, b *boot) int { return len(b.packages) - len(a.packages) })
	return boots, nil
}

// words are those of a list of a package, sorted; nil if it has none.
func (m module) words(pkg, list string) (words []string, err error) {
	text, err := os.ReadFile(filepath.Join(m.Dir, pkg, list))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the list %s of %s: %w", list, pkg, err)
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		words = append(words, strings.Fields(line)...)
	}
	slices.Sort(words)
	return words, nil
}
