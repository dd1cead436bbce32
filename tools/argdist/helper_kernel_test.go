//go:build kernel

package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
	"github.com/ringside-tools/ringside/tools/argdist/report"
)

const workload = "argdist-workload"

// kernelName is the name of the kernel in the matrix, "" on another machine.
func kernelName() string { return kerneltest.Kernel() }

// works reports whether this kernel can probe its own functions by a kind of hook.
// Those of the matrix must: by both.
func works(rung string) bool {
	return kernelName() != "" || exec.Command("argdist", "--check", "-C", "p::vfs_write()", "--rung", rung).Run() == nil
}

// eachRung runs a test on every kind of hook that a kernel function can be probed by.
func eachRung(t *testing.T, test func(t *testing.T, rung string)) {
	for _, rung := range kerneltest.Rungs("fentry", "kprobe") {
		t.Run(rung, func(t *testing.T) {
			if !works(rung) {
				t.Skip("this kernel does not have this rung")
			}
			test(t, rung)
		})
	}
}

// traced runs argdist with its flags and then a workload that waits until it
// traces; {PID} in the flags is the workload's process.
func traced(t *testing.T, flags []string, work ...string) (*kerneltest.Run, int) {
	t.Helper()
	w := kerneltest.Wait(t, workload, nil, work...)
	for i := range flags {
		flags[i] = replacePID(flags[i], w.PID())
	}
	r := kerneltest.Start(t, "argdist", append([]string{"--json", "-i", "60"}, flags...)...)
	w.Go(t)
	w.End(t)
	qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
	return r, w.PID()
}

// counts are the counts of a run by key, as key=value,...
func counts(t *testing.T, r *kerneltest.Run, spec string) map[string]int {
	t.Helper()
	out := make(map[string]int)
	for _, line := range r.Lines() {
		if line["type"] == "lost" || spec != "" && line["spec"] != spec {
			continue
		}
		n, err := line["count"].(json.Number).Int64()
		qt.Assert(t, qt.IsNil(err))
		out[key(line["key"])] += int(n)
	}
	return out
}

func key(v any) string {
	m, _ := v.(map[string]any)
	out := ""
	for _, name := range sorted(m) {
		out += fmt.Sprintf("%s=%v ", name, m[name])
	}
	if out == "" {
		return ""
	}
	return out[:len(out)-1]
}

func sum(m map[string]int) int {
	n := 0
	for _, v := range m {
		n += v
	}
	return n
}

func itoa(n int) string { return strconv.Itoa(n) }

func validate(t *testing.T, r *kerneltest.Run) {
	t.Helper()
	r.Validate(report.Schema(schemaVersion))
}

// lookup returns the full path of a program.
func lookup(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	qt.Assert(t, qt.IsNil(err))
	return path
}
