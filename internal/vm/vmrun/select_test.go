package main

import (
	"slices"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestSelect(t *testing.T) {
	m := tree(t, map[string]string{
		"a/a_kernel_test.go": "package a\n\nfunc TestMain(m *testing.M) {}\nfunc TestOne(t *testing.T) {}\nfunc helper(t *testing.T) {}\n// func TestNot(t *testing.T)\n// TestTwo is left.\n//\n//vmrun:kernels 5.10 6.12\nfunc TestTwo(t *testing.T) {}\n",
		"a/a_test.go":        "package a\n\nfunc TestUnit(t *testing.T) {}\n",
	})
	tests, err := m.tests("a")
	qt.Assert(t, qt.IsNil(err))
	names := namesOn("6.12", tests, false)
	qt.Assert(t, qt.DeepEquals(names, []string{"TestOne", "TestTwo"}))
	qt.Check(t, qt.DeepEquals(namesOn("5.10", tests, false), names))
	qt.Check(t, qt.DeepEquals(namesOn("6.1", tests, false), names[:1]))
	qt.Check(t, qt.DeepEquals(namesOn("6.1", tests, true), names))
	for run, want := range map[string]string{
		"": "^(TestOne|TestTwo)$", "Two": "^(TestTwo)$", "One/x/y": "^(TestOne)$/x/y", "^One": "",
	} {
		got, err := selectTests(names, run)
		qt.Check(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(got, want), qt.Commentf("-run %q", run))
	}
	_, err = selectTests(names, "(")
	qt.Check(t, qt.IsNotNil(err))

	m = tree(t, map[string]string{"a/a_kernel_test.go": "//vmrun:kernels 5.10 5.11\nfunc TestOne(t *testing.T) {}\n"})
	_, err = m.tests("a")
	qt.Check(t, qt.ErrorMatches(err, `.*TestOne is left to "5.11", which is none of 5.10, .*`))
}

// TestHostOnly: a test that needs what no guest has runs in none, not even if all are asked for.
func TestHostOnly(t *testing.T) {
	m := tree(t, map[string]string{"a/a_kernel_test.go": "//vmrun:kernels here\nfunc TestOne(t *testing.T) {}\nfunc TestTwo(t *testing.T) {}\n"})
	tests, err := m.tests("a")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(namesOn("6.12", tests, true), []string{"TestTwo"}))
	qt.Check(t, qt.DeepEquals(namesOn(hostOnly, tests, false), []string{"TestOne", "TestTwo"}))
	m = tree(t, map[string]string{"a/a_kernel_test.go": "//vmrun:kernels here 6.12\nfunc TestOne(t *testing.T) {}\n"})
	_, err = m.tests("a")
	qt.Check(t, qt.ErrorMatches(err, `.*TestOne is left to "here" and to others, .*`))
}

// TestTree: what the tests of this module say about kernels can be read, and each is left
// to one at least.
func TestTree(t *testing.T) {
	m, err := moduleRoot(t.Context())
	qt.Assert(t, qt.IsNil(err))
	packages, err := m.testPackages(m.Dir, nil)
	qt.Assert(t, qt.IsNil(err))
	for _, pkg := range packages {
		kernels, err := m.words(pkg, kernelList)
		qt.Assert(t, qt.IsNil(err))
		if kernels == nil {
			kernels = kernelNames()
		}
		kernels = append(kernels, hostOnly) // all folders of commands, and those that say so
		tests, err := m.tests(pkg)
		qt.Assert(t, qt.IsNil(err))
		for _, test := range tests {
			runs := slices.ContainsFunc(kernels, func(k string) bool { return slices.Contains(namesOn(k, tests, false), test.Name) })
			qt.Check(t, qt.IsTrue(runs), qt.Commentf("%s %s", pkg, test.Name))
		}
	}
}
