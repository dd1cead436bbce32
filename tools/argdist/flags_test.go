package main

import (
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/filter"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/tooltest"
	"github.com/ringside-tools/ringside/tools/argdist/report"
)

// TestFlags has bcc's flags with bcc's letters, and ours.
func TestFlags(t *testing.T) {
	cfg, env := configure(t, "-p", "7", "-t", "8", "-z", "120", "-i", "5", "-d", "10", "-n", "2", "-v", "-c", "-T", "3",
		"-I", "linux/fs.h", "-H", "h1", "-C", "c1", "-C", "c2", "--stats", "s1", "--sum", "s2", "--keys", "9", "--linear", "0,100,10", "--json")
	qt.Check(t, qt.DeepEquals(env.Filter.PIDs, []uint32{7}))
	qt.Check(t, qt.Equals(env.Filter.Cgroup, "")) // -c is bcc's
	qt.Check(t, qt.Equals(cfg.tid, 8))
	qt.Check(t, qt.Equals(cfg.size, 120))
	qt.Check(t, qt.Equals(cfg.interval, 5*time.Second))
	qt.Check(t, qt.Equals(cfg.duration, 10*time.Second))
	qt.Check(t, qt.Equals(cfg.number, 2))
	qt.Check(t, qt.IsTrue(cfg.verbose && cfg.cumulative))
	qt.Check(t, qt.Equals(cfg.top, 3))
	qt.Check(t, qt.Equals(cfg.keys, 9))
	qt.Check(t, qt.Equals(cfg.linear, report.Scale{Low: 0, High: 100, Step: 10}))
	qt.Check(t, qt.Equals(env.Format, "json"))
	var order []string
	for _, w := range cfg.wanted() {
		order = append(order, w.text)
	}
	qt.Check(t, qt.DeepEquals(order, []string{"c1", "c2", "h1", "s2", "s1"})) // counts before histograms, as in bcc
	qt.Check(t, qt.Equals(cfg.wanted()[2].kind, report.Linear))
	_, env = configure(t, "-C", "c", "-u", "root", "--comm", "a", "--cgroup", "/x", "--container", "3f", "--mntns", "1", "--cgroupmap", "/m", "--mntnsmap", "/n")
	qt.Check(t, qt.DeepEquals(env.Filter, filter.Flags{User: "root", Comm: "a", Cgroup: "/x", Container: "3f", MntNS: "1", CgroupMap: "/m", MntNSMap: "/n"}))
	cfg, _ = configure(t, "-C", "c")
	qt.Check(t, qt.Equals(cfg.size, 80))
	qt.Check(t, qt.Equals(cfg.keys, 10240))

	qt.Check(t, qt.Equals(cfg.backend, nativeBackend))

	for _, args := range []string{"", "-C", "--backend c -C x", "-n 0 -C x", "-z 1 -C x", "-z 1000 -C x", "-i 0 -C x", "--linear 1,2 -H x", "--linear 2,1,1 -H x", "--linear 0,10,0 -H x",
		"--linear a,2,1 -H x", "--linear 0,10,1 -C x", "--list x --explain y", "--list x -C y", "--explain x -H y", "-C x stray", "--rate 3 -C x"} {
		stdout, stderr, code := execute(t, strings.Fields(args)...)
		qt.Check(t, qt.Equals(code, command.ExitUsage), qt.Commentf("%s", args))
		qt.Check(t, qt.Equals(stdout, ""), qt.Commentf("%s", args))
		qt.Check(t, qt.Equals(strings.Count(stderr, "\n"), 1), qt.Commentf("%s: %s", args, stderr))
	}
}

// TestHelpAndDocuments checks what the command says of itself.
func TestHelpAndDocuments(t *testing.T) {
	stdout, stderr, code := execute(t, "--help")
	qt.Check(t, qt.Equals(code, command.ExitOK))
	qt.Check(t, qt.Equals(stderr, ""))
	for line := range strings.SplitSeq(stdout, "\n") {
		qt.Check(t, qt.IsTrue(len(line) <= 130), qt.Commentf("%s", line))
	}
	stdout, _, _ = execute(t, "--describe", "schema")
	qt.Check(t, qt.Equals(stdout, string(report.Schema(schemaVersion))))
	for _, f := range [][]output.Field[report.Line]{report.CountFields, report.HistogramFields, report.StatsFields} {
		stdout, _, _ = execute(t, "--describe", "fields")
		for _, one := range f {
			qt.Check(t, qt.StringContains(stdout, ".BR "+one.Name+" "))
		}
	}
}

// TestManPage checks that the manual knows every flag.
func TestManPage(t *testing.T) {
	flags, _, _ := execute(t, "--describe", "flags")
	tooltest.ManPage(t, "argdist.8", flags)
}
