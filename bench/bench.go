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

	"golang.org/x/sys/unix"
)

// bench is what all measurements share.
type bench struct {
	ctx context.Context
	options
	sizes
	dir      string // scratch, and our binaries
	idle     string // a program that exits at once
	commands []command
	busy     int           // samples taken although the machine was busy
	version  string        // of ours, as built
	waited   time.Duration // for it to be idle
}

// sizes are the loads, in events.
type sizes struct {
	memory    int // before memory is read
	bpf       int // while BPF time is counted
	record    int // sent to a stopped reader of a small buffer
	drain     int // queued, then printed
	overhead  int // of the workload that is slowed down
	perWorker int // of the flood's workers
}

const floodWorkers = 16

// Primes, so that a count that is right by accident is unlikely.
var (
	fullSizes  = sizes{memory: 1009, bpf: 2003, record: 8009, drain: 20011, overhead: 3001, perWorker: 10000}
	quickSizes = sizes{memory: 101, bpf: 101, record: 4001, drain: 2003, overhead: 101, perWorker: 53}
)

func newBench(ctx context.Context, opts options) (*bench, error) {
	b := &bench{ctx: ctx, options: opts, sizes: fullSizes, commands: commands()}
	if opts.quick {
		b.sizes = quickSizes
	}
	if opts.flood > 0 {
		b.perWorker = opts.flood
	}
	if err := installPeers(ctx, peerPackages(b.commands)); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return nil, fmt.Errorf("make a scratch directory: %w", err)
	}
	b.dir = dir
	b.idle = filepath.Join(dir, "idle")
	if err := os.WriteFile(b.idle, idleProgram(), 0o755); err != nil {
		return nil, fmt.Errorf("write the idle program: %w", err)
	}
	b.version = ourVersion()
	return b, b.build()
}

func (b *bench) close() { os.RemoveAll(b.dir) }

// build builds our commands as they are released.
func (b *bench) build() error {
	for _, c := range b.commands {
		cmd := exec.CommandContext(b.ctx, "go", "build", "-trimpath", "-tags", "urfave_cli_no_docs", "-ldflags", "-s -w",
			"-o", b.binary(c.name), "github.com/ringside-tools/ringside/tools/"+c.name)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("build %s: %w", c.name, err)
		}
	}
	return nil
}

func (b *bench) binary(name string) string { return filepath.Join(b.dir, name) }

// about is the list at the head of the page: who is compared.
func (b *bench) about() []string {
	var lines []string
	for _, p := range peerPackages(b.commands) {
		lines = append(lines, p+" "+packageVersion(p))
	}
	return lines
}

// measured tells when a metric was measured, and of what.
func (b *bench) measured() string {
	return fmt.Sprintf("%s, %s (%s), %d runs", time.Now().UTC().Format(time.DateOnly), b.version, runtime.Version(), b.runs)
}

// machine tells on what.
func machine() string {
	var uts unix.Utsname
	unix.Uname(&uts)
	return fmt.Sprintf("kernel %s, %s, %d CPUs", unix.ByteSliceToString(uts.Release[:]), runtime.GOARCH, runtime.NumCPU())
}

// ourVersion names the tag or commit; "-dirty" if what we build has changes.
func ourVersion() string {
	out, err := exec.Command("git", "describe", "--tags", "--always").Output()
	if err != nil {
		return "unknown version"
	}
	version := strings.TrimSpace(string(out))
	changes, err := exec.Command("git", "status", "--porcelain", "--", "tools", "internal", "go.mod").Output()
	if err != nil || len(changes) > 0 {
		version += "-dirty"
	}
	return version
}
