package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ringside-tools/ringside/internal/vm"
	"github.com/ringside-tools/ringside/internal/vm/job"
)

// fileFlag collects -file SRC:DST.
type fileFlag []vm.File

func (f *fileFlag) String() string { return "" }

func (f *fileFlag) Set(s string) error {
	src, dst, ok := strings.Cut(s, ":")
	if !ok || !strings.HasPrefix(dst, "/") {
		return fmt.Errorf("want SRC:DST with an absolute DST")
	}
	info, err := os.Stat(src)
	if err != nil {
		return err
	}
	if info.IsDir() {
		files, err := vm.HostTree(src, dst)
		*f = append(*f, files...)
		return err
	}
	if strings.HasSuffix(dst, "/") {
		dst += filepath.Base(src)
	}
	*f = append(*f, vm.File{Path: dst, Mode: info.Mode(), Host: src})
	return nil
}

// runExec boots one kernel for one command line. The command's output is
// stdout, its exit code is ours.
func runExec(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	var files fileFlag
	var packages list
	modules := list(vm.DefaultModules)
	fs := flags("exec", "-kernel NAME [-file SRC:DST]... [-packages LIST] -- CMD [ARG...]", stderr)
	name := fs.String("kernel", "6.12", "kernel to boot: "+strings.Join(kernelNames(), ", "))
	fs.Var(&files, "file", "copy SRC (a file or a directory) to DST in the guest; repeatable")
	fs.Var(&modules, "modules", "kernel modules to load, with what they depend on")
	fs.Var(&packages, "packages", "Debian packages of the kernel's release to have in the guest, with what they depend on;\n"+
		vm.KernelHeaders+" is that of the kernel")
	dir := fs.String("dir", "/root", "working directory in the guest")
	limit := fs.Duration("limit", vm.DefaultLimit, "give up on the guest after this time")
	memory := fs.Int("m", 0, "memory of the guest in MiB (default 1024, more for many files)")
	counted := fs.Bool("count", false, "let the guest's clocks count instructions, one a nanosecond:\nwhat is timed is the same in every run")
	console := fs.String("console", "", "keep the kernel's log in this file")
	if err := parse(fs, args); err != nil {
		return 0, err
	}
	if fs.NArg() == 0 {
		fs.Usage()
		return 0, errUsage
	}
	kernels, err := vm.Lookup(*name)
	if err != nil {
		return 2, err
	}
	cache, err := openCache(stderr)
	if err != nil {
		return 1, err
	}
	images, err := cache.Fetch(ctx, kernels, false)
	if err != nil {
		return 1, err
	}
	var disk *vm.Disk
	if len(packages) > 0 {
		if disk, err = cache.Disk(ctx, images[0], packages, false); err != nil {
			return 1, err
		}
	}
	root, err := moduleRoot(ctx)
	if err != nil {
		return 1, err
	}
	bins, err := build(ctx, cache, root, kernels[0].Arch, nil, false)
	if err != nil {
		return 1, err
	}
	defer bins.Close()
	guest := &vm.Guest{
		Image: images[0], Init: bins.Init, Files: files, Modules: modules, Disk: disk, Output: stdout,
		Console: *console, Limit: *limit, Memory: *memory, Counted: *counted,
		Jobs: []job.Job{{Name: "exec", Args: fs.Args(), Dir: *dir, Quiet: true, Timeout: *limit - min(*limit/2, 5*time.Second)}},
	}
	st, err := guest.Boot(ctx)
	return st.Exit, err
}
