package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// summarize prints the table, every skip with its reason, and the plain last
// line; it returns the exit code. A kernel on which nothing ran is a failure:
// a test run that tested nothing must not look like a good one.
func summarize(w io.Writer, outcomes []outcome) int {
	var total tally
	code, left := 0, 0
	fmt.Fprintln(w)
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, "KERNEL\tRELEASE\tSECONDS\tPACKAGES\tPASSED\tFAILED\tSKIPPED\tNOTE")
	for _, o := range outcomes {
		var c tally
		for _, p := range o.Packages {
			c.add(count(p.Tests))
		}
		note := ""
		switch {
		case o.Err != nil:
			note = "did not finish"
		case c.Failed > 0 || o.Status.Exit != 0:
			note = "failed"
		case c.Passed+c.Flaky == 0:
			note = "no test ran"
		}
		if note != "" {
			code = 1
		} else if c.Flaky > 0 {
			note = fmt.Sprintf("%d flaky", c.Flaky)
		}
		fmt.Fprintf(tw, "%s\t%s\t%.1f\t%d\t%d\t%d\t%d\t%s\n", o.Kernel, o.Status.Release, o.Seconds,
			len(o.Packages), c.Passed, c.Failed, c.Skipped, note)
		total.add(c)
		left += o.Left
	}
	_ = tw.Flush()
	details(w, outcomes, "SKIP", "skipped")
	details(w, outcomes, flaky, "flaky")
	details(w, outcomes, "FAIL", "failed")
	for _, o := range outcomes {
		if o.Err != nil || o.Status.Exit != 0 {
			fmt.Fprintf(w, "see %s.log and .console\n", o.Log)
		}
	}
	if left > 0 {
		fmt.Fprintf(w, "%d times a test is left to other kernels: -full runs all on all\n", left)
	}
	fmt.Fprintf(w, "\n%s\n", total)
	return code
}

// details lists the tests of one outcome.
func details(w io.Writer, outcomes []outcome, which, word string) {
	for _, o := range outcomes {
		for _, p := range o.Packages {
			for _, t := range p.Tests {
				if t.Outcome == which {
					fmt.Fprintf(w, "%s [%s] %s %s", word, o.Kernel, t.Package, t.Name)
					if t.Reason != "" {
						fmt.Fprintf(w, ": %s", t.Reason)
					}
					fmt.Fprintln(w)
				}
			}
		}
	}
}
