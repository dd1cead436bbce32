//go:build kernel

package main

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

func testFailures(t *testing.T, o observer) {
	notExecutable := write(t, "data", "data", 0o644)
	for _, c := range []struct{ way, file, errno, filename string }{
		{"exec", "/nonexistent/program", "ENOENT", "/nonexistent/program"},
		{"exec", notExecutable, "EACCES", notExecutable},
		{"exec", t.TempDir(), "EACCES", ""},
		{"bad-fd", "name", "EBADF", "/dev/fd/99/name"},
		{"execveat", "/nonexistent-program", "ENOENT", "/nonexistent-program"},
	} {
		t.Run(c.way+" "+c.errno, func(t *testing.T) {
			events, said := o.observe(t, workload, c.way, c.file, "masked-name", "arg1", "")
			e := one(t, events)
			qt.Check(t, qt.Equals(said, c.errno))
			qt.Check(t, qt.Equals(e["error"], any(c.errno)))
			qt.Check(t, qt.IsTrue(number(e["ret"]) < 0))
			qt.Check(t, qt.DeepEquals(argv(t, e), []string{"masked-name", "arg1", ""}))
			qt.Check(t, qt.Equals(number(e["argc"]), 3))
			qt.Check(t, qt.IsTrue(number(e["duration_ns"]) > 0))
			qt.Check(t, qt.IsNil(e["exe"]))
			if c.filename != "" && c.way != "execveat" {
				qt.Check(t, qt.Equals(e["filename"], any(c.filename)))
			}
		})
	}
}

func testArgumentTooBig(t *testing.T, o observer) {
	self := lookup(t, workload)
	// More than MAX_ARG_STRLEN (32 pages) in one argument; the workload makes
	// it itself, since it could not be handed to it.
	events, said := o.observe(t, workload, "too-big", self, "x", "y")
	e := one(t, events)
	qt.Check(t, qt.Equals(said, "E2BIG"))
	qt.Check(t, qt.Equals(e["error"], any("E2BIG")))
	got := argv(t, e)
	qt.Check(t, qt.HasLen(got, 3))
	qt.Check(t, qt.Equals(got[0], "x"))
	qt.Check(t, qt.Equals(e["args_truncated"], any(true)))
	qt.Check(t, qt.Equals(number(e["argc"]), 3))
}

func testFailureManyArguments(t *testing.T, o observer) {
	var args []string
	for i := range 211 {
		args = append(args, "a"+strconv.Itoa(i))
	}
	events, _ := o.observe(t, workload, append([]string{"exec", "/nonexistent"}, args...)...)
	e := one(t, events)
	qt.Check(t, qt.Equals(number(e["argc"]), 211))
	qt.Check(t, qt.Equals(e["args_truncated"], any(true)))
	got := argv(t, e)
	qt.Check(t, qt.DeepEquals(got, args[:len(got)]))
	qt.Check(t, qt.IsTrue(len(got) >= defaultMaxArgs))
}

func testUnreadableArgv(t *testing.T, o observer) {
	events, said := o.observe(t, workload, "bad-argv", "/nonexistent", "x")
	e := one(t, events)
	// Before 6.8 the kernel counts argv first and says EFAULT.
	qt.Check(t, qt.IsTrue(said == "EFAULT" || said == "ENOENT"), qt.Commentf("%s", said))
	qt.Check(t, qt.Equals(e["error"], any(said)))
	qt.Check(t, qt.IsNil(e["args"]))
	qt.Check(t, qt.IsNil(e["argc"]))
}

// 32-bit callers go through other functions and other numbers.
func test32Bit(t *testing.T, o observer) {
	if _, err := exec.LookPath(workload32); err != nil {
		t.Fatalf("%s must be in PATH", workload32)
	}
	if err := exec.Command(workload32, "args", "/dev/null").Run(); err != nil {
		t.Skipf("this kernel runs no 32-bit programs: %v", err)
	}
	self := lookup(t, workload)
	events, _ := o.observe(t, workload32, "exec", self, "x", "args", "/dev/null", "from 32 bits")
	e := one(t, events)
	qt.Check(t, qt.DeepEquals(argv(t, e), []string{"x", "args", "/dev/null", "from 32 bits"}))
	qt.Check(t, qt.IsTrue(number(e["duration_ns"]) > 1000))

	for way, errno := range map[string]string{"exec": "ENOENT", "execveat": "ENOENT", "bad-fd": "EBADF"} {
		file := "/nonexistent32"
		if way == "bad-fd" {
			file = "nonexistent32"
		}
		events, said := o.observe(t, workload32, way, file, "masked", "a b", "c")
		e := one(t, events)
		qt.Check(t, qt.Equals(said, errno))
		qt.Check(t, qt.Equals(e["error"], any(errno)))
		qt.Check(t, qt.DeepEquals(argv(t, e), []string{"masked", "a b", "c"}), qt.Commentf("%s", way))
	}
}

