package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ringside-tools/ringside/internal/vm"
	"github.com/ringside-tools/ringside/internal/vm/job"
)

// options of "vmrun test".
type options struct {
	kernels  list
	modules  list
	run      string
	verbose  bool
	count    int
	parallel int
	timeout  time.Duration
	limit    time.Duration
	refresh  bool
	again    bool
	full     bool
}

// expedited makes the kernel's own waiting short where it waits for all CPUs to have
// passed a point, which tests do many thousand times: it interrupts them instead.
const expedited = "rcupdate.rcu_expedited=1"

func runTest(ctx context.Context, args []string, stdout, stderr io.Writer) (int, error) {
	o := options{modules: vm.DefaultModules}
	fs := flags("test", "[FLAGS] [PKG...]", stderr)
	fs.Var(&o.kernels, "kernels", "kernels to test on (default "+strings.Join(kernelNames(), ",")+")")
	fs.Var(&o.modules, "modules", "kernel modules to load, with what they depend on")
	fs.StringVar(&o.run, "run", "", "run only kernel tests that match `REGEX`")
	fs.BoolVar(&o.verbose, "v", false, "show everything the tests print")
	fs.IntVar(&o.count, "count", 1, "run each test `N` times")
	fs.IntVar(&o.parallel, "j", max(2, runtime.NumCPU()*3/2), "boot at most `N` kernels at a time")
	fs.DurationVar(&o.timeout, "timeout", 40*time.Minute, "time for one package on one kernel")
	fs.DurationVar(&o.limit, "limit", 2*time.Hour, "time for one kernel, boot included")
	fs.BoolVar(&o.again, "again", false, "boot what failed once more, alone; tests that pass then are told as flaky")
	fs.BoolVar(&o.full, "full", false, "run every test on every kernel, also those that are left to some; so does -run")
	fs.BoolVar(&o.refresh, "refresh", false, "look for newer point releases first")
	if err := parse(fs, args); err != nil {
		return 0, err
	}
	if o.count < 1 || o.parallel < 1 {
		return 2, fmt.Errorf("-count and -j must be at least 1")
	}
	kernels, err := vm.Lookup(o.kernels...)
	if err != nil {
		return 2, err
	}
	m, err := moduleRoot(ctx)
	if err != nil {
		return 1, err
	}
	cwd, err := os.Getwd()
	if err != nil {
		return 1, err
	}
	packages, err := m.testPackages(cwd, fs.Args())
	if err != nil {
		return 2, err
	}
	tests := make(map[string][]kernelTest)
	for _, pkg := range packages {
		if tests[pkg], err = m.tests(pkg); err != nil {
			return 1, err
		}
		pattern, err := selectTests(namesOn("", tests[pkg], true), o.run)
		if err != nil {
			return 2, err
		}
		if pattern == "" {
			delete(tests, pkg)
		}
	}
	packages = slices.DeleteFunc(packages, func(pkg string) bool { return tests[pkg] == nil })
	if len(packages) == 0 {
		return 1, fmt.Errorf("no kernel tests: nothing in files named *%s matches -run %q", kernelTests, o.run)
	}
	cache, err := openCache(stderr)
	if err != nil {
		return 1, err
	}
	images, err := cache.Fetch(ctx, kernels, o.refresh)
	if err != nil {
		return 1, err
	}
	bins := map[string]*binaries{}
	for _, k := range kernels {
		if bins[k.Arch] != nil {
			continue
		}
		start := time.Now()
		b, err := build(ctx, cache, m, k.Arch, packages, fs.NArg() > 0)
		if err != nil {
			return 1, err
		}
		defer b.Close()
		bins[k.Arch] = b
		fmt.Fprintf(stdout, "built %d packages' tests and %d other files for %s in %.1f s\n",
			len(packages), len(b.Files)-len(packages), k.Arch, time.Since(start).Seconds())
	}
	boots, err := m.boots(images, packages, func(kernel, pkg string) (string, int, error) {
		names := namesOn(kernel, tests[pkg], o.full || o.run != "") // who names tests wants them
		pattern, err := selectTests(names, o.run)
		return pattern, len(tests[pkg]) - len(names), err
	})
	if err != nil {
		return 1, err
	}
	for _, b := range boots {
		if len(b.debian) > 0 {
			if b.disk, err = cache.Disk(ctx, b.image, b.debian, o.refresh); err != nil {
				return 1, err
			}
		}
	}
	out := &printer{w: stdout}
	outcomes := make([]outcome, len(boots))
	var wg sync.WaitGroup
	slots := make(chan struct{}, o.parallel)
	for i, b := range boots {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			outcomes[i] = o.boot(ctx, cache, b, bins[b.image.Kernel.Arch], out)
		})
	}
	wg.Wait()
	for i, b := range boots {
		failed := failures(&outcomes[i], b.patterns)
		if !o.again || len(failed) == 0 || ctx.Err() != nil {
			continue
		}
		b.packages = slices.DeleteFunc(b.packages, func(pkg string) bool { return failed[pkg] == "" })
		b.patterns = failed
		second := o.boot(ctx, cache, b, bins[b.image.Kernel.Arch], out)
		outcomes[i] = merge(&outcomes[i], &second)
	}
	return summarize(stdout, outcomes), nil
}

