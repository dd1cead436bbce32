//go:build kernel

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// TestLoss: with a small buffer and a reader that does not read, events are lost,
// counted, and told.
//
//vmrun:kernels 5.10 newest
func TestLoss(t *testing.T) {
	r, w, err := os.Pipe()
	qt.Assert(t, qt.IsNil(err))
	defer r.Close()
	cmd := kerneltest.Command(t, "filesnoop", "--json", "--buffer", "64K", "--fail-on-loss")
	cmd.Stdout = w
	run := kerneltest.StartCmd(t, cmd)
	w.Close()
	dir := place(t)
	_, _, code := kerneltest.Output(t, kerneltest.Command(t, workload, dir, "flood"))
	qt.Assert(t, qt.Equals(code, 0))
	done := make(chan string)
	go func() {
		var b strings.Builder
		buf := make([]byte, 1<<16)
		for {
			n, err := r.Read(buf)
			b.Write(buf[:n])
			if err != nil {
				done <- b.String()
				return
			}
		}
	}()
	qt.Check(t, qt.Equals(run.Stop(), 1))
	a := run.Account()
	text := <-done
	qt.Check(t, qt.IsTrue(a.Lost > 0))
	qt.Check(t, qt.Equals(uint64(strings.Count(text, `"type":"event"`)), a.Printed))
	qt.Check(t, qt.StringContains(text, `"type":"lost"`))
	qt.Check(t, qt.StringContains(run.Stderr(), "events were lost (--fail-on-loss)"))
}

// TestAlarmAndFreeze: who replaces files raises an alarm at the 20th, and is stopped,
// by an ordinary user with the capabilities that are asked for; CAP_KILL is one.
//
//vmrun:kernels 6.12
func TestAlarmAndFreeze(t *testing.T) {
	dir := place(t)
	for i := range 400 {
		qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.txt", i)), []byte("x"), 0o644)))
	}
	caps := baseCaps()
	check := kerneltest.Command(t, "filesnoop", "--freeze", "--check")
	kerneltest.OrdinaryUser(t, check, caps...)
	stdout, stderr, code := kerneltest.Output(t, check)
	qt.Check(t, qt.Equals(code, 4), qt.Commentf("%s", stderr))
	qt.Check(t, qt.StringContains(stdout+stderr, "CAP_KILL"))
	snoop := kerneltest.Command(t, "filesnoop", "--json", "--alert-only", "--path", dir, "--freeze")
	kerneltest.OrdinaryUser(t, snoop, append(caps, unix.CAP_KILL)...)
	r := kerneltest.StartCmd(t, snoop)
	script := "for f in " + dir + "/*.txt; do while read -r x; do echo $x; done <$f >$f.locked; rm $f; sleep 0.05; done"
	cmd := kerneltest.Command(t, "sh", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	qt.Assert(t, qt.IsNil(cmd.Start()))
	defer func() {
		unix.Kill(-cmd.Process.Pid, unix.SIGKILL)
		cmd.Wait()
	}()
	var status unix.WaitStatus
	_, err := unix.Wait4(cmd.Process.Pid, &status, unix.WUNTRACED, nil)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsTrue(status.Stopped()), qt.Commentf("it ended: %v", status))
	lost, err := filepath.Glob(dir + "/*.locked")
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.IsTrue(len(lost) >= 20 && len(lost) < 30), qt.Commentf("%d files", len(lost)))
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	events := r.Events(func(e kerneltest.Event) bool { return true })
	qt.Assert(t, qt.Equals(len(events), 1))
	qt.Check(t, qt.Equals(fmt.Sprint(events[0]["alert"], events[0]["alert_files"]), "replace20"))
	qt.Check(t, qt.Equals(len(events[0]["alert_evidence"].([]any)), 8))
}