// Four threads exec at once: one wins and the others are killed in mid-exec.
// Processes are also killed at random. Nothing of them stays in the kernel.
//
//vmrun:kernels 5.10 newest
func TestKilledInMidExec(t *testing.T) {
	self := lookup(t, workload)
	before := kerneltest.Loaded(t)
	r := kerneltest.Start(t, "execsnoop", "-x", "--json")
	pending := kerneltest.FindMap(t, "pending", before)
	const duels = 31
	for range duels {
		_, _, code := kerneltest.Output(t, kerneltest.Command(t, workload, "duel", self, "duel", "args", "/dev/null"))
		qt.Assert(t, qt.Equals(code, 0))
	}
	for range 31 {
		cmd := exec.Command(self, "repeat", self, "100", "4", "x", "args", "/dev/null")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		qt.Assert(t, qt.IsNil(cmd.Start()))
		time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
	}
	// What other processes of the machine are doing right now is gone soon.
	deadline := time.Now().Add(10 * time.Second)
	for seen := map[uint64]bool{}; ; time.Sleep(10 * time.Millisecond) {
		still := map[uint64]bool{}
		var task, began uint64
		for it := pending.Iterate(); it.Next(&task, &began); {
			if len(seen) == 0 || seen[began] {
				still[began] = true
			}
		}
		if seen = still; len(seen) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d tasks that ended are still in the pending map", len(seen))
		}
	}
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	r.Account()
	won := r.Events(func(e kerneltest.Event) bool {
		argv, _ := e["args"].([]any)
		return len(argv) > 0 && argv[0] == "duel" && number(e["ret"]) == 0
	})
	qt.Check(t, qt.HasLen(won, duels))
}

//vmrun:kernels 6.1
func TestClassicTable(t *testing.T) {
	self := lookup(t, workload)
	r := kerneltest.Start(t, "execsnoop", "-x", "-l", "(/dev/null TABLE|TABLE-MISSING)")
	ok := kerneltest.Command(t, workload, "exec", self, "x", "args", "/dev/null", "TABLE")
	kerneltest.Output(t, ok)
	bad := kerneltest.Command(t, workload, "exec", "/nonexistent", "x", "TABLE-MISSING")
	kerneltest.Output(t, bad)
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	lines := strings.Split(strings.TrimRight(r.Stdout(), "\n"), "\n")
	qt.Assert(t, qt.HasLen(lines, 5), qt.Commentf("%s", r.Stdout()))
	qt.Check(t, qt.Equals(lines[0], "PCOMM            PID    PPID   RET ARGS"))
	row := func(comm string, pid, ppid, ret int, args string) string {
		pad := func(s string, n int) string { return s + strings.Repeat(" ", max(0, n-len(s))) }
		r := strconv.Itoa(ret)
		return pad(comm, 16) + " " + pad(strconv.Itoa(pid), 6) + " " + pad(strconv.Itoa(ppid), 6) + " " + strings.Repeat(" ", 3-len(r)) + r + " " + args
	}
	name := filepath.Base(self)[:15]
	qt.Check(t, qt.Equals(lines[1], row(name, ok.Process.Pid, os.Getpid(), 0, ok.Path+" exec "+self+" x args /dev/null TABLE")))
	qt.Check(t, qt.Equals(lines[2], row(name, ok.Process.Pid, os.Getpid(), 0, self+" args /dev/null TABLE")))
	qt.Check(t, qt.Equals(lines[4], row(name, bad.Process.Pid, os.Getpid(), -2, "/nonexistent TABLE-MISSING")))
}