// outcome is one boot's run.
type outcome struct {
	Kernel   string
	Status   job.Status
	Seconds  float64 // wall time of the boot, from QEMU's start to its end
	Packages []packageResult
	Left     int // tests that are left to other kernels
	Log      string
	Err      error
}

// boot runs the tests of a boot's packages.
func (o *options) boot(ctx context.Context, cache *vm.Cache, b *boot, bins *binaries, out *printer) (oc outcome) {
	img, packages := b.image, b.packages
	oc.Kernel, oc.Left = img.Kernel.Name, b.left
	oc.Log, oc.Err = newLog(cache, b.name())
	if oc.Err != nil {
		return oc
	}
	log, err := os.Create(oc.Log + ".log")
	if err != nil {
		oc.Err = fmt.Errorf("create log: %w", err)
		return oc
	}
	defer log.Close()
	prefix := "[" + img.Kernel.Name + "] "
	out.Println(prefix + img.Release + ": log in " + log.Name())

	p := newParser(packages, func(line string) {
		if !o.verbose {
			out.Println(prefix + line)
		}
	})
	each := func(line string) {
		p.Line(line)
		if o.verbose {
			out.Println(prefix + line)
		}
	}
	lines := &lineSplitter{each: each}
	guest := &vm.Guest{
		Image: img, Init: bins.Init, Files: bins.Files, Modules: slices.Concat(o.modules, b.modules), Disk: b.disk, Limit: o.limit,
		Cmdline: expedited, Env: o.env(),
		Output: io.MultiWriter(log, lines), Console: oc.Log + ".console",
	}
	for _, pkg := range packages {
		args := []string{bins.Tests[pkg], "-test.v", "-test.timeout", o.timeout.String(), "-test.count", strconv.Itoa(o.count), "-test.run", b.patterns[pkg]}
		guest.Jobs = append(guest.Jobs, job.Job{
			Name: pkg, Args: args, Dir: guestDir(pkg),
			Timeout: o.timeout + 30*time.Second, // the test binary's own alarm shows goroutines
		})
	}
	start := time.Now()
	oc.Status, oc.Err = guest.Boot(ctx)
	oc.Seconds = time.Since(start).Seconds()
	lines.flush()
	p.End()
	oc.Packages = p.Packages
	if oc.Err != nil {
		out.Println(prefix + strings.ReplaceAll(oc.Err.Error(), "\n", "\n"+prefix))
	}
	return oc
}

// env tells the tests whether all was asked for (package kerneltest).
func (o *options) env() []string {
	if o.full || o.run != "" {
		return []string{"RINGSIDE_FULL=1"}
	}
	return nil
}

// newLog names a run's files, which share a stem: KERNEL-TIME.
func newLog(cache *vm.Cache, kernel string) (string, error) {
	dir := filepath.Join(cache.Dir, "logs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make log directory: %w", err)
	}
	stem := time.Now().Format("20060102-150405") + "-" + strconv.Itoa(os.Getpid())
	return filepath.Join(dir, kernel+"-"+stem), nil
}

// printer writes whole lines from several boots.
type printer struct {
	mu sync.Mutex
	w  io.Writer
}

func (p *printer) Println(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.w, line)
}

// lineSplitter calls each for every line written.
type lineSplitter struct {
	each func(string)
	rest []byte
}

func (l *lineSplitter) Write(b []byte) (int, error) {
	l.rest = append(l.rest, b...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			return len(b), nil
		}
		l.each(strings.TrimSuffix(string(line), "\r"))
		l.rest = rest
	}
}

func (l *lineSplitter) flush() {
	if len(l.rest) > 0 {
		l.each(string(l.rest))
		l.rest = nil
	}
}
