package loader

import (
	"math"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
)

var garbage []byte

// ownProcess is set in the process that TestWhileLoading starts for itself.
const ownProcess = "WHILE_LOADING"

// TestWhileLoading: little is not collected, much is, and afterwards all is as it was. How much there is counts for
// the whole process, and what the tests before it took is of it: hence a process that has done nothing else.
func TestWhileLoading(t *testing.T) {
	if os.Getenv(ownProcess) == "" {
		self, err := os.Executable()
		qt.Assert(t, qt.IsNil(err))
		cmd := exec.Command(self, "-test.run=^TestWhileLoading$", "-test.v")
		cmd.Env = append(os.Environ(), ownProcess+"=1")
		out, err := cmd.CombinedOutput()
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", out))
		qt.Assert(t, qt.StringContains(string(out), "--- PASS: TestWhileLoading"))
		return
	}
	collections := func() uint32 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.NumGC
	}
	before := debug.SetGCPercent(123)
	defer debug.SetGCPercent(before)

	runtime.GC()
	end, at := WhileLoading(), collections()
	for range 4 << 10 {
		garbage = make([]byte, 1<<10)
	}
	qt.Check(t, qt.Equals(collections(), at))
	for range 64 << 10 {
		garbage = make([]byte, 1<<10)
	}
	qt.Check(t, qt.IsTrue(collections() > at))
	for deadline := time.Now().Add(10 * time.Second); setting() != oftenPercent && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	qt.Check(t, qt.Equals(setting(), oftenPercent))
	qt.Check(t, qt.Equals(debug.SetMemoryLimit(-1), math.MaxInt64))
	end()
	qt.Check(t, qt.Equals(setting(), 123))

	end = WhileLoading()
	end()
	qt.Check(t, qt.Equals(setting(), 123))
	runtime.GC()
	time.Sleep(10 * time.Millisecond)
	qt.Check(t, qt.Equals(setting(), 123)) // what comes late changes nothing
}

// setting is the collector's percentage.
func setting() int {
	now := debug.SetGCPercent(100)
	debug.SetGCPercent(now)
	return now
}
