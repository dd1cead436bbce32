// Bench measures our commands side by side with the tools that people use
// today, libbpf-tools and bpftrace, and writes docs/benchmarks.md.
//
//	go run ./bench                        # everything, and write the page
//	go run ./bench -only execsnoop/memory # some metrics again, and write the page
//	go run ./bench -quick                 # a smoke test: small loads, one run
//
// It needs root. A metric (metric.go) is measured for all subjects in turn,
// again and again, so that whatever else the machine does meets all of them
// alike. A command's subjects, loads and metrics are in the file of its name;
// what is measured, and how, is in the files metric_*.go and knows no command.
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
	runs  int
	only  *regexp.Regexp
	out   string
	quick bool
	flood int
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == driveArg {
		if err := driveMain(); err != nil {
			fmt.Fprintln(os.Stderr, "bench: drive:", err)
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
	flags.IntVar(&o.runs, "runs", 5, "how often each figure is measured")
	only := flags.String("only", "", "measure only metrics that match this regular `expression`, and keep the others")
	flags.StringVar(&o.out, "out", "docs/benchmarks.md", "`file` to write")
	flags.BoolVar(&o.quick, "quick", false, "one run with small loads, writing nothing")
	flags.IntVar(&o.flood, "flood", 0, "events of each of the flood's 16 workers (default 10000)")
	flags.Parse(args)
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return o, fmt.Errorf("parse -only: %w", err)
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.runs < 1 {
		return o, fmt.Errorf("-runs %d: must be positive", o.runs)
	}
	if o.quick {
		o.runs = 1
	}
	return o, nil
}

func run(ctx context.Context, args []string) error {
	opts, err := parse(args)
	if err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("must be root: the commands load BPF, and tracefs is mounted for the peers")
	}
	inside, err := enterNamespace(ctx)
	if err != nil || !inside {
		return err
	}
	b, err := newBench(ctx, opts)
	if err != nil {
		return err
	}
	defer b.close()

	results, err := b.measureAll()
	if err != nil {
		return err
	}
	page := render(b.about(), results)
	if opts.quick {
		_, err = os.Stdout.WriteString(page)
		return err
	}
	if err := os.MkdirAll(filepath.Dir(opts.out), 0o755); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	if err := os.WriteFile(opts.out, []byte(page), 0o644); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	fmt.Fprintln(os.Stderr, "bench: wrote", opts.out)
	return nil
}

// measureAll measures what was asked for, and takes the rest from the last
// time. It saves after every metric: a run takes long, and may be interrupted.
func (b *bench) measureAll() ([]result, error) {
	all, err := loadSaved(savedFile)
	if err != nil {
		return nil, err
	}
	var results []result
	for _, m := range b.metrics() {
		if !b.only.MatchString(m.name) {
			if r, ok := all[m.name].result(m); ok && !b.quick {
				results = append(results, r)
			}
			continue
		}
		r, err := b.measure(m)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		results = append(results, r)
		if b.quick {
			continue
		}
		all[m.name] = r.save()
		if err := storeSaved(savedFile, all); err != nil {
			return nil, err
		}
	}
	return results, nil
}
