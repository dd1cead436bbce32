package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/ringside-tools/ringside/internal/vm"
	"golang.org/x/sys/unix"
)

// bench is what all measurements share.
type bench struct {
	ctx context.Context
	options
	sizes
	dir      string // scratch
	bin      string // our binaries
	idle     string // a program that exits at once
	commands []command
	busy     int           // samples taken although the machine was busy
	waited   time.Duration // for it to be idle
	web      *webServer    // once it was needed
}

// newBench gets everything ready to measure.
func newBench(ctx context.Context, opts options) (*bench, error) {
	b := &bench{ctx: ctx, options: opts, sizes: sizesFor(opts), commands: commands()}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return nil, fmt.Errorf("make a scratch directory: %w", err)
	}
	b.dir, b.bin = dir, dir
	b.idle = filepath.Join(dir, "idle")
	if opts.guest {
		b.idle = "/tmp/idle" // stands for /bin/true, and has a path as long
	}
	if err := os.WriteFile(b.idle, idleProgram(), 0o755); err != nil {
		return nil, fmt.Errorf("write the idle program: %w", err)
	}
	if opts.guest { // which was given all that it needs
		b.bin = vm.GuestBin
		return b, nil
	}
	if err := installPeers(ctx, append(peerPackages(b.commands), workTools...)); err != nil {
		return nil, err
	}
	b.version = ourVersion(ctx)
	return b, buildCommands(ctx, b.bin, b.commands)
}

func (b *bench) close() {
	if b.web != nil {
		b.web.kill()
	}
	os.RemoveAll(b.dir)
}

// buildCommands builds our commands as they are released.
func buildCommands(ctx context.Context, dir string, commands []command) error {
	for _, c := range commands {
		if err := buildGo(ctx, filepath.Join(dir, c.name), "tools/"+c.name); err != nil {
			return err
		}
	}
	return nil
}

// buildGo builds a program of this module, static, for an ordinary machine.
func buildGo(ctx context.Context, out, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "urfave_cli_no_docs", "-ldflags", "-s -w",
		"-o", out, "github.com/ringside-tools/ringside/"+pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build %s: %w", pkg, err)
	}
	return nil
}

func (b *bench) binary(name string) string { return filepath.Join(b.bin, name) }

// peerVersions are the packages that a metric's command is compared with.
func (b *bench) peerVersions(metric string) (versions []string) {
	for _, c := range b.commands {
		if c.name != commandOf(metric) || b.guest { // whose host knows
			continue
		}
		for _, p := range c.packages {
			versions = append(versions, p+" "+packageVersion(p))
		}
	}
	return versions
}

// measured tells when a metric was measured, and of what.
func (b *bench) measured(runs int) string {
	times := fmt.Sprintf("%d runs", runs)
	if runs == 1 {
		times = "one run"
	}
	return fmt.Sprintf("%s, %s (%s), %s", time.Now().UTC().Format(time.DateOnly), b.version, runtime.Version(), times)
}

// machine tells on what.
func (b *bench) machine() string {
	var uts unix.Utsname
	unix.Uname(&uts)
	text := fmt.Sprintf("kernel %s, %s, %d CPUs", unix.ByteSliceToString(uts.Release[:]), runtime.GOARCH, runtime.NumCPU())
	if b.guest {
		text += ", virtual"
	}
	if b.counted {
		text += ", its clocks counting instructions"
	}
	return text
}

// ourVersion names the tag or commit; "-dirty" if what we build has changes.
func ourVersion(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "describe", "--tags", "--always").Output()
	if err != nil {
		return "unknown version"
	}
	version := strings.TrimSpace(string(out))
	changes, err := exec.CommandContext(ctx, "git", "status", "--porcelain", "--", "tools", "internal", "go.mod").Output()
	if err != nil || len(changes) > 0 {
		version += "-dirty"
	}
	return version
}
