package main

import (
	"context"
	"fmt"
	gobuild "go/build"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// kernelTests is how a file of kernel tests is named.
const kernelTests = "_kernel_test.go"

// module is the Go module under test.
type module struct{ Dir, Path string }

func moduleRoot(ctx context.Context) (module, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}\n{{.Path}}").Output()
	if err != nil {
		return module{}, fmt.Errorf("find the Go module: %w\nrun vmrun inside the source tree", err)
	}
	dir, path, ok := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if !ok || dir == "" {
		return module{}, fmt.Errorf("find the Go module: go list said %q", out)
	}
	return module{dir, path}, nil
}

// testPackages lists the folders, relative to the module, that hold kernel
// tests. Arguments are folders, import paths of this module, or either with
// "/..." for the tree below; none means the whole module.
func (m module) testPackages(cwd string, args []string) ([]string, error) {
	if len(args) == 0 {
		args = []string{m.Path + "/..."}
	}
	var found []string
	for _, arg := range args {
		dir, tree := strings.CutSuffix(arg, "/...")
		if rest, ok := strings.CutPrefix(dir, m.Path); ok && (rest == "" || rest[0] == '/') {
			dir = filepath.Join(m.Dir, rest)
		} else if !filepath.IsAbs(dir) {
			dir = filepath.Join(cwd, dir)
		}
		rel, err := filepath.Rel(m.Dir, dir)
		if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
			return nil, fmt.Errorf("package %s is outside the module %s", arg, m.Path)
		}
		n := len(found)
		err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && p != dir && (!tree || ignored(d.Name())):
				return fs.SkipDir
			case strings.HasSuffix(d.Name(), kernelTests):
				pkg, err := filepath.Rel(m.Dir, filepath.Dir(p))
				if err != nil {
					return err
				}
				if !slices.Contains(found, pkg) {
					found = append(found, pkg)
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look for kernel tests: %w", err)
		}
		if n == len(found) && !tree {
			return nil, fmt.Errorf("package %s: no file named *%s", arg, kernelTests)
		}
	}
	slices.Sort(found)
	return found, nil
}

// ignored are the folders that the go command does not look into either.
func ignored(name string) bool {
	return name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

// commands lists the commands' folders, tools/*, and those of them that have a
// workload.
func (m module) commands() (commands, workloads []string, err error) {
	dirs, err := filepath.Glob(filepath.Join(m.Dir, "tools", "*"))
	if err != nil {
		return nil, nil, err
	}
	for _, d := range dirs {
		name := filepath.Base(d)
		if isMain(d) {
			commands = append(commands, name)
		}
		if isMain(filepath.Join(d, "workload")) {
			workloads = append(workloads, name)
		}
	}
	return commands, workloads, nil
}

func isMain(dir string) bool {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return false
	}
	c := gobuild.Default
	c.GOOS, c.CgoEnabled = "linux", false
	p, err := c.ImportDir(dir, 0)
	return err == nil && p.Name == "main"
}
