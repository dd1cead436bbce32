//go:build kernel

package main

import (
	"fmt"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// way is a way of the workload, and what must be seen of it.
type way struct {
	name string
	want string // with commas between the events
}

// byName are ways whose events are there without --all.
var byName = []way{
	{"nothing", ""},
	{"open", "open there"},
	{"open-dir", "open dir"},
	{"open-link", "open there"},
	{"open-at", "open dir,open there"},
	{"open-old", "open there"},
	{"openat2", "open there"},
	{"open-existing", "open there 0600"},
	{"open-fifo", "mknod fifo 0600,open fifo,open fifo"},
	{"create", "create new 0640,delete new"},
	{"creat", "create new 0644"},
	{"tmpfile", "tmpfile dir/#N 0600"},
	{"memfd", "memfd memfd:secret"},
	{"delete", "create gone 0644,delete gone"},
	{"delete-old", "create gone 0644,delete gone"},
	{"mkdir", "mkdir made 0750,rmdir made"},
	{"mkdir-old", "mkdir made 0750,rmdir made"},
	{"rename", "rename there dir/moved,rename dir/moved there RENAME_NOREPLACE"},
	{"rename-old", "rename there dir/moved"},
	{"exchange", "rename there dir RENAME_EXCHANGE"},
	{"link", "link there dir/second"},
	{"link-old", "link there dir/second"},
	{"symlink", "symlink dir/points ../any/target"},
	{"symlink-old", "symlink dir/points ../any/target"},
	{"mknod", "mknod fifo 0600"},
	{"mknod-old", "mknod fifo 0600"},
	{"mknod-file", "mknod node 0600"},
	{"truncate", "truncate there 123"},
	{"ftruncate", "open there,truncate there 45"},
}

// failures are events with --errors alone.
var failures = []way{
	{"open-missing", "open ENOENT missing"},
	{"open-fault", "open EFAULT ?"},
	{"create-excl", "open EEXIST there 0640"},
	{"delete-missing", "delete ENOENT missing"},
	{"mkdir-there", "mkdir EEXIST dir 0750"},
	{"rmdir-missing", "rmdir ENOENT missing"},
	{"rename-missing", "rename ENOENT missing new"},
	{"link-there", "link EEXIST there there"},
}

// others are events with --all.
var others = []way{
	{"write", "open there,write there 5/1,close there 8/2"},
	{"writev", "open there,write there 6/1,close there 6/1"},
	{"copy", "open there,create copied 0644,write copied 4096/1,close copied 4096/1"},
	{"sendfile", "open there,create sent 0644,write sent 4096/1,close sent 4096/1"},
	{"write-exit", "open there,write there 7/1,close there 7/1"},
	{"mmap", "open there,mmap there"},
	{"mmap-private", "open there"},
	{"mmap-read", "open there"},
	{"chmod", "chmod there 0600"},
	{"chmod-old", "chmod there 0600"},
	{"fchmod", "open there,chmod there 0644"},
	{"chown", "chown there"},
	{"chown-old", "chown there"},
	{"xattr", "setxattr there,removexattr there"},
}

// skips reports whether the program has no such way.
func (w way) skips() bool {
	return runtime.GOARCH == "arm64" && (strings.HasSuffix(w.name, "-old") || w.name == "creat")
}

// check runs ways by both programs under one filesnoop, and compares what was seen
// of each. The number in a temporary file's name is its inode.
func check(t *testing.T, rung, flags string, programs []string, ways []way) {
	t.Helper()
	var dirs []string
	var commands [][]string
	var of []way
	for _, program := range programs {
		for _, w := range ways {
			if !w.skips() {
				dir := place(t)
				dirs, commands, of = append(dirs, dir), append(commands, []string{program, dir, w.name}), append(of, w)
			}
		}
	}
	events, a := runAll(t, append([]string{"--rung", rung}, strings.Fields(flags)...), commands)
	qt.Check(t, qt.Equals(a.Lost, 0))
	for i, w := range of {
		got := briefs(events[i], dirs[i])
		for i, s := range got {
			got[i] = inodes.ReplaceAllString(s, "#N")
		}
		want := []string{}
		if w.want != "" {
			want = strings.Split(w.want, ",")
		}
		qt.Check(t, qt.DeepEquals(got, want), qt.Commentf("%s: %s %s", flags, commands[i][0], w.name))
	}
}

var inodes = regexp.MustCompile(`#[0-9]+`)

// both are the programs that this kernel runs.
func both(t *testing.T) []string {
	t.Helper()
	if err := exec.Command(workload32, t.TempDir(), "nothing").Run(); err != nil {
		if kernel != "" {
			t.Fatalf("kernel %s is known to run 32-bit programs: %v", kernel, err)
		}
		t.Logf("this kernel does not run 32-bit programs: %v", err)
		return []string{workload}
	}
	return []string{workload, workload32}
}

// unseen are ways of which nothing is to be seen.
func unseen(ways []way) []way {
	var out []way
	for _, w := range ways {
		out = append(out, way{w.name, ""})
	}
	return out
}

// TestNames has every event without --all, by every call, of 64-bit and 32-bit
// programs. Failures are not among them.
func TestNames(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		check(t, rung, "", both(t), append(slices.Clone(byName), unseen(failures)...))
	})
}

