package main

import (
	"testing"

	"github.com/go-quicktest/qt"
)

func TestSelect(t *testing.T) {
	m := tree(t, map[string]string{
		"a/a_kernel_test.go": "package a\n\nfunc TestMain(m *testing.M) {}\nfunc TestOne(t *testing.T) {}\nfunc helper(t *testing.T) {}\n// func TestNot(t *testing.T)\nfunc TestTwo(t *testing.T) {}\n",
		"a/a_test.go":        "package a\n\nfunc TestUnit(t *testing.T) {}\n",
	})
	names, err := m.testNames("a")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.DeepEquals(names, []string{"TestOne", "TestTwo"}))
	for run, want := range map[string]string{
		"": "^(TestOne|TestTwo)$", "Two": "^(TestTwo)$", "One/x/y": "^(TestOne)$/x/y", "^One": "",
	} {
		got, err := selectTests(names, run)
		qt.Check(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(got, want), qt.Commentf("-run %q", run))
	}
	_, err = selectTests(names, "(")
	qt.Check(t, qt.IsNotNil(err))
}
