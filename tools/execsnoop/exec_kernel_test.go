//go:build kernel

package main

import (
	"encoding/base64"
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
	"github.com/ringside-tools/ringside/internal/output"
)

// TestExecs has one execsnoop watch all of these.
func TestExecs(t *testing.T) {
	o := startObserver(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, observer)
	}{
		{"success", testSuccess}, {"arguments not resident", testArgumentsNotResident},
		{"arguments rewritten", testArgumentsRewritten}, {"thread", testThread},
		{"descriptors", testDescriptors}, {"fileless", testFileless}, {"scripts", testScripts},
		{"hostile arguments", testHostileArguments}, {"long arguments", testLongArguments},
		{"many arguments", testManyArguments}, {"namespaces", testNamespaces},
		{"failures", testFailures}, {"argument too big", testArgumentTooBig},
		{"failure with many arguments", testFailureManyArguments}, {"unreadable argv", testUnreadableArgv},
		{"32-bit", test32Bit}, {"overlay", testOverlay}, {"container", testContainer}, {"container v1", testContainerV1},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, o) })
	}
	o.Stop(t, output.Schema("execsnoop", schemaVersion, fields))
}

func testSuccess(t *testing.T, o observer) {
	self := lookup(t, workload)
	began := time.Now()
	events, _ := o.observe(t, workload, "exec", self, "masked name", "args", "/dev/null", "a b", "")
	e := one(t, events)
	qt.Check(t, qt.DeepEquals(argv(t, e), []string{"masked name", "args", "/dev/null", "a b", ""}))
	qt.Check(t, qt.Equals(number(e["argc"]), 5))
	qt.Check(t, qt.Equals(number(e["ret"]), 0))
	qt.Check(t, qt.IsNil(e["error"]))
	qt.Check(t, qt.Equals(e["filename"], any(self)))
	qt.Check(t, qt.Equals(e["exe"], any(self)))
	qt.Check(t, qt.IsNil(e["interp"]))
	when, err := time.Parse(time.RFC3339Nano, e["time"].(string))
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsTrue(!when.Before(began) && when.Before(time.Now())), qt.Commentf("%s since %s", when, began))
	cwd, err := os.Getwd()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(e["cwd"], any(cwd)))
	qt.Check(t, qt.Equals(number(e["ppid"]), os.Getpid()))
	qt.Check(t, qt.Equals(e["args_truncated"], any(false)))
	qt.Check(t, qt.Equals(e["exe_memfd"], any(false)))
	qt.Check(t, qt.Equals(e["exe_deleted"], any(false)))
	qt.Check(t, qt.Equals(e["user"], any("root")))
	qt.Check(t, qt.Equals(number(e["exec_from_tid"]), number(e["tid"])))
	qt.Check(t, qt.IsTrue(number(e["duration_ns"]) > 1000), qt.Commentf("duration %v", e["duration_ns"]))
	comm, err := os.ReadFile("/proc/self/comm")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(e["parent_comm"], any(strings.TrimSpace(string(comm)))))

	var st syscall.Stat_t
	qt.Assert(t, qt.IsNil(syscall.Stat(self, &st)))
	qt.Check(t, qt.Equals(number(e["exe_inode"]), int(st.Ino)))
}

// Not resident at entry: hooks that read there see nothing.
func testArgumentsNotResident(t *testing.T, o observer) {
	self := lookup(t, workload)
	events, _ := o.observe(t, workload, "nonresident", self, "one", "args", "/dev/null", "in a page of its own")
	qt.Check(t, qt.DeepEquals(argv(t, one(t, events)), []string{"one", "args", "/dev/null", "in a page of its own"}))
}

// Whatever another thread writes into the caller's memory, the event has what
// the new image got.
func testArgumentsRewritten(t *testing.T, o observer) {
	self := lookup(t, workload)
	dir := t.TempDir()
	const runs = 31
	got := make(map[int]string)
	for range runs {
		cmd := kerneltest.Command(t, workload, "rewrite", self, "x", "args", dir+"/PID", strings.Repeat("A", 97))
		_, _, code := kerneltest.Output(t, cmd)
		qt.Assert(t, qt.Equals(code, 0))
		b, err := os.ReadFile(filepath.Join(dir, strconv.Itoa(cmd.Process.Pid)))
		qt.Assert(t, qt.IsNil(err))
		text, err := strconv.Unquote(strings.TrimSpace(string(b)))
		qt.Assert(t, qt.IsNil(err))
		got[cmd.Process.Pid] = text
	}
	o.Settle(t)
	rewritten := 0
	for pid, text := range got {
		events := o.Of(pid)
		qt.Assert(t, qt.HasLen(events, 2)) // its own start, and the new image
		qt.Check(t, qt.Equals(argv(t, events[1])[0], "x"))
		last := argv(t, events[1])[3]
		qt.Check(t, qt.Equals(last, text))
		if strings.Contains(last, "B") {
			rewritten++
		}
	}
	t.Logf("%d of %d were rewritten during the call", rewritten, runs)
}