// TestFailures has every failure, and that -x has nothing else.
//
//vmrun:kernels 5.10 newest
func TestFailures(t *testing.T) {
	mixedToo(t, func(t *testing.T, rung string) {
		some := []way{{"open", "open there"}, {"delete", "create gone 0644,delete gone"}, {"mkdir", "mkdir made 0750,rmdir made"}, {"rename-old", "rename there dir/moved"}}
		check(t, rung, "--errors", both(t), slices.Concat(some, failures))
		if rung != "fexit" { // the same constants, and a start with a program for each call
			check(t, rung, "-x", both(t), slices.Concat(unseen(some), failures))
		}
	})
}

// TestWritesAndAttributes has what --all adds.
func TestWritesAndAttributes(t *testing.T) {
	mixedToo(t, func(t *testing.T, rung string) {
		check(t, rung, "--all", both(t), others)
	})
}

// TestSelectors: each has its own events and no others.
//
//vmrun:kernels 6.1
func TestSelectors(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		for flags, want := range map[string]map[string]string{
			"--create":              {"open": "", "create": "create new 0640", "delete": "create gone 0644", "rename": "", "mkdir": "mkdir made 0750", "write": "", "link": "link there dir/second"},
			"--delete":              {"open": "", "create": "delete new", "delete": "delete gone", "rename": "", "mkdir": "rmdir made", "write": ""},
			"--rename":              {"delete": "", "rename": "rename there dir/moved,rename dir/moved there RENAME_NOREPLACE", "open": ""},
			"--write":               {"open": "", "create": "", "write": "write there 5/1,close there 8/2", "truncate": "truncate there 123", "chmod": "", "mmap": "mmap there"},
			"--attributes --delete": {"chmod": "chmod there 0600", "open": "", "delete": "delete gone"},
			"--glob mov*":           {"open": "", "rename-old": "rename there dir/moved"},
			"-f O_RDWR":             {"open": "", "openat2": "open there", "delete": ""},
		} {
			var ways []way
			for name, events := range want {
				ways = append(ways, way{name, events})
			}
			check(t, rung, flags, []string{workload}, ways)
		}
	})
}

// TestPaths: filters by path.
//
//vmrun:kernels 6.1
func TestPaths(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		for flags, want := range map[string]map[string]string{
			"--path DIR/dir":     {"open": "", "link": "link there dir/second", "open-dir": "open dir", "symlink": "symlink dir/points ../any/target"},
			"--not-path DIR/dir": {"open": "open there", "open-dir": "", "symlink": "", "rename-old": "rename there dir/moved"},
		} {
			dir := place(t)
			var commands [][]string
			var wants []string
			for _, name := range []string{"open", "open-dir", "symlink", "link", "rename-old"} {
				if events, ok := want[name]; ok && !(way{name: name}).skips() {
					commands, wants = append(commands, []string{workload, dir, name}), append(wants, events)
				}
			}
			events, _ := runAll(t, append([]string{"--rung", rung}, strings.Fields(strings.ReplaceAll(flags, "DIR", dir))...), commands)
			for i, want := range wants {
				qt.Check(t, qt.Equals(strings.Join(briefs(events[i], dir), ","), want), qt.Commentf("%s: %v", flags, commands[i]))
			}
		}
	})
}

