package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/ringside-tools/ringside/internal/vm"
	"github.com/ringside-tools/ringside/internal/vm/job"
)

const (
	guestMemory = 3072 // MiB: compilers run in it
	guestLimit  = time.Hour
)

// guestKey is what the samples of a kernel's guest are saved under.
func guestKey(kernel string) string { return "vm-" + kernel + "/" }

// measureInGuest boots a kernel with the peers of its Debian release and runs
// this program there. Whatever was measured is kept, even if the guest does not
// come to its end.
func measureInGuest(ctx context.Context, opts options, keep func(name string, s saved) error) error {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return fmt.Errorf("make a scratch directory: %w", err)
	}
	defer os.RemoveAll(dir)
	guest, err := newGuest(ctx, opts, dir)
	if err != nil {
		return err
	}
	versions := make(map[string][]string)
	for _, c := range commands() {
		for _, p := range c.packages {
			versions[c.name] = append(versions[c.name], p+" "+guest.Disk.Version(p))
		}
	}
	out := receiver(os.Stderr, func(name string, s saved) error {
		s.Peers = versions[commandOf(name)]
		return keep(guestKey(opts.vm)+name, s)
	})
	guest.Output = out
	fmt.Fprintf(os.Stderr, "bench: booting %s\n", guest.Image.Release)
	if err := guest.Run(ctx); err != nil {
		return err
	}
	return out.Err()
}

// newGuest fetches and builds what the guest is made of.
func newGuest(ctx context.Context, opts options, dir string) (*vm.Guest, error) {
	image, disk, err := vm.Stock(ctx, opts.vm, append(peerPackages(commands()), vm.KernelHeaders), os.Stderr, "bench")
	if err != nil {
		return nil, err
	}
	if err := buildCommands(ctx, dir, commands()); err != nil {
		return nil, err
	}
	init, self := filepath.Join(dir, "init"), filepath.Join(dir, "bench")
	for out, pkg := range map[string]string{init: "internal/vm/init", self: "bench"} {
		if err := buildGo(ctx, out, pkg); err != nil {
			return nil, err
		}
	}
	files := []vm.File{{Path: vm.GuestBin + "/bench", Mode: 0o755, Host: self}}
	for _, c := range commands() {
		files = append(files, vm.File{Path: vm.GuestBin + "/" + c.name, Mode: 0o755, Host: filepath.Join(dir, c.name)})
	}
	args := []string{vm.GuestBin + "/bench", "-guest", "-runs", strconv.Itoa(opts.runs), "-only", opts.only.String(), "-version", ourVersion(ctx)}
	if opts.quick {
		args = append(args, "-quick")
	}
	if opts.check {
		args = append(args, "-check")
	}
	if opts.counted {
		args = append(args, "-count")
	}
	if opts.flood > 0 {
		args = append(args, "-flood", strconv.Itoa(opts.flood))
	}
	return &vm.Guest{
		Image: image, Init: init, Disk: disk, Files: files,
		Jobs:  []job.Job{{Name: "bench", Args: args, Quiet: true}},
		Limit: guestLimit, Memory: guestMemory, Counted: opts.counted,
	}, nil
}