func testThread(t *testing.T, o observer) {
	self := lookup(t, workload)
	events, _ := o.observe(t, workload, "thread", self, "x", "args", "/dev/null")
	e := one(t, events)
	qt.Check(t, qt.Equals(number(e["tid"]), number(e["pid"])))
	qt.Check(t, qt.Not(qt.Equals(number(e["exec_from_tid"]), number(e["pid"]))))
	qt.Check(t, qt.IsTrue(number(e["duration_ns"]) > 1000), qt.Commentf("joined with its entry: %v", e["duration_ns"]))

	events, said := o.observe(t, workload, "thread", "/nonexistent", "x", "y z")
	e = one(t, events)
	qt.Check(t, qt.Equals(said, "ENOENT"))
	qt.Check(t, qt.Equals(e["error"], any("ENOENT")))
	qt.Check(t, qt.DeepEquals(argv(t, e), []string{"x", "y z"}))
	qt.Check(t, qt.Not(qt.Equals(number(e["tid"]), number(e["pid"]))))
	qt.Check(t, qt.Equals(number(e["exec_from_tid"]), number(e["tid"])))
}

func testDescriptors(t *testing.T, o observer) {
	self := lookup(t, workload)
	for way, prefix := range map[string]string{
		"execveat": "/dev/fd/",
		"fexecve":  "/dev/fd/",
		"proc-fd":  "/proc/self/fd/",
	} {
		t.Run(way, func(t *testing.T) {
			events, _ := o.observe(t, workload, way, self, "x", "args", "/dev/null")
			e := one(t, events)
			name, _ := e["filename"].(string)
			qt.Check(t, qt.IsTrue(strings.HasPrefix(name, prefix)), qt.Commentf("filename %q", name))
			qt.Check(t, qt.Equals(strings.HasSuffix(name, filepath.Base(self)), way == "execveat"))
			qt.Check(t, qt.Equals(e["exe"], any(self)))
			qt.Check(t, qt.DeepEquals(argv(t, e), []string{"x", "args", "/dev/null"}))
			qt.Check(t, qt.IsTrue(number(e["duration_ns"]) > 1000))
		})
	}
}

func testFileless(t *testing.T, o observer) {
	self := lookup(t, workload)
	events, _ := o.observe(t, workload, "memfd", self, "x", "args", "/dev/null")
	e := one(t, events)
	qt.Check(t, qt.Equals(e["exe_memfd"], any(true)))
	qt.Check(t, qt.Equals(e["exe_deleted"], any(true)))
	qt.Check(t, qt.Equals(e["exe"], any("memfd:hidden")))

	image, err := os.ReadFile(self)
	qt.Assert(t, qt.IsNil(err))
	copied := write(t, "copied", string(image), 0o755)
	events, _ = o.observe(t, workload, "deleted", copied, "x", "args", "/dev/null")
	e = one(t, events)
	qt.Check(t, qt.Equals(e["exe_memfd"], any(false)))
	qt.Check(t, qt.Equals(e["exe_deleted"], any(true)))

	// A file that only calls itself a memfd is none.
	fake := write(t, "memfd:fake", string(image), 0o755)
	events, _ = o.observe(t, workload, "exec", fake, "x", "args", "/dev/null")
	e = one(t, events)
	qt.Check(t, qt.Equals(e["exe_memfd"], any(false)))
	qt.Check(t, qt.Equals(e["exe"], any(fake)))
}

func testScripts(t *testing.T, o observer) {
	self := lookup(t, workload)
	script := write(t, "script", "#!"+self+" args\n", 0o755)
	events, _ := o.observe(t, workload, "exec", script, "hidden", "x")
	// The script's interpreter is the workload: it runs as "args SCRIPT x".
	e := one(t, events)
	qt.Check(t, qt.Equals(e["filename"], any(script)))
	qt.Check(t, qt.Equals(e["interp"], any(self)))
	qt.Check(t, qt.Equals(e["exe"], any(self)))
	qt.Check(t, qt.DeepEquals(argv(t, e), []string{self, "args", script, "x"}))
	qt.Check(t, qt.Equals(e["comm"], any("script")))

	plain := write(t, "plain", "echo hello\n", 0o755)
	events, said := o.observe(t, workload, "exec", plain, "a", "b")
	e = one(t, events)
	qt.Check(t, qt.Equals(said, "ENOEXEC"))
	qt.Check(t, qt.Equals(e["error"], any("ENOEXEC")))
	qt.Check(t, qt.DeepEquals(argv(t, e), []string{"a", "b"}))
}

