package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// kernelTest is a test that runs in guests.
type kernelTest struct {
	Name string
	// Kernels are those that it is left to, where it says so: it is about what is the same
	// on the others. Empty means all; "here" that it needs what no guest has.
	Kernels []string
}

// hostOnly stands for the machine itself (make test-here) among kernels.
const hostOnly = "here"

// testFunc finds tests, and the directive before one that leaves it to some kernels:
//
//	//vmrun:kernels 5.10 6.12
//	func TestX(t *testing.T) {
var testFunc = regexp.MustCompile(`(?m)^(?://vmrun:kernels (.*)\n)?func (Test\w*)\(\w+ \*testing\.T\)`)

// tests lists the tests of a package's kernel test files. Only these run in
// the guest: the package's unit tests are in the same binary, but may need the
// source tree, and would hide that no kernel test ran.
func (m module) tests(pkg string) ([]kernelTest, error) {
	files, err := filepath.Glob(filepath.Join(m.Dir, pkg, "*"+kernelTests))
	if err != nil {
		return nil, err
	}
	var tests []kernelTest
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("list kernel tests: %w", err)
		}
		for _, match := range testFunc.FindAllSubmatch(text, -1) {
			t := kernelTest{Name: string(match[2]), Kernels: strings.Fields(string(match[1]))}
			for _, k := range t.Kernels {
				if k != hostOnly && !slices.Contains(kernelNames(), k) {
					return nil, fmt.Errorf("%s: %s is left to %q, which is none of %s", f, t.Name, k, strings.Join(kernelNames(), ", "))
				}
			}
			if len(t.Kernels) > 1 && slices.Contains(t.Kernels, hostOnly) {
				return nil, fmt.Errorf("%s: %s is left to %q and to others, which cannot be", f, t.Name, hostOnly)
			}
			if t.Name != "TestMain" {
				tests = append(tests, t)
			}
		}
	}
	return tests, nil
}

// namesOn are the tests that run on a kernel. Those that are left to others run as well if
// all is set.
func namesOn(kernel string, tests []kernelTest, all bool) (names []string) {
	for _, t := range tests {
		if kernel != hostOnly && slices.Contains(t.Kernels, hostOnly) {
			continue
		}
		if all || len(t.Kernels) == 0 || slices.Contains(t.Kernels, kernel) {
			names = append(names, t.Name)
		}
	}
	return names
}

// selectTests is the -test.run pattern for those of names that run selects, or
// "" for none. As in the go command, run's part after a "/" selects subtests.
func selectTests(names []string, run string) (string, error) {
	top, sub, nested := strings.Cut(run, "/")
	re, err := regexp.Compile(top)
	if err != nil {
		return "", fmt.Errorf("-run: %w", err)
	}
	var chosen []string
	for _, n := range names {
		if re.MatchString(n) {
			chosen = append(chosen, n)
		}
	}
	if len(chosen) == 0 {
		return "", nil
	}
	pattern := "^(" + strings.Join(chosen, "|") + ")$"
	if nested {
		pattern += "/" + sub
	}
	return pattern, nil
}
