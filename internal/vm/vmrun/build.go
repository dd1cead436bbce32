package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"sync"

	"github.com/ringside-tools/ringside/internal/vm"
)

// binaries is what one architecture's guests are given.
type binaries struct {
	Init  string
	Files []vm.File
	Tests map[string]string // folder of the package -> guest path of its test binary

	dir string
}

// Close removes this run's copies.
func (b *binaries) Close() error { return os.RemoveAll(b.dir) }

// artifact is one binary to build.
type artifact struct {
	name  string // below the build directory
	guest string // where it goes in the guest; "" for init
	env   []string
	args  []string
	// optional: somebody else's command that does not compile today must not
	// stop the tests that were asked for.
	optional bool
}

// thirtyTwo is the 32-bit neighbour of an architecture, whose processes the
// same kernel runs through its compat system calls.
var thirtyTwo = map[string][]string{
	"amd64": {"GOARCH=386"},
	"arm64": {"GOARCH=arm", "GOARM=7"},
}

// artifacts lists what the guests of an architecture need to test packages. With
// chosen, the packages are not all there are, and the commands of other folders
// are optional.
func (m module) artifacts(arch string, packages []string, chosen bool) ([]artifact, error) {
	native := []string{"GOARCH=" + arch}
	list := []artifact{{name: "init", env: native,
		args: []string{"build", "-trimpath", "-ldflags=-s -w", m.Path + "/internal/vm/init"}}}
	if packages == nil {
		return list, nil
	}
	for _, pkg := range packages {
		list = append(list, artifact{
			name: path.Join("test", pkg+".test"), guest: guestTest(pkg), env: native,
			// -w leaves out DWARF only: tests may look at their own symbols.
			args: []string{"test", "-c", "-tags", "kernel", "-ldflags=-w", "./" + pkg},
		})
	}
	commands, workloads, err := m.commands()
	if err != nil {
		return nil, err
	}
	other := func(c string) bool { return chosen && !slices.Contains(packages, "tools/"+c) }
	for _, c := range commands {
		list = append(list, artifact{name: "bin/" + c, guest: "/usr/local/bin/" + c, env: native, optional: other(c),
			args: []string{"build", "-trimpath", "-ldflags=-w", "./tools/" + c}})
	}
	for _, c := range workloads {
		for suffix, env := range map[string][]string{"-workload": native, "-workload32": thirtyTwo[arch]} {
			list = append(list, artifact{name: "bin/" + c + suffix, guest: "/usr/local/bin/" + c + suffix, env: env, optional: other(c),
				args: []string{"build", "./tools/" + c + "/workload"}})
		}
	}
	return list, nil
}

// guestDir is a package's working directory in the guest.
func guestDir(pkg string) string { return path.Join("/work", pkg) }

func guestTest(pkg string) string { return path.Join(guestDir(pkg), path.Base(pkg)+".test") }

// build builds an architecture's binaries. The go command relinks only what
// changed, because its targets stay in the cache; the copies that it returns
// belong to this run, so that another one may build meanwhile.
func build(ctx context.Context, cache *vm.Cache, m module, arch string, packages []string, chosen bool) (*binaries, error) {
	list, err := m.artifacts(arch, packages, chosen)
	if err != nil {
		return nil, err
	}
	id := fmt.Sprintf("build-%.16x-%s", sha256.Sum256([]byte(m.Dir)), arch)
	unlock, err := cache.Lock(id)
	if err != nil {
		return nil, err
	}
	defer unlock()
	target := filepath.Join(cache.Dir, id)
	if list, err = buildAll(ctx, m, target, list, cache.Logf); err != nil {
		return nil, err
	}

	dir, err := os.MkdirTemp("", "ringside-bin-")
	if err != nil {
		return nil, err
	}
	b := &binaries{dir: dir, Tests: map[string]string{}}
	for i, a := range list {
		at := filepath.Join(dir, fmt.Sprint(i))
		if err := copyFile(at, filepath.Join(target, a.name)); err != nil {
			b.Close()
			return nil, fmt.Errorf("keep %s: %w", a.name, err)
		}
		if a.guest == "" {
			b.Init = at
			continue
		}
		b.Files = append(b.Files, vm.File{Path: a.guest, Mode: 0o755, Host: at})
	}
	for _, pkg := range packages {
		b.Tests[pkg] = guestTest(pkg)
		data := filepath.Join(m.Dir, pkg, "testdata")
		if _, err := os.Stat(data); err != nil {
			continue
		}
		files, err := vm.HostTree(data, path.Join(guestDir(pkg), "testdata"))
		if err != nil {
			b.Close()
			return nil, err
		}
		b.Files = append(b.Files, files...)
	}
	return b, nil
}

// buildAll runs two go commands at a time, as linking uses one core, and returns
// what was built.
func buildAll(ctx context.Context, m module, target string, list []artifact, logf func(string, ...any)) ([]artifact, error) {
	var wg sync.WaitGroup
	errs := make([]error, len(list))
	slots := make(chan struct{}, 2)
	for i, a := range list {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = a.build(ctx, m, target)
		})
	}
	wg.Wait()
	var built []artifact
	for i, a := range list {
		switch {
		case errs[i] == nil:
			built = append(built, a)
		case a.optional:
			logf("the guest goes without %s: %v", a.guest, errs[i])
			errs[i] = nil
		}
	}
	return built, errors.Join(errs...)
}

func (a artifact) build(ctx context.Context, m module, target string) error {
	out := filepath.Join(target, a.name)
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	last := len(a.args) - 1
	args := append(append([]string{}, a.args[:last]...), "-o", out, a.args[last])
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = m.Dir
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS="), a.env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s (%v): %w\n%s", a.name, a.env, err, bytes.TrimSpace(text))
	}
	return nil
}

func copyFile(dst, src string) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}
