package main

import (
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

func feed(p *parser, text string) {
	s := &lineSplitter{each: p.Line}
	for i := 0; i < len(text); i += 7 { // a serial port knows no lines
		_, _ = s.Write([]byte(text[i:min(i+7, len(text))]))
	}
	s.flush()
	p.End()
}

func collect(p *parser) (all []string) {
	for _, pkg := range p.Packages {
		for _, t := range pkg.Tests {
			all = append(all, strings.TrimSpace(t.Package+" "+t.Outcome+" "+t.Name+" "+t.Reason))
		}
	}
	return all
}

func TestParser(t *testing.T) {
	var seen []string
	p := newParser([]string{"a/b", "c"}, func(l string) { seen = append(seen, l) })
	feed(p, `=== RUN   TestOne
    one_test.go:5: quiet
--- PASS: TestOne (0.01s)
=== RUN   TestTwo
=== RUN   TestTwo/x
    two_test.go:7: broken
    two_test.go:8: --- PASS: TestOther (0.00s)
=== RUN   TestTwo/y
no line end--- FAIL: TestTwo (0.02s)
    --- FAIL: TestTwo/x (0.01s)
    --- PASS: TestTwo/y (0.01s)
=== RUN   TestThree
    three_test.go:9: needs fentry
--- SKIP: TestThree (0.00s)
FAIL
=== job imposter exit 0 1s
=== job a/b exit 1 1.5s
=== RUN   TestFour
--- PASS: TestFour (0.00s)
PASS
=== job c exit 0 20ms
`)
	qt.Assert(t, qt.DeepEquals(collect(p), []string{
		"a/b PASS TestOne",
		"a/b FAIL TestTwo/x",
		"a/b PASS TestTwo/y",
		"a/b SKIP TestThree three_test.go:9: needs fentry",
		"c PASS TestFour",
	}))
	text := strings.Join(seen, "\n")
	qt.Check(t, qt.StringContains(text, "two_test.go:7: broken"))
	qt.Check(t, qt.Not(qt.StringContains(text, "quiet")))
	qt.Check(t, qt.StringContains(text, "FAIL a/b exit 1 1.5s: 2 passed, 1 failed, 1 skipped"))
	qt.Check(t, qt.StringContains(text, "ok   c exit 0 20ms: 1 passed, 0 failed, 0 skipped"))
}

// What did not end well must never count as nothing.
func TestParserCrash(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"panic":              {"=== RUN   TestA\n--- FAIL: TestA (0.00s)\npanic: x\n=== job p exit 2 1s\n", []string{"p FAIL TestA"}},
		"exit inside a test": {"=== RUN   TestA\n=== job p exit 3 1s\n", []string{"p FAIL TestA"}},
		"killed before any":  {"=== job p exit 137 1s\n", []string{"p FAIL (the package)"}},
		"fails after passing": {"=== RUN   TestA\n--- PASS: TestA (0.00s)\n=== job p exit 66 1s\n",
			[]string{"p PASS TestA", "p FAIL (the package)"}},
		"guest died in a test": {"=== RUN   TestA\n", []string{"p FAIL TestA"}},
		"guest died at once":   {"", []string{"p FAIL (the package)"}},
		"parent fails alone": {"=== RUN   TestA\n=== RUN   TestA/x\n--- FAIL: TestA (0.00s)\n    --- PASS: TestA/x (0.00s)\n=== job p exit 1 1s\n",
			[]string{"p FAIL TestA", "p PASS TestA/x"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newParser([]string{"p"}, func(string) {})
			feed(p, test.text)
			qt.Assert(t, qt.DeepEquals(collect(p), test.want))
		})
	}
}

func TestParserCount(t *testing.T) {
	p := newParser([]string{"p"}, func(string) {})
	feed(p, strings.Repeat("=== RUN   TestA\n--- PASS: TestA (0.00s)\n", 3)+"=== job p exit 0 1s\n")
	qt.Assert(t, qt.Equals(count(p.Packages[0].Tests), tally{Passed: 3}))
}