// TestLongAndHostileNames: a path of 4095 bytes comes whole, a longer one without
// its beginning and is counted; one of many short names comes whole; names forge nothing.
//
//vmrun:kernels 6.1
func TestLongAndHostileNames(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		dir := place(t)
		events, _ := run(t, dir, []string{"--rung", rung, "--create"}, workload, "deep")
		last := events[len(events)-1]
		path := last["path"].(string)
		qt.Check(t, qt.IsTrue(strings.HasPrefix(path, "...")), qt.Commentf("%s", path))
		qt.Check(t, qt.IsTrue(strings.HasSuffix(path, strings.Repeat("d", 255)+"/leaf")))
		qt.Check(t, qt.Equals(last["path_truncated"], any(true)))

		dir = place(t)
		events, _ = run(t, dir, []string{"--rung", rung, "--create"}, workload, "narrow")
		last = events[len(events)-1]
		qt.Check(t, qt.Equals(last["path"].(string), dir+strings.Repeat("/n", 300)+"/leaf"))
		qt.Check(t, qt.Equals(last["path_truncated"], any(false)))

		dir = place(t)
		events, _ = run(t, dir, []string{"--rung", rung, "--create"}, workload, "hostile")
		qt.Assert(t, qt.Equals(len(events), 1))
		qt.Check(t, qt.Equals(events[0]["path"].(string), dir+"/a\n\x1b[31m�"))
		qt.Check(t, qt.IsNotNil(events[0]["path_b64"]))
	})
}

// TestFlood: many threads at once, and every event is printed, filtered or lost.
//
//vmrun:kernels 5.10 newest
func TestFlood(t *testing.T) {
	eachRung(t, func(t *testing.T, rung string) {
		dir := place(t)
		r := kerneltest.Start(t, "filesnoop", "--rung", rung, "--path", dir, "--buffer", "16M", "--json")
		_, _, code := kerneltest.Output(t, kerneltest.Command(t, workload, dir, "flood"))
		qt.Assert(t, qt.Equals(code, 0))
		qt.Assert(t, qt.Equals(r.Stop(), 0))
		events, a := r.Events(func(kerneltest.Event) bool { return true }), r.Account()
		n := 0
		for _, e := range events {
			if brief(e, dir) == "open there" {
				n++
			}
		}
		// From 7.0 on the kernel can skip all copies of a program; that is told.
		skipped := 0
		if kernel == "newest" {
			skipped = min(r.Skipped(), 20)
		}
		qt.Check(t, qt.IsTrue(n <= 4000 && n+skipped >= 4000), qt.Commentf("%d: %s", n, r.Stderr()))
		qt.Check(t, qt.Equals(a.Lost, 0))
	})
}

// TestNothingStays: what was loaded is gone.
//
//vmrun:kernels 5.10 newest
func TestNothingStays(t *testing.T) {
	before := kerneltest.Loaded(t)
	r := kerneltest.Start(t, "filesnoop", "--all", "--errors", "--json")
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	kerneltest.NothingLeft(t, before)
}

// baseCaps are the capabilities that all ways to run take.
func baseCaps() []uintptr {
	caps := []uintptr{unix.CAP_BPF, unix.CAP_PERFMON}
	if kernel == "5.10" {
		caps = append(caps, unix.CAP_SYS_RESOURCE)
	}
	return caps
}

// TestLeastPrivilege runs with exactly the capabilities that are asked for, as an
// ordinary user.
//
//vmrun:kernels 5.10 newest
func TestLeastPrivilege(t *testing.T) {
	mixedToo(t, func(t *testing.T, rung string) {
		caps := baseCaps()
		for i := range caps {
			cmd := kerneltest.Command(t, "filesnoop", "--all", "--errors", "--rung", rung, "--check")
			kerneltest.OrdinaryUser(t, cmd, slices.Delete(slices.Clone(caps), i, i+1)...)
			_, stderr, code := kerneltest.Output(t, cmd)
			qt.Check(t, qt.Equals(code, 4), qt.Commentf("%s", stderr))
		}
		cmd := kerneltest.Command(t, "filesnoop", "--all", "--errors", "--rung", rung, "--json")
		kerneltest.OrdinaryUser(t, cmd, caps...)
		r := kerneltest.StartCmd(t, cmd)
		dir := place(t)
		_, _, code := kerneltest.Output(t, kerneltest.Command(t, workload, dir, "delete"))
		qt.Assert(t, qt.Equals(code, 0))
		qt.Assert(t, qt.Equals(r.Stop(), 0))
		got := r.Events(func(e kerneltest.Event) bool { return fmt.Sprint(e["path"]) == dir+"/gone" })
		qt.Check(t, qt.DeepEquals(briefs(got, dir), []string{"create gone 0644", "delete gone"}))
	})
}