func testHostileArguments(t *testing.T, o observer) {
	self := lookup(t, workload)
	hostile := []string{"x", "args", "/dev/null", "new\nline", `"quo"te'`, "tab\t", "\x1b[31mred", "", "ü✓", "\u202eevil"}
	events, _ := o.observe(t, workload, append([]string{"exec", self}, hostile...)...)
	qt.Check(t, qt.DeepEquals(argv(t, one(t, events)), hostile))

	binary := "\xff\xfe\x00"[:2] + "bytes"
	events, _ = o.observe(t, workload, "exec", self, "x", "args", "/dev/null", binary)
	e := one(t, events)
	b64, ok := e["args_b64"].([]any)
	qt.Assert(t, qt.IsTrue(ok), qt.Commentf("args_b64 is %v", e["args_b64"]))
	raw, err := base64.StdEncoding.DecodeString(b64[3].(string))
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(string(raw), binary))
}

func testLongArguments(t *testing.T, o observer) {
	self := lookup(t, workload)
	for _, size := range []int{128, 129, 4096, 7000} {
		long := strings.Repeat("x", size)
		events, _ := o.observe(t, workload, "exec", self, "x", "args", "/dev/null", long)
		e := one(t, events)
		qt.Check(t, qt.DeepEquals(argv(t, e), []string{"x", "args", "/dev/null", long}))
		qt.Check(t, qt.Equals(e["args_truncated"], any(false)))
	}
	// Beyond the record's limit: cut, and said so.
	long := strings.Repeat("y", 100_000)
	events, _ := o.observe(t, workload, "exec", self, "x", "args", "/dev/null", long, "last")
	e := one(t, events)
	qt.Check(t, qt.Equals(e["args_truncated"], any(true)))
	qt.Check(t, qt.Equals(number(e["argc"]), 5))
	cut := argv(t, e)
	qt.Check(t, qt.HasLen(cut, 4))
	qt.Check(t, qt.IsTrue(strings.HasPrefix(long, cut[3]) && len(cut[3]) > 8000), qt.Commentf("%d bytes", len(cut[3])))
}

func testManyArguments(t *testing.T, o observer) {
	self := lookup(t, workload)
	table := kerneltest.Start(t, "execsnoop", "-l", "args /dev/null a3")
	rows := map[int]bool{20: false, 21: true, 300: true}
	pids := make(map[int]string)
	for n := range rows {
		args := []string{"x", "args", "/dev/null"}
		for i := len(args); i < n; i++ {
			args = append(args, "a"+strconv.Itoa(i))
		}
		// json has them all
		events, _ := o.observe(t, workload, append([]string{"exec", self}, args...)...)
		e := one(t, events)
		qt.Check(t, qt.DeepEquals(argv(t, e), args))
		qt.Check(t, qt.Equals(number(e["argc"]), n))
		pids[n] = " " + itoa(number(e["pid"])) + " "
	}
	// the table shows twenty, and whether there are more
	qt.Assert(t, qt.Equals(table.Stop(), 0))
	for n, more := range rows {
		var lines []string
		for line := range strings.Lines(table.Stdout()) {
			if strings.Contains(line, pids[n]) {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
		qt.Assert(t, qt.HasLen(lines, 2), qt.Commentf("workload, new image:\n%s", table.Stdout()))
		qt.Check(t, qt.Equals(strings.HasSuffix(lines[1], " ..."), more), qt.Commentf("%d arguments: %s", n, lines[1]))
	}
}

func testNamespaces(t *testing.T, o observer) {
	self := lookup(t, workload)
	cmd := exec.Command(self, "exec", self, "x", "args", "/dev/null", "inside")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	qt.Assert(t, qt.IsNil(cmd.Run()))
	o.Settle(t)
	events := o.Of(cmd.Process.Pid) // ours, not the namespace's 1
	qt.Assert(t, qt.HasLen(events, 2))
	e := events[1]
	qt.Check(t, qt.Equals(argv(t, e)[0], "x"))
	qt.Check(t, qt.Equals(number(e["ppid"]), os.Getpid()))
	qt.Check(t, qt.Equals(e["exe"], any(self)))
}
