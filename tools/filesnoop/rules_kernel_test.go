//go:build kernel

package main

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// bulkAlarms runs bulk ways of the workload, or shell scripts for other names, one
// after the other under one filesnoop, and returns the alarms of each: rules with how
// many files they had counted. They are one process tree, for which a rule raises one
// alarm: no two of them are to break the same.
func bulkAlarms(t *testing.T, flags string, works []string) map[string]string {
	t.Helper()
	dirs := make(map[string]string)
	for _, work := range works {
		dirs[work] = place(t)
		_, stderr, code := kerneltest.Output(t, kerneltest.Command(t, workload, dirs[work], "corpus"))
		qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	}
	r := kerneltest.Start(t, "filesnoop", append(strings.Fields(flags), "--json", "--alert-only", "--buffer", "8M")...)
	for _, work := range works {
		cmd := exec.Command(workload, dirs[work], work)
		if strings.Contains(work, " ") {
			cmd = exec.Command("sh", "-c", work)
			cmd.Dir = dirs[work]
		}
		out, err := cmd.CombinedOutput()
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s: %s", work, out))
	}
	qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
	qt.Check(t, qt.Equals(r.Account().Lost, 0))
	alarms := make(map[string]string)
	for _, work := range works {
		var rules []string
		for _, e := range r.Events(func(e kerneltest.Event) bool { return strings.HasPrefix(fmt.Sprint(e["path"]), dirs[work]+"/") }) {
			rules = append(rules, fmt.Sprint(e["alert"], " ", e["alert_files"]))
		}
		alarms[work] = strings.Join(rules, ", ")
	}
	return alarms
}

// checkAlarms compares the alarms with what is wanted, in the order of works.
func checkAlarms(t *testing.T, flags string, wants [][2]string) {
	t.Helper()
	var works []string
	for _, w := range wants {
		works = append(works, w[0])
	}
	got := bulkAlarms(t, flags, works)
	for _, w := range wants {
		qt.Check(t, qt.Equals(got[w[0]], w[1]), qt.Commentf("filesnoop %s: %s", flags, w[0]))
	}
}

const gzipAll = "find d* -type f | xargs gzip"

// TestRules is a short form of bench/detection: what attackers do raises an alarm, at the
// very file that it is to be raised at; what is harmless raises none, nor what cannot
// be told from it.
//
//vmrun:kernels 6.12
func TestRules(t *testing.T) {
	rulesOnce(t)
	checkAlarms(t, "", [][2]string{
		{"attack-replace", "replace 20"},
		{"attack-rename-after", "rename 20, overwrite 25, note 20"},
		{gzipAll, ""},
		{"save", ""},
		{"save-in-place", ""},
		{"append", ""},
		{"attack-temporary", ""},
	})
}

// TestRulesByContent has what only --entropy tells apart.
//
//vmrun:kernels 6.12
func TestRulesByContent(t *testing.T) {
	rulesOnce(t)
	checkAlarms(t, "--entropy", [][2]string{
		{"attack-temporary", "rewrite 20"},
		{"attack-like-gzip", "replace 20"},
		{gzipAll, ""},
		{"save", ""},
		{"save-in-place", ""},
	})
}

// rulesOnce spares most kernels what is the same on all: rules see events, and tests of
// those are for each kernel.
func rulesOnce(t *testing.T) {
	t.Helper()
	if kernel != "" && kernel != "6.12" {
		t.Skip("rules are tested on 6.12 and on this machine's own kernel")
	}
}
