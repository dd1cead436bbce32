//go:build kernel

package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

const workload = "tlscap-workload"

// goPeer starts the workload with all connections open, and returns where it logs its
// secrets.
func goPeer(t testing.TB, args ...string) (w *waiting, log string) {
	t.Helper()
	log = filepath.Join(t.TempDir(), "log")
	path, err := exec.LookPath(workload)
	qt.Assert(t, qt.IsNil(err))
	return startWaiting(t, exec.Command(path, append([]string{certFile, keyFile, log}, args...)...)), log
}

// A program of Go that runs already, stripped or not: goroutines that move between threads
// and whose stacks grow, read and write at the same time.
func TestGo(t *testing.T) {
	const connections, requests, size = 7, 17, 20011 // all of it has room in the buffer
	for _, rung := range libraryRungsHere() {
		t.Run(rung, func(t *testing.T) {
			w, _ := goPeer(t, itoa(connections), itoa(requests), itoa(size))
			other, _ := goPeer(t, "1", "1", "7")
			pid := w.cmd.Process.Pid
			r := kerneltest.Start(t, "tlscap", "--json", "--raw", "--rung", rung, "-p", itoa(pid), "--buffer", "64M")
			w.finish(t)
			other.finish(t)
			qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
			qt.Check(t, qt.Equals(r.Account().Lost, 0))
			qt.Check(t, qt.Equals(r.Account().Filtered, 0)) // the other has no probes at all
			qt.Check(t, qt.Equals(len(r.Events(of(other.cmd.Process.Pid))), 0))
			all := conversations(t, r.Events(of(pid)))
			qt.Check(t, qt.Equals(len(all), 2*connections))
			want := bytes.Repeat(peerBody(size), requests)
			for key, s := range all {
				equalBytes(t, key+" read", s["read"], want)
				equalBytes(t, key+" write", s["write"], want)
			}
			validate(t, r)
		})
	}
}

// What the process has just written can be out of its memory already: a program that may sleep has it
// brought back.
//
//vmrun:kernels 5.10 newest
func TestAway(t *testing.T) {
	const requests, size = 200, 20011
	for _, rung := range libraryRungsHere() {
		t.Run(rung, func(t *testing.T) {
			w, _ := goPeer(t, "1", itoa(requests), itoa(size), "away")
			r := kerneltest.Start(t, "tlscap", "--json", "--raw", "--rung", rung, "-p", itoa(w.cmd.Process.Pid), "--buffer", "64M")
			w.finish(t)
			qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
			qt.Check(t, qt.Equals(r.Account().Lost, 0))
			events := r.Events(of(w.cmd.Process.Pid))
			unreadable := 0
			for _, e := range events {
				if e["unreadable"] == true {
					unreadable++
				}
				qt.Assert(t, qt.Equals(e["unreadable"] == true, kerneltest.Number(e["len"]) == 0), qt.Commentf("%v", e))
			}
			if kernel == "5.10" { // which has none that sleep: what was not read is told
				qt.Check(t, qt.IsTrue(unreadable > 0 && len(events) >= 4*requests), qt.Commentf("%d of %d", unreadable, len(events)))
				return
			}
			all := conversations(t, events)
			qt.Check(t, qt.Equals(len(all), 2))
			for key, s := range all {
				equalBytes(t, key+" write", s["write"], bytes.Repeat(peerBody(size), requests))
			}
		})
	}
}

// The lines are those that crypto/tls itself writes.
func TestGoKeylog(t *testing.T) {
	path, err := exec.LookPath(workload)
	qt.Assert(t, qt.IsNil(err))
	ours := filepath.Join(t.TempDir(), "ours")
	r := kerneltest.Start(t, "tlscap", "--mode", "keylog", "--keylog-file", ours, "--exe", path, "--json")
	w, log := goPeer(t, "3", "1", "5")
	w.finish(t)
	qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
	want := logged(t, log)
	qt.Check(t, qt.Equals(len(want), 3*4)) // crypto/tls does not log exporter secrets
	qt.Check(t, qt.DeepEquals(logged(t, ours), want))
}

// --list says what is there, and how it can be captured.
//
//vmrun:kernels 6.12
func TestList(t *testing.T) {
	w, _ := goPeer(t, "1", "1", "1")
	p := waitingPeer(t, "exchange", "1", "1", "1")
	stdout, stderr, code := kerneltest.Output(t, kerneltest.Command(t, "tlscap", "--list", "--json"))
	qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	var ofGo, ofPython int
	for line := range strings.Lines(stdout) {
		if strings.Contains(line, `"`+itoa(w.cmd.Process.Pid)+`"`) {
			ofGo++
			qt.Check(t, qt.StringContains(line, `"keylog":"writeKeyLog"`))
		}
		if strings.Contains(line, `"`+itoa(p.cmd.Process.Pid)+`"`) {
			ofPython++
			qt.Check(t, qt.StringContains(line, `"refused":null`))
		}
	}
	qt.Check(t, qt.Equals(ofGo, 1))
	want := 2 // libssl and libcrypto
	if kernel == "5.10" {
		want = 1 // the libcrypto of OpenSSL 1.1.1 there has nothing to probe
	}
	qt.Check(t, qt.Equals(ofPython, want))
	w.finish(t)
	p.finish(t)
}
