package main

import (
	"strings"
)

// flaky is the outcome of a test that failed and passed when it ran again: by chance, or
// since the machine was too busy. It is no failure of the run, and a bug all the same, of
// the test or of what it tests.
const flaky = "FLAKY"

// failures are the patterns of what has to run again, by package: the tests that failed,
// or all of a package that did not come to its end. patterns are those that ran.
func failures(oc *outcome, patterns map[string]string) map[string]string {
	again := make(map[string]string)
	for _, p := range oc.Packages {
		var names []string
		for _, t := range p.Tests {
			if t.Outcome == "FAIL" {
				name, _, _ := strings.Cut(t.Name, "/")
				names = append(names, name)
			}
		}
		switch {
		case p.Exit == 0 && len(names) == 0:
		case p.Exit == 1 && len(names) > 0: // what a test binary says that ran all
			if pattern, err := selectTests(names, ""); err == nil {
				again[p.Name] = pattern
			}
		default:
			again[p.Name] = patterns[p.Name]
		}
	}
	return again
}

// merge is the outcome of a boot whose failures ran again in a second one.
func merge(first, second *outcome) outcome {
	oc := *first
	oc.Seconds += second.Seconds
	oc.Status.Exit, oc.Err = second.Status.Exit, second.Err
	if second.Status.Release != "" {
		oc.Status.Release = second.Status.Release
	}
	if second.Err != nil || second.Status.Exit != 0 {
		oc.Log = second.Log
	}
	oc.Packages = nil
	for _, p := range first.Packages {
		for _, q := range second.Packages {
			if q.Name == p.Name {
				p = packageResult{Result: q.Result, Tests: mergeTests(p.Tests, q.Tests)}
			}
		}
		oc.Packages = append(oc.Packages, p)
	}
	return oc
}

// mergeTests are the tests of a package, in the order of the first run: what the second
// says of one counts.
func mergeTests(first, second []testResult) (list []testResult) {
	before := make(map[string]bool)
	for _, t := range first {
		before[t.Name] = true
		failed := t.Outcome == "FAIL"
		for _, u := range second {
			if u.Name == t.Name {
				t = u
			}
		}
		top, _, _ := strings.Cut(t.Name, "/")
		switch {
		case !failed:
		case t.Outcome == "PASS", t.Outcome == "FAIL" && passed(second, top):
			// Of a test that held others, or of the package, there may be no second result.
			t.Outcome = flaky
		default: // a skip proves nothing
			t.Outcome = "FAIL"
		}
		list = append(list, t)
	}
	for _, t := range second {
		if !before[t.Name] { // the first run did not come to it
			list = append(list, t)
		}
	}
	return list
}

// passed reports whether tests of that top-level name, or any if it is that of the whole
// package, ran and none failed.
func passed(tests []testResult, top string) bool {
	ran := false
	for _, t := range tests {
		name, _, _ := strings.Cut(t.Name, "/")
		if name == top || top == wholePackage {
			if t.Outcome == "FAIL" {
				return false
			}
			ran = true
		}
	}
	return ran
}
