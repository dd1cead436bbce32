package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/ringside-tools/ringside/internal/vm"
	"github.com/ringside-tools/ringside/internal/vm/job"
	"github.com/ringside-tools/ringside/internal/vm/wire"
)

const (
	guestMemory = 3072 // MiB: compilers run in it, and what is written is in memory
	guestLimit  = 3 * time.Hour
)

// binaries are what is built for a run, by name.
var binaries = map[string]string{
	"filesnoop": "./tools/filesnoop", "filesnoop-workload": "./tools/filesnoop/workload", "detection": "./bench/detection",
}

func buildAll(ctx context.Context, dir string) error {
	for name, pkg := range binaries {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", filepath.Join(dir, name), pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if b, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", pkg, err, b)
		}
	}
	return nil
}

// installHere builds what is run, and puts it first in PATH.
func installHere(ctx context.Context) (done func(), err error) {
	dir, err := os.MkdirTemp("", "detection-")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	done = func() { os.RemoveAll(dir) }
	if err := buildAll(ctx, dir); err != nil {
		done()
		return nil, err
	}
	return done, os.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// runInGuest boots the kernel with what the scripts take, and runs this program there.
func runInGuest(ctx context.Context, o options, use func(outcome) error) error {
	dir, err := os.MkdirTemp("", "detection-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := buildAll(ctx, dir); err != nil {
		return err
	}
	init := filepath.Join(dir, "init")
	if b, err := exec.CommandContext(ctx, "go", "build", "-o", init, "./internal/vm/init").CombinedOutput(); err != nil {
		return fmt.Errorf("build the guest's init: %w\n%s", err, b)
	}
	image, disk, err := vm.Stock(ctx, o.vm, packages, os.Stderr, "detection")
	if err != nil {
		return err
	}
	var files []vm.File
	for name := range binaries {
		files = append(files, vm.File{Path: vm.GuestBin + "/" + name, Mode: 0o755, Host: filepath.Join(dir, name)})
	}
	args := []string{vm.GuestBin + "/detection", "-guest", "-runs", strconv.Itoa(o.runs), "-only", o.only.String(), "-mode", o.mode.String()}
	out := &wire.Receiver[outcome]{People: os.Stderr, Use: func(out outcome) error {
		out.Kernel = image.Release
		return use(out)
	}}
	guest := &vm.Guest{
		Image: image, Init: init, Disk: disk, Files: files, Output: out, Limit: guestLimit, Memory: guestMemory,
		Jobs: []job.Job{{Name: "detection", Args: args, Quiet: true}},
	}
	if err := guest.Run(ctx); out.Err() == nil {
		return err
	}
	return out.Err()
}
