package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var testFunc = regexp.MustCompile(`(?m)^func (Test\w*)\(\w+ \*testing\.T\)`)

// testNames lists the tests of a package's kernel test files. Only these run in
// the guest: the package's unit tests are in the same binary, but may need the
// source tree, and would hide that no kernel test ran.
func (m module) testNames(pkg string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(m.Dir, pkg, "*"+kernelTests))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, fmt.Errorf("list kernel tests: %w", err)
		}
		for _, match := range testFunc.FindAllSubmatch(text, -1) {
			if name := string(match[1]); name != "TestMain" {
				names = append(names, name)
			}
		}
	}
	return names, nil
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
