package main

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/ringside-tools/ringside/internal/vm/job"
)

// testResult is one test or subtest. Tests that only hold subtests are not
// counted.
type testResult struct {
	Package, Name string
	Outcome       string // PASS, FAIL, SKIP, or FLAKY
	Reason        string // of a skip: the last thing the test said
}

// wholePackage stands for a test binary that failed without a test that did.
const wholePackage = "(the package)"

// packageResult is one test binary's run.
type packageResult struct {
	job.Result
	Tests []testResult
}

// parser reads the guest's output channel, line by line: the packages' "go test
// -v" output, each ended by a job's result line.
type parser struct {
	jobs     []string // packages in the order in which they run
	Packages []packageResult
	// Emit gets what a person wants to see while the tests run.
	Emit func(line string)

	tests   []testResult
	running map[string]bool
	current string              // test that the next plain line belongs to
	said    map[string][]string // what each running test printed
	pending []string            // lines since the last outcome, for a crash
}

// maxLines is how many lines of one test's output are kept; the log has all.
const maxLines = 100

var (
	// A test may print without a line end, hence no "^".
	switchLine  = regexp.MustCompile(`=== (RUN|CONT|NAME|PAUSE)\s+(\S+)$`)
	outcomeLine = regexp.MustCompile(`--- (PASS|FAIL|SKIP): (\S+) \([0-9.]+s\)$`)
)

func newParser(jobs []string, emit func(string)) *parser {
	return &parser{jobs: jobs, Emit: emit, running: map[string]bool{}, said: map[string][]string{}}
}

func (p *parser) Line(line string) {
	if r, ok := job.ParseResult(line); ok && len(p.jobs) > 0 && r.Name == p.jobs[0] {
		p.endPackage(r)
		return
	}
	if m := switchLine.FindStringSubmatch(line); m != nil {
		p.current = m[2]
		if m[1] == "RUN" {
			p.running[m[2]] = true
			p.said[m[2]] = nil
		}
		return
	}
	// Only a test that runs can end: this text may be a test's own output.
	if m := outcomeLine.FindStringSubmatch(line); m != nil && p.running[m[2]] {
		p.endTest(m[2], m[1], line)
		return
	}
	p.said[p.current] = keep(p.said[p.current], line)
	p.pending = keep(p.pending, line)
}

func keep(lines []string, line string) []string {
	if lines = append(lines, line); len(lines) > maxLines {
		lines = lines[1:]
	}
	return lines
}

func (p *parser) endTest(name, outcome, line string) {
	delete(p.running, name)
	t := testResult{Package: p.jobs[0], Name: name, Outcome: outcome}
	said := p.said[name]
	switch outcome {
	case "FAIL":
		p.Emit(p.jobs[0] + " " + line)
		for _, l := range said {
			p.Emit("    " + l)
		}
	case "SKIP":
		for _, l := range said {
			if l = strings.TrimSpace(l); l != "" {
				t.Reason = l
			}
		}
	}
	p.tests = append(p.tests, t)
	delete(p.said, name)
	p.pending = nil
}

// endPackage counts a test that never ended, and a binary that failed without a
// failing test, as failures.
func (p *parser) endPackage(r job.Result) {
	for name := range p.running {
		p.tests = append(p.tests, testResult{Package: r.Name, Name: name, Outcome: "FAIL"})
		p.Emit(fmt.Sprintf("%s --- FAIL: %s did not end", r.Name, name))
	}
	tests := leaves(p.tests)
	if r.Exit != 0 {
		for _, l := range p.pending {
			p.Emit("    " + l)
		}
		if count(tests).Failed == 0 {
			tests = append(tests, testResult{Package: r.Name, Name: wholePackage, Outcome: "FAIL"})
		}
	}
	c := count(tests)
	verdict := "ok  "
	if c.Failed > 0 {
		verdict = "FAIL"
	}
	p.Emit(fmt.Sprintf("%s %s exit %d %v: %s", verdict, r.Name, r.Exit, r.Duration.Round(10*time.Millisecond), c))
	p.Packages = append(p.Packages, packageResult{r, tests})
	p.jobs = p.jobs[1:]
	p.tests, p.current, p.pending = nil, "", nil
	clear(p.running)
	clear(p.said)
}

// End accounts for the packages whose result never came: the guest died.
func (p *parser) End() {
	for len(p.jobs) > 0 {
		p.endPackage(job.Result{Name: p.jobs[0], Exit: job.ExitNoStatus})
	}
}

// leaves drops tests that hold subtests, unless such a test failed by itself.
func leaves(tests []testResult) []testResult {
	parent := map[string]bool{}
	failedBelow := map[string]bool{}
	for _, t := range tests {
		for name := t.Name; ; {
			i := strings.LastIndexByte(name, '/')
			if i < 0 {
				break
			}
			name = name[:i]
			parent[name] = true
			if t.Outcome == "FAIL" {
				failedBelow[name] = true
			}
		}
	}
	var list []testResult
	for _, t := range tests {
		if !parent[t.Name] || t.Outcome == "FAIL" && !failedBelow[t.Name] {
			list = append(list, t)
		}
	}
	return list
}

// tally counts outcomes.
type tally struct{ Passed, Failed, Skipped, Flaky int }

func (c *tally) add(d tally) {
	c.Passed += d.Passed
	c.Failed += d.Failed
	c.Skipped += d.Skipped
	c.Flaky += d.Flaky
}

func (c tally) String() string {
	s := fmt.Sprintf("%d passed, %d failed, %d skipped", c.Passed, c.Failed, c.Skipped)
	if c.Flaky > 0 {
		s += fmt.Sprintf(", %d flaky", c.Flaky)
	}
	return s
}

func count(tests []testResult) (c tally) {
	for _, t := range tests {
		switch t.Outcome {
		case "PASS":
			c.Passed++
		case "FAIL":
			c.Failed++
		case "SKIP":
			c.Skipped++
		case flaky:
			c.Flaky++
		}
	}
	return c
}
