// Bench measures our commands side by side with the tools that people use
// today, libbpf-tools, bcc and bpftrace, and writes docs/benchmarks.md.
//
//	go run ./bench                        # everything, and write the page
//	go run ./bench -only execsnoop/memory # some metrics again, and write the page
//	go run ./bench -quick                 # a smoke test: small loads, one run
//	go run ./bench -check                 # fail if a figure got worse than the page has it
//	go run ./bench -vm 6.12               # in a virtual machine, for its part of the page
//
// It needs root, except with -vm, which boots a stock kernel with the peers of
// its Debian release and runs this program in the guest: the machine's own
// kernel may lack what they stand on. A metric (metric.go) is measured for all
// subjects in turn, again and again, so that whatever else the machine does
// meets all of them alike. A command's subjects, loads and metrics are in the
// file of its name, which commands (command.go) lists; what is measured, and how, is in the files metric_*.go and
// knows no command.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
)

type options struct {
	runs    int
	only    *regexp.Regexp
	out     string
	quick   bool
	check   bool
	flood   int
	vm      string // a kernel of the matrix to measure on; "" is this one
	counted bool   // its clocks count instructions

	guest   bool   // we are in it
	version string // of ours; only the host of a guest can tell
}

// roles are what this program is besides, for itself, if the first argument says so.
var roles = map[string]func(args []string) error{
	driveArg: func([]string) error { return driveMain() },
	floorArg: floorMain,
}

func main() {
	if len(os.Args) > 1 && roles[os.Args[1]] != nil {
		if err := roles[os.Args[1]](os.Args[2:]); err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", os.Args[1], err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	flags.IntVar(&o.runs, "runs", 0, "how often each figure is measured (default 5)")
	only := flags.String("only", "", "measure only metrics that match this regular `expression`, and keep the others")
	flags.StringVar(&o.out, "out", "docs/benchmarks.md", "`file` to write")
	flags.BoolVar(&o.quick, "quick", false, "one run with small loads, writing nothing")
	flags.BoolVar(&o.check, "check", false, "compare what does not depend on a quiet machine with the committed page, writing nothing")
	flags.IntVar(&o.flood, "flood", 0, "events of each of the flood's 16 workers (default 10000)")
	flags.StringVar(&o.vm, "vm", "", "measure in a virtual machine with this `kernel` of the matrix, such as 6.12")
	flags.BoolVar(&o.counted, "count", false, "with -vm: one CPU whose clocks count instructions, one a nanosecond, so that times do not depend on who else wants the host's; slower")
	flags.BoolVar(&o.guest, "guest", false, "used inside the virtual machine")
	flags.StringVar(&o.version, "version", "", "used inside the virtual machine")
	flags.Parse(args)
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return o, fmt.Errorf("parse -only: %w", err)
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	switch {
	case o.counted && o.vm == "" && !o.guest:
		return o, fmt.Errorf("-count: only a virtual machine (-vm) counts instructions")
	case o.runs < 0:
		return o, fmt.Errorf("-runs %d: must not be negative", o.runs)
	case o.quick:
		o.runs = 1
	case o.check && o.runs == 0:
		o.runs = 3
	case o.runs == 0:
		o.runs = 5
	}
	return o, nil
}

func run(ctx context.Context, args []string) error {
	opts, err := parse(args)
	if err != nil {
		return err
	}
	if opts.guest {
		// Without it, and without time zones, the C library looks for one at every line that a
		// tool prints: opensnoop prints what it has done to print, for ever.
		if err := os.Setenv("TZ", "UTC0"); err != nil {
			return err
		}
		return measureHere(ctx, opts, func(name string, s saved) error { return send(os.Stdout, name, s) })
	}
	measure := measureInGuest
	if opts.vm == "" {
		inside, err := enterNamespace(ctx)
		if err != nil || !inside {
			return err
		}
		measure = measureHere
	}
	all := make(map[string]saved) // a smoke test keeps nothing
	if !opts.quick {
		if all, err = loadSaved(savedFile); err != nil {
			return err
		}
	}
	// A run takes long, and may be interrupted: save after every metric.
	keep := func(name string, s saved) error {
		all[name] = s
		if opts.quick {
			return nil
		}
		return storeSaved(savedFile, all)
	}
	if opts.check {
		c := newChecker(all)
		if err := measure(ctx, opts, c.take); err != nil {
			return err
		}
		return c.verdict()
	}
	if err := measure(ctx, opts, keep); err != nil {
		return err
	}
	page := render(parts(all))
	if opts.quick {
		_, err = os.Stdout.WriteString(page)
		return err
	}
	return writePage(opts.out, page)
}

func writePage(path, page string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	fmt.Fprintln(os.Stderr, "bench: wrote", path)
	return nil
}

// measureHere measures what was asked for on the kernel that runs us.
func measureHere(ctx context.Context, opts options, keep func(name string, s saved) error) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("must be root: the commands load BPF, and tracefs is mounted for the peers")
	}
	b, err := newBench(ctx, opts)
	if err != nil {
		return err
	}
	defer b.close()
	for _, m := range b.metrics() {
		if !b.only.MatchString(m.name) || m.native && b.guest || b.check && !m.checked {
			continue
		}
		r, err := b.measure(m)
		if err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
		r.packages = b.peerVersions(m.name)
		if err := keep(m.name, r.save()); err != nil {
			return err
		}
	}
	return nil
}
