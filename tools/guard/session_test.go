package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

// TestSessions runs the command lines of testdata/*.session, which begin with $, and
// compares what is printed. With UPDATE=1 they are written anew. They look at the machine
// below testdata/root.
func TestSessions(t *testing.T) {
	for _, file := range []string{"check.session", "explain.session"} {
		t.Run(file, func(t *testing.T) {
			t.Chdir("testdata")
			want, err := os.ReadFile(file)
			qt.Assert(t, qt.IsNil(err))
			var got bytes.Buffer
			for line := range strings.Lines(string(want)) {
				switch {
				case strings.HasPrefix(line, "## "):
					got.WriteString(line)
				case strings.HasPrefix(line, "$ guard "):
					got.WriteString(line)
					session(t, &got, strings.Fields(strings.TrimPrefix(line, "$ guard ")))
				}
			}
			if os.Getenv("UPDATE") != "" {
				qt.Assert(t, qt.IsNil(os.WriteFile(file, got.Bytes(), 0o644)))
				return
			}
			gotParts, wantParts := strings.Split(got.String(), "\n$ "), strings.Split(string(want), "\n$ ")
			qt.Assert(t, qt.Equals(len(gotParts), len(wantParts)))
			for i := range gotParts {
				qt.Check(t, qt.Equals(gotParts[i], wantParts[i]))
			}
		})
	}
}

// session runs one command line.
func session(t *testing.T, to *bytes.Buffer, args []string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := newCommand().Execute(t.Context(), args, &stdout, &stderr)
	to.Write(stdout.Bytes())
	for line := range strings.Lines(stderr.String()) {
		to.WriteString("! " + line)
	}
	if code != 0 {
		fmt.Fprintf(to, "[exit %d]\n", code)
	}
	to.WriteByte('\n')
}
