//go:build kernel

package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// TestOpensnoop: the table of opensnoop has names as given, also of what failed, and the path
// where the name is gone. With -F it has paths. DIR is the directory of the workload.
func TestOpensnoop(t *testing.T) {
	ways := []struct{ name, given, full string }{
		{"nothing", "", ""},
		{"open", "0 there", "0 DIR/there"},
		{"open-link", "0 link", "0 DIR/there"},
		{"open-at", "0 ../there,0 dir", "0 DIR/dir,0 DIR/there"},
		{"openat2", "0 there", "0 DIR/there"},
		{"create", "0 new", "0 DIR/new"},
		{"tmpfile", "0 dir", "0 DIR/dir/#N"},
		{"open-missing", "2 missing", "2 DIR/missing"},
		{"open-fault", "14 ?", "14 ?"},
		{"open-fifo", "0 DIR/fifo,0 dir/../fifo", "0 DIR/fifo,0 DIR/fifo"},
		{"delete-missing", "", ""},
	}
	eachRung(t, func(t *testing.T, rung string) {
		for _, full := range []bool{false, true} {
			flags := []string{"--rung", rung, "--format", "opensnoop"}
			if full {
				flags = append(flags, "-F")
			}
			r := kerneltest.Start(t, "filesnoop", flags...)
			var pids, dirs []string
			for _, w := range ways {
				dir := place(t)
				cmd := kerneltest.Command(t, workload, dir, w.name)
				_, stderr, code := kerneltest.Output(t, cmd)
				qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s: %s", w.name, stderr))
				pids, dirs = append(pids, fmt.Sprint(cmd.Process.Pid)), append(dirs, dir)
			}
			qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
			qt.Check(t, qt.Equals(r.Account().Lost, 0))
			for i, w := range ways {
				want := w.given
				if full {
					want = w.full
				}
				qt.Check(t, qt.Equals(opens(r.Stdout(), pids[i], dirs[i]), want), qt.Commentf("%s, full %v", w.name, full))
			}
		}
	})
}

// opens are error and path of the lines of a process, sorted: what it opened by a relative
// name, or in the directory, which is called DIR.
func opens(table, pid, dir string) string {
	var found []string
	for line := range strings.Lines(table) {
		f := strings.Fields(line) // PID COMM FD ERR PATH
		if f[0] != pid || strings.HasPrefix(f[4], "/") && !strings.HasPrefix(f[4], dir+"/") {
			continue
		}
		found = append(found, f[3]+" "+inodes.ReplaceAllString(strings.Replace(f[4], dir+"/", "DIR/", 1), "#N"))
	}
	slices.Sort(found)
	return strings.Join(found, ",")
}
