package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// recorder is a system log.
type recorder struct {
	lines  []string
	closed bool
}

func (r *recorder) Notice(line string) error { r.lines = append(r.lines, line); return nil }
func (r *recorder) Close() error             { r.closed = true; return nil }

// TestAudit: start, stop, who, what and why are recorded, and a reason forges no line.
func TestAudit(t *testing.T) {
	cfg, env := configure(t, "--mode", "keylog", "--keylog-file", "/tmp/k", "--uid", "www", "-p", "17", "--reason", "ticket 7\nstart uid=0", "--follow",
		"--mntns", "/n", "--cgroupmap", "/c", "--mntnsmap", "/m", "--lib", "/l", "--exe", "/e", "curl", "x")
	r := new(recorder)
	a := &audit{log: r, env: env}
	a.start(cfg)
	a.stop(errors.New("no\nway"))
	qt.Assert(t, qt.Equals(len(r.lines), 2))
	for _, want := range []string{"start pid=", " uid=", " mode=keylog", ` user="www"`, ` keylog_file="/tmp/k"`, ` reason="ticket 7\nstart uid=0"`, " pids=[17] follow=true",
		` mntns="/n"`, ` cgroupmap="/c"`, ` mntnsmap="/m"`, ` lib="/l"`, ` exe="/e"`, ` command=["curl" "x"]`} {
		qt.Check(t, qt.StringContains(r.lines[0], want))
	}
	qt.Check(t, qt.StringContains(r.lines[1], `error: no\nway`))
	qt.Check(t, qt.IsFalse(strings.Contains(strings.Join(r.lines, ""), "\n")))
	qt.Check(t, qt.IsTrue(r.closed))
	qt.Check(t, qt.Equals(env.Stderr.(*bytes.Buffer).String(), ""))
}
