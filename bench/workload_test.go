package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/go-quicktest/qt"
)

// TestWork: the project compiles, and workloads can be done twice.
func TestWork(t *testing.T) {
	for _, program := range []string{"cc", "git", "make"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("needs %s", program)
		}
	}
	b := &bench{ctx: t.Context(), dir: t.TempDir(), sizes: quickSizes}
	quick := []workload{tarWork, gitWork, grepWork}
	qt.Assert(t, qt.IsNil(b.prepareWork(quick)))
	// All of make and find takes seconds.
	_, err := b.shell(b.workDir(), "make -s part00.o part39.o; find include -name 'ring49.h' | xargs -n 60 wc -l >../counted")
	qt.Assert(t, qt.IsNil(err))
	for _, w := range quick {
		took, err := b.doWork(w)
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.IsTrue(took > 0), qt.Commentf("%s", w.name))
	}
	for name, want := range map[string]string{
		"status":  "nothing to commit, working tree clean",
		"found":   "include/sub30/ring40.h",
		"counted": "include/sub59/ring49.h",
	} {
		data, err := os.ReadFile(filepath.Join(b.dir, "work", name))
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.StringContains(string(data), want))
	}
}

func TestWorkThatFails(t *testing.T) {
	b := &bench{ctx: t.Context(), dir: t.TempDir()}
	_, err := b.shell(b.dir, workload{line: "echo no such thing; false"}.loop(2))
	qt.Assert(t, qt.ErrorMatches(err, `(?s).*exit status 1\nno such thing\n`))
}
