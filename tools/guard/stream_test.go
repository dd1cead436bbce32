package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/tools/guard/engine"
)

// TestLoss: what is lost is told as it happens, and at the end.
func TestLoss(t *testing.T) {
	lose := func(f *fake, n uint64) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.seen, f.lost = f.seen+n, f.lost+n
	}
	r := start(t, newFake(), "--json", file(t, head+shadow))
	lose(r.fake, 7)
	eventually(t, "loss in JSON", func() bool { return strings.Contains(r.stdout.String(), `"type":"lost","lost":7,"lost_total":7}`) })
	lose(r.fake, 4)
	r.fake.mu.Lock()
	r.fake.skipped = 3
	r.fake.mu.Unlock()
	r.stop()
	qt.Check(t, qt.Equals(r.end(), command.ExitOK))
	qt.Check(t, qt.StringContains(r.stdout.String(), `"type":"lost","lost":4,"lost_total":11}`))
	qt.Check(t, qt.StringContains(r.stderr.String(), "guard: 11 alerts = 0 printed + 11 lost\nguard: 3 decisions were skipped by the kernel, and so allowed: "))

	r = begin(t, newFake(), "-q", "--fail-on-loss", file(t, head+shadow))
	eventually(t, "policies", func() bool { return len(r.setSoFar()) > 0 })
	lose(r.fake, 3)
	r.stop()
	qt.Check(t, qt.Equals(r.end(), command.ExitFailure))
	qt.Check(t, qt.StringContains(r.stderr.String(), "guard: lost 3 alerts (3 so far): --buffer takes a larger size than 1048576; verdicts do not depend on it\nguard: 3 alerts = 0 printed + 3 lost\nguard: alerts were lost (--fail-on-loss)\n"))
}

// TestClosedPipe: a reader that left ends the command, with an alert or without.
func TestClosedPipe(t *testing.T) {
	for _, alerts := range [][]engine.Alert{nil, {alert(nil)}} {
		f := newFake()
		rd, wr, err := os.Pipe()
		qt.Assert(t, qt.IsNil(err))
		var errs stream
		code := make(chan int, 1)
		c := withRun(runCommandOf(&runConfig{machine: f.machine(), reload: make(chan os.Signal)}))
		name := file(t, head+shadow)
		go func() { code <- c.Execute(t.Context(), []string{"run", "--json", name}, wr, &errs) }()
		eventually(t, "tracing", func() bool { return strings.Contains(errs.String(), "tracing") })
		rd.Close()
		f.send(alerts...)
		select {
		case got := <-code:
			qt.Check(t, qt.Equals(got, command.ExitOK))
		case <-time.After(10 * time.Second):
			t.Fatal("it does not end")
		}
		qt.Check(t, qt.IsTrue(f.closed))
		wr.Close()
	}
}

// failing cannot be written to any more.
type failing struct{ io.Writer }

func (failing) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestFullDisk(t *testing.T) {
	f := newFake()
	f.send(alert(nil))
	var errs bytes.Buffer
	c := withRun(runCommandOf(&runConfig{machine: f.machine(), reload: make(chan os.Signal)}))
	code := c.Execute(t.Context(), []string{"run", "--json", file(t, head+shadow)}, failing{}, &errs)
	qt.Check(t, qt.Equals(code, command.ExitFailure))
	qt.Check(t, qt.StringContains(errs.String(), "guard: write output: no space left on device\n"))
	qt.Check(t, qt.IsTrue(f.closed))
}
