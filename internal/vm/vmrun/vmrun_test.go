package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/vm"
	"github.com/ringside-tools/ringside/internal/vm/job"
)

// tree writes a module with the named files.
func tree(t *testing.T, files map[string]string) module {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		at := filepath.Join(dir, name)
		qt.Assert(t, qt.IsNil(os.MkdirAll(filepath.Dir(at), 0o755)))
		qt.Assert(t, qt.IsNil(os.WriteFile(at, []byte(text), 0o644)))
	}
	return module{Dir: dir, Path: "example.org/m"}
}

func TestPackages(t *testing.T) {
	m := tree(t, map[string]string{
		"tools/a/a_kernel_test.go":          "package main",
		"tools/a/main.go":                   "package main",
		"tools/a/workload/main.go":          "package main",
		"tools/b/b.go":                      "package b",
		"tools/b/testdata/x_kernel_test.go": "package x",
		"internal/c/c_kernel_test.go":       "package c",
	})
	for _, test := range []struct {
		cwd, args string
		want      []string
	}{
		{"", "", []string{"internal/c", "tools/a"}},
		{"", "./tools/a", []string{"tools/a"}},
		{"tools", "./...", []string{"tools/a"}},
		{"", "example.org/m/internal/c ./tools/...", []string{"internal/c", "tools/a"}},
		{"", "example.org/m/...", []string{"internal/c", "tools/a"}},
		{"internal/c", ".", []string{"internal/c"}},
	} {
		got, err := m.testPackages(filepath.Join(m.Dir, test.cwd), strings.Fields(test.args))
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.DeepEquals(got, test.want), qt.Commentf("%+v", test))
	}
	for _, arg := range []string{"./tools/b", "./nowhere", "/"} {
		_, err := m.testPackages(m.Dir, []string{arg})
		qt.Check(t, qt.IsNotNil(err), qt.Commentf("%s", arg))
	}
	commands, workloads, err := m.commands()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(commands, []string{"a"}))
	qt.Check(t, qt.DeepEquals(workloads, []string{"a"}))

	list, err := m.artifacts("arm64", []string{"tools/a"}, false)
	qt.Assert(t, qt.IsNil(err))
	env := map[string]string{}
	for _, a := range list {
		env[a.guest] = strings.Join(a.env, " ")
	}
	qt.Check(t, qt.DeepEquals(env, map[string]string{
		"":                            "GOARCH=arm64",
		"/work/tools/a/a.test":        "GOARCH=arm64",
		"/usr/local/bin/a":            "GOARCH=arm64",
		"/usr/local/bin/a-workload":   "GOARCH=arm64",
		"/usr/local/bin/a-workload32": "GOARCH=arm GOARM=7",
	}))
}

// TestBoots: who names Debian packages is tested apart from the others, and who names
// kernels, on those. Those with the most tests are first.
func TestBoots(t *testing.T) {
	m := tree(t, map[string]string{
		"a/testdata/packages": "openssh-server # a comment\n# another\nlogin util-linux\n",
		"b/testdata/packages": "login\n",
		"c/testdata/packages": "util-linux\nlogin openssh-server",
		"e/testdata/kernels":  "5.10 # and why\n6.12\n",
		"c/testdata/modules":  "loop btrfs\n",
	})
	first, second := &vm.Image{Kernel: vm.Kernel{Name: "6.1"}}, &vm.Image{Kernel: vm.Kernel{Name: "6.12"}}
	// Each has one test, and a has two that are left to 6.12.
	choose := func(kernel, pkg string) (string, int, error) {
		switch {
		case pkg == "f" && kernel == "6.1":
			return "", 3, nil
		case pkg == "a" && kernel == "6.12":
			return "^(X|Y|Z)$", 0, nil
		case pkg == "a":
			return "^(X)$", 2, nil
		}
		return "^(X)$", 0, nil
	}
	boots, err := m.boots([]*vm.Image{first, second}, []string{"a", "b", "c", "d", "e", "f"}, choose)
	qt.Assert(t, qt.IsNil(err))
	var got []string
	for _, b := range boots {
		got = append(got, fmt.Sprintf("%s%v%v%v%d", b.name(), b.packages, b.debian, b.modules, b.left))
	}
	qt.Check(t, qt.DeepEquals(got, []string{
		"6.12-disk[a c][login openssh-server util-linux][btrfs loop]0", "6.12[d e f][][]0", "6.1-disk[a c][login openssh-server util-linux][btrfs loop]2",
		"6.1-disk[b][login][]0", "6.1[d][][]3", "6.12-disk[b][login][]0",
	}))
	_, err = tree(t, map[string]string{"a/testdata/packages/x": ""}).boots([]*vm.Image{first}, []string{"a"}, choose)
	qt.Check(t, qt.ErrorMatches(err, "read the list testdata/packages of a: .*"))
}

func TestSummary(t *testing.T) {
	good := outcome{Kernel: "6.12", Packages: []packageResult{{Tests: []testResult{
		{Name: "A", Outcome: "PASS"}, {Package: "p", Name: "B", Outcome: "SKIP", Reason: "no uprobes"}}}}}
	var b bytes.Buffer
	qt.Assert(t, qt.Equals(summarize(&b, []outcome{good}), 0))
	qt.Check(t, qt.StringContains(b.String(), "skipped [6.12] p B: no uprobes"))
	qt.Check(t, qt.IsTrue(strings.HasSuffix(b.String(), "\n1 passed, 0 failed, 1 skipped\n")))

	failed := outcome{Kernel: "6.1", Packages: []packageResult{{Tests: []testResult{{Name: "A", Outcome: "FAIL"}}}}}
	skipped := outcome{Kernel: "6.1", Packages: []packageResult{{Tests: []testResult{{Name: "A", Outcome: "SKIP"}}}}}
	code := good
	code.Status = job.Status{Exit: 1}
	broken := good
	broken.Err = errors.New("no status")
	for name, o := range map[string]outcome{
		"failed test": failed, "nothing but skips": skipped, "exit code": code, "no status": broken, "no package": {Kernel: "x"},
	} {
		qt.Check(t, qt.Equals(summarize(&bytes.Buffer{}, []outcome{good, o}), 1), qt.Commentf("%s", name))
	}
}

func TestUsage(t *testing.T) {
	for _, args := range []string{"", "frobnicate", "test -nosuchflag", "exec", "fetch extra", "test -kernels 2.4", "test -count 0"} {
		var stdout, stderr bytes.Buffer
		code, _ := run(t.Context(), strings.Fields(args), &stdout, &stderr)
		qt.Check(t, qt.Equals(code, 2), qt.Commentf("%s", args))
		qt.Check(t, qt.Equals(stdout.String(), ""))
	}
	code, err := run(t.Context(), []string{"test", "-h"}, &bytes.Buffer{}, &bytes.Buffer{})
	qt.Check(t, qt.Equals(code, 0))
	qt.Check(t, qt.IsNil(err))
}
