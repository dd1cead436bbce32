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
// on, where that is not all; in the form of debianList. "here" is the machine itself
// (make test-here).
const kernelList = "testdata/kernels"

// moduleList is the file of a folder of kernel tests that names the kernel's modules that
// it needs besides those that all guests have; in the same form.
const moduleList = "testdata/modules"

// boot is one start of a guest, for packages that need the same of it.
type boot struct {
	image    *vm.Image
	packages []string          // of Go
	patterns map[string]string // the tests of each that run, for -test.run
	left     int               // tests of theirs that are left to other kernels
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

// chooser says which tests of a package run on a kernel, as a pattern for -test.run, ""
// for none, and how many are left to other kernels.
type chooser func(kernel, pkg string) (pattern string, left int, err error)

// tests is how many top-level ones run.
func (b *boot) tests() (n int) {
	for _, pattern := range b.patterns {
		n += 1 + strings.Count(pattern, "|")
	}
	return n
}

// boots distributes packages over guests, on each of the kernels. Those with the most
// tests come first, so that none of them is left to run alone at the end.
func (m module) boots(images []*vm.Image, packages []string, choose chooser) (boots []*boot, err error) {
	for _, img := range images {
		for _, pkg := range packages {
			pattern, left, err := choose(img.Kernel.Name, pkg)
			if err != nil {
				return nil, err
			}
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
				boots = append(boots, &boot{image: img, debian: debian, patterns: make(map[string]string)})
			}
			boots[i].left += left
			if pattern == "" {
				continue
			}
			boots[i].patterns[pkg] = pattern
			boots[i].packages = append(boots[i].packages, pkg)
			boots[i].modules = append(boots[i].modules, modules...)
		}
	}
	boots = slices.DeleteFunc(boots, func(b *boot) bool { return len(b.packages) == 0 })
	slices.SortStableFunc(boots, func(a, b *boot) int { return b.tests() - a.tests() })
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
