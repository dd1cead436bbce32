//go:build kernel

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/output/schematest"
)

const (
	workload   = "filesnoop-workload"
	workload32 = "filesnoop-workload32" // a 32-bit program
)

// kernel is the name of the kernel in the matrix, "" on another machine.
var kernel = os.Getenv("RINGSIDE_KERNEL")

// eachRung runs a test on every rung that this kernel has, or the best one (kerneltest.EveryRung).
func eachRung(t *testing.T, test func(t *testing.T, rung string)) {
	rungs(t, test, "fexit", "raw_tp")
}

// mixedToo is eachRung with the rung that failures and attributes have besides.
func mixedToo(t *testing.T, test func(t *testing.T, rung string)) {
	rungs(t, test, "fexit", "fexit and raw_tp", "raw_tp")
}

func rungs(t *testing.T, test func(t *testing.T, rung string), names ...string) {
	tested := false
	for _, rung := range names {
		if tested && !kerneltest.EveryRung() {
			return
		}
		t.Run(rung, func(t *testing.T) {
			if !knownRung(rung, names) && !hasRung(t, rung, names) {
				t.Skip("this kernel does not have this rung")
			}
			tested = true
			test(t, rung)
		})
	}
}

// knownRung is whether the kernel is one of those of which it is known that they have
// a rung: what needs it fails there if it is not to be had, without being asked for.
func knownRung(rung string, names []string) bool {
	mixed := len(names) > 2
	return slices.Contains([]string{"6.12", "newest", "arm64-6.12"}, kernel) || kernel != "" && (rung != "fexit" || !mixed)
}

// answers are what hasRung was told: with --all --errors, asking takes emulated machines
// half a minute.
var answers = make(map[string]bool)

func hasRung(t *testing.T, rung string, names []string) bool {
	t.Helper()
	args := []string{"--rung", rung, "--check"}
	if slices.Contains(names, "fexit and raw_tp") {
		args = append(args, "--all", "--errors")
	}
	question := strings.Join(args, " ")
	if _, asked := answers[question]; !asked {
		_, _, code := kerneltest.Output(t, kerneltest.Command(t, "filesnoop", args...))
		answers[question] = code == 0
	}
	return answers[question]
}

// place makes a directory with the file "there", the directory "dir" and the link
// "link" to the file, and returns its path.
func place(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, "there"), []byte(strings.Repeat("x", 4096)), 0o644)))
	qt.Assert(t, qt.IsNil(os.Mkdir(filepath.Join(dir, "dir"), 0o755)))
	qt.Assert(t, qt.IsNil(os.Symlink("there", filepath.Join(dir, "link"))))
	return dir
}

// runAll runs programs of the workload under filesnoop with flags, checks the
// account and the schema, and returns for each of them the events of its process
// that are about the directory that is its first argument.
func runAll(t *testing.T, flags []string, commands [][]string) (events [][]kerneltest.Event, a kerneltest.Account) {
	t.Helper()
	r := kerneltest.Start(t, "filesnoop", append(flags, "--json")...)
	var pids []string
	for _, c := range commands {
		cmd := kerneltest.Command(t, c[0], c[1:]...)
		_, stderr, code := kerneltest.Output(t, cmd)
		qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%v: %s", c, stderr))
		pids = append(pids, fmt.Sprint(cmd.Process.Pid))
	}
	qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
	a = r.Account()
	validate(t, r.Stdout())
	for i, c := range commands {
		events = append(events, r.Events(func(e kerneltest.Event) bool {
			return fmt.Sprint(e["pid"]) == pids[i] && !elsewhere(e, c[1])
		}))
	}
	return events, a
}

// run is runAll of one.
func run(t *testing.T, dir string, flags []string, program string, args ...string) ([]kerneltest.Event, kerneltest.Account) {
	t.Helper()
	events, a := runAll(t, flags, [][]string{append([]string{program, dir}, args...)})
	return events[0], a
}

// elsewhere reports whether an event is one of the run time of Go.
func elsewhere(e kerneltest.Event, dir string) bool {
	path, ok := e["path"].(string)
	return ok && strings.HasPrefix(path, "/") && !strings.HasPrefix(path, dir)
}

func validate(t *testing.T, lines string) {
	t.Helper()
	schema, err := schematest.Compile(output.Schema("filesnoop", schemaVersion, fields))
	qt.Assert(t, qt.IsNil(err))
	for line := range strings.Lines(lines) {
		qt.Assert(t, qt.IsNil(schema.Validate([]byte(line))), qt.Commentf("%s", line))
	}
}

// brief is what the tests compare of an event: op, result, paths without the
// directory, and what else there is to it.
func brief(e kerneltest.Event, dir string) string {
	var b strings.Builder
	fmt.Fprint(&b, e["op"])
	if e["error"] != nil {
		fmt.Fprintf(&b, " %s", e["error"])
	}
	for _, key := range []string{"path", "path2"} {
		if text, ok := e[key].(string); ok {
			fmt.Fprintf(&b, " %s", strings.TrimPrefix(text, dir+"/"))
		} else if key == "path" {
			b.WriteString(" ?")
		}
	}
	if e["bytes"] != nil {
		fmt.Fprintf(&b, " %v", e["bytes"])
	}
	if e["writes"] != nil {
		fmt.Fprintf(&b, "/%v", e["writes"])
	}
	if e["op"] == "rename" {
		for _, f := range e["flags"].([]any) {
			fmt.Fprintf(&b, " %s", f)
		}
	}
	if e["mode"] != nil {
		fmt.Fprintf(&b, " %s", e["mode"])
	}
	return b.String()
}

func briefs(events []kerneltest.Event, dir string) []string {
	out := []string{}
	for _, e := range events {
		out = append(out, brief(e, dir))
	}
	return out
}

// waitFor tries until it is so.
func waitFor(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(kerneltest.Patience); !so(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// encrypts are the events of that op of a process, in lines of JSON.
func encrypts(lines, pid string) []string {
	out := []string{}
	for line := range strings.Lines(lines) {
		var e kerneltest.Event
		if strings.Contains(line, `"op":"encrypt"`) && json.Unmarshal([]byte(line), &e) == nil && fmt.Sprint(e["pid"]) == pid {
			out = append(out, fmt.Sprintf("%v %v/%v", e["name"], e["bytes"], e["writes"]))
		}
	}
	return out
}
