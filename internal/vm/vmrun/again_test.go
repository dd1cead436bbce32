package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/vm/job"
)

// ran is the outcome of a boot whose tests are "NAME OUTCOME", of one package.
func ran(exit int, tests ...string) outcome {
	p := packageResult{Result: job.Result{Name: "p", Exit: exit}}
	for _, t := range tests {
		i := strings.LastIndexByte(t, ' ')
		p.Tests = append(p.Tests, testResult{Package: "p", Name: t[:i], Outcome: t[i+1:]})
	}
	return outcome{Kernel: "6.12", Status: job.Status{Exit: exit}, Packages: []packageResult{p}}
}

func TestFailures(t *testing.T) {
	for _, test := range []struct {
		oc   outcome
		want string
	}{
		{ran(0, "A PASS", "B SKIP"), ""},
		{ran(1, "A PASS", "B/x FAIL", "C FAIL"), "^(B|C)$"},
		{ran(2, "A PASS", "B FAIL"), "^(A|B|C)$"}, // a panic: C did not run
		{ran(job.ExitNoStatus, wholePackage+" FAIL"), "^(A|B|C)$"},
		{ran(66, "A PASS", wholePackage+" FAIL"), "^(A|B|C)$"},
	} {
		want := map[string]string{}
		if test.want != "" {
			want["p"] = test.want
		}
		qt.Check(t, qt.DeepEquals(failures(&test.oc, map[string]string{"p": "^(A|B|C)$", "q": "^D$"}), want))
	}
}

func TestMerge(t *testing.T) {
	for _, test := range []struct {
		what          string
		first, second outcome
		want          string
		code          int
	}{
		{"passes", ran(1, "A PASS", "B FAIL"), ran(0, "B PASS"), "A PASS, B FLAKY", 0},
		{"fails again", ran(1, "A PASS", "B FAIL"), ran(1, "B FAIL"), "A PASS, B FAIL", 1},
		{"one of two", ran(1, "B FAIL", "C FAIL"), ran(1, "B PASS", "C FAIL"), "B FLAKY, C FAIL", 1},
		{"another subtest fails", ran(1, "B/x FAIL", "B/y PASS"), ran(1, "B/x PASS", "B/y FAIL"), "B/x FLAKY, B/y FAIL", 1},
		{"a test by itself, not its subtests", ran(1, "B FAIL", "B/x PASS"), ran(0, "B/x PASS"), "B FLAKY, B/x PASS", 0},
		{"skipped now", ran(1, "A PASS", "B FAIL"), ran(0, "B SKIP"), "A PASS, B FAIL", 1},
		{"a panic", ran(2, "A PASS", "B FAIL"), ran(0, "A PASS", "B PASS", "C PASS"), "A PASS, B FLAKY, C PASS", 0},
		{"the guest died", ran(job.ExitNoStatus, wholePackage+" FAIL"), ran(0, "A PASS"), wholePackage + " FLAKY, A PASS", 0},
		{"and again", ran(job.ExitNoStatus, wholePackage+" FAIL"), ran(job.ExitNoStatus, wholePackage+" FAIL"), wholePackage + " FAIL", 1},
	} {
		comment := qt.Commentf("%s", test.what)
		oc := merge(&test.first, &test.second)
		var got []string
		for _, r := range oc.Packages[0].Tests {
			got = append(got, r.Name+" "+r.Outcome)
		}
		qt.Check(t, qt.Equals(strings.Join(got, ", "), test.want), comment)
		var b bytes.Buffer
		qt.Check(t, qt.Equals(summarize(&b, []outcome{oc}), test.code), comment)
		qt.Check(t, qt.Equals(strings.Contains(b.String(), "flaky [6.12] p "), strings.Contains(test.want, flaky)), comment)
	}

	second := ran(0, "B PASS")
	second.Err = errors.New("no status")
	first := ran(1, "B FAIL")
	oc := merge(&first, &second)
	qt.Check(t, qt.Equals(summarize(&bytes.Buffer{}, []outcome{oc}), 1))
}
