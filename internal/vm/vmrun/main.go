// Vmrun runs this module's kernel tests in virtual machines with stock Debian
// kernels.
//
//	go run ./internal/vm/vmrun test                          # all packages, all kernels
//	go run ./internal/vm/vmrun test -kernels 6.12 ./tools/capable
//	go run ./internal/vm/vmrun exec -kernel 5.10 -- cat /proc/version
//	go run ./internal/vm/vmrun fetch                         # only download
//
// A kernel test is a test in a file *_kernel_test.go with the build tag
// "kernel"; the package's other tests do not run in the guest. See package vm
// for how a guest is made.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/ringside-tools/ringside/internal/vm"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "vmrun:", err)
	}
	os.Exit(code)
}

const usage = `usage: vmrun COMMAND [FLAGS] [ARGS]

  test  [-kernels LIST] [-run REGEX] [-v] [-count N] [-j N] [PKG...]
  exec  -kernel NAME [-file SRC:DST]... [-packages LIST] -- CMD [ARG...]
  fetch [-kernels LIST] [-refresh]

vmrun COMMAND -h lists the flags. Kernels: `

// errUsage has been explained on stderr already.
var errUsage = errors.New("usage")

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	commands := map[string]func(context.Context, []string, io.Writer, io.Writer) (int, error){
		"test": runTest, "exec": runExec, "fetch": runFetch,
	}
	if len(args) == 0 || commands[args[0]] == nil {
		fmt.Fprintln(stderr, usage+strings.Join(kernelNames(), ", "))
		return 2, nil
	}
	code, err := commands[args[0]](ctx, args[1:], stdout, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0, nil
	case errors.Is(err, errUsage):
		return 2, nil
	case err != nil && code == 0:
		code = 1
	}
	return code, err
}

func kernelNames() []string {
	var names []string
	for _, k := range vm.Matrix {
		names = append(names, k.Name)
	}
	return names
}

// flags is a flag set that reports errors instead of exiting.
func flags(name, args string, stderr io.Writer) *flag.FlagSet {
	fs := flag.NewFlagSet("vmrun "+name, flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.Usage = func() {
		fmt.Fprintf(stderr, "usage: vmrun %s %s\n", name, args)
		fs.PrintDefaults()
	}
	return fs
}

func parse(fs *flag.FlagSet, args []string) error {
	err := fs.Parse(args)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		return errUsage
	}
	return err
}

// list is a comma-separated flag.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(s string) error {
	*l = nil
	for _, v := range strings.Split(s, ",") {
		if v = strings.TrimSpace(v); v != "" {
			*l = append(*l, v)
		}
	}
	return nil
}

func openCache(stderr io.Writer) (*vm.Cache, error) {
	return vm.OpenCache(func(format string, args ...any) {
		fmt.Fprintf(stderr, "vmrun: "+format+"\n", args...)
	})
}

func runFetch(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	var names list
	fs := flags("fetch", "[-kernels LIST] [-refresh]", stderr)
	fs.Var(&names, "kernels", "kernels to fetch (default all)")
	refresh := fs.Bool("refresh", false, "look for newer point releases")
	if err := parse(fs, args); err != nil {
		return 0, err
	}
	if fs.NArg() > 0 {
		return 2, fmt.Errorf("fetch takes no arguments, got %q", fs.Args())
	}
	kernels, err := vm.Lookup(names...)
	if err != nil {
		return 2, err
	}
	cache, err := openCache(stderr)
	if err != nil {
		return 1, err
	}
	images, err := cache.Fetch(ctx, kernels, *refresh)
	if err != nil {
		return 1, err
	}
	for _, img := range images {
		fmt.Fprintf(stdout, "%-12s %s\n", img.Kernel.Name, img.Release)
	}
	return 0, nil
}
