// Detection runs what ransomware does, and what harmless programs do that looks like
// it, under filesnoop, and writes docs/detection.md: which of them raised an alarm,
// and how many files it had cost by then.
//
//	go run ./bench/detection                 # in a virtual machine, and write the page
//	go run ./bench/detection -only '^A1$'    # some workloads again, and write the page
//	go run ./bench/detection -runs 0         # write the page anew
//	go run ./bench/detection -here -keep DIR # on this kernel; the events stay in DIR
//
// The workloads are shell scripts (workloads.go), with real programs where there are
// any and filesnoop's own workload where there are none. Every run has documents of
// its own, and a filesnoop of its own with default settings, or with --entropy. With
// -here it needs root, bash and what the scripts use, and writes no page.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"github.com/ringside-tools/ringside/internal/vm/wire"
)

type options struct {
	vm    string
	here  bool
	guest bool // we are in the virtual machine
	runs  int
	only  *regexp.Regexp
	mode  *regexp.Regexp
	add   bool
	keep  string
	out   string
	saved string
}

// modes are the flags that every workload is run with.
var modes = []string{"", "--entropy"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "detection:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("detection", flag.ExitOnError)
	flags.StringVar(&o.vm, "vm", "6.12", "`kernel` of the matrix to boot")
	flags.BoolVar(&o.here, "here", false, "run on this machine's kernel, and print what came of it")
	flags.BoolVar(&o.guest, "guest", false, "used inside the virtual machine")
	flags.IntVar(&o.runs, "runs", 5, "how often each workload is run")
	only := flags.String("only", "", "run only workloads whose name matches this regular `expression`, and keep the others")
	mode := flags.String("mode", "", "run only modes that match this regular `expression`: ^$ is the default")
	flags.BoolVar(&o.add, "add", false, "add runs to those that are kept, in place of others for them")
	flags.StringVar(&o.keep, "keep", "", "with -here: keep the events in this `directory`")
	flags.StringVar(&o.out, "out", "docs/detection.md", "`file` to write")
	flags.StringVar(&o.saved, "saved", "bench/detection/outcomes.json", "`file` that keeps what came of all runs")
	flags.Parse(args)
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return o, fmt.Errorf("parse -only: %w", err)
	}
	if o.mode, err = regexp.Compile(*mode); err != nil {
		return o, fmt.Errorf("parse -mode: %w", err)
	}
	if o.runs < 0 || flags.NArg() > 0 {
		return o, fmt.Errorf("-runs must not be negative, and there are no arguments")
	}
	return o, nil
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.guest {
		return runAll(ctx, o, func(out outcome) error { return wire.Send(os.Stdout, out) })
	}
	if o.here {
		done, err := installHere(ctx)
		if err != nil {
			return err
		}
		defer done()
		return runAll(ctx, o, func(out outcome) error {
			fmt.Println(out.String())
			return nil
		})
	}
	kept, err := load(o.saved)
	if err != nil {
		return err
	}
	fresh := make(map[string]bool) // runs of which the old outcomes are gone
	use := func(out outcome) error {
		fmt.Fprintln(os.Stderr, out.String())
		if key := out.Workload + " " + out.Mode; !fresh[key] && !o.add {
			fresh[key] = true
			kept.drop(out)
		}
		kept.Outcomes = append(kept.Outcomes, out)
		return kept.store(o.saved)
	}
	if o.runs > 0 {
		if err := runInGuest(ctx, o, use); err != nil {
			return err // what was run is kept
		}
	}
	if err := os.WriteFile(o.out, []byte(page(kept)), 0o644); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	fmt.Fprintln(os.Stderr, "detection: wrote", o.out)
	return nil
}

// runAll runs each workload in turn, again and again.
func runAll(ctx context.Context, o options, use func(outcome) error) error {
	for n := range o.runs {
		for _, w := range workloads {
			for _, mode := range modes {
				if !o.only.MatchString(w.name) || !o.mode.MatchString(mode) {
					continue
				}
				out, err := attempt(ctx, w, mode, o.keep, n)
				if err != nil {
					return err
				}
				if err := use(out); err != nil {
					return err
				}
			}
		}
	}
	return ctx.Err()
}
