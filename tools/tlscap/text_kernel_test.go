//go:build kernel

package main

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// Every request and every answer is there once, byte for byte, at both ends of each
// connection, with the address of its socket.
//
//vmrun:kernels 5.10 6.12
func TestExactBytes(t *testing.T) {
	const connections, requests, size = 7, 71, 1009
	for _, rung := range libraryRungsHere() {
		t.Run(rung, func(t *testing.T) {
			r := kerneltest.Start(t, "tlscap", "--json", "--raw", "--rung", rung)
			pid, ports := run(t, peer(t, "exchange", itoa(connections), itoa(requests), itoa(size)))
			qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
			a := r.Account()
			qt.Check(t, qt.Equals(a.Lost, 0))
			events := r.Events(of(pid))
			want := bytes.Repeat(peerBody(size), requests)
			all := conversations(t, events)
			qt.Check(t, qt.Equals(len(all), 2*connections))
			for _, port := range words(ports) {
				ends := 0
				for key := range all {
					if strings.HasSuffix(key, "-"+port) || strings.HasPrefix(key, fmt.Sprintf("%d:%s-", pid, port)) {
						ends++
					}
				}
				qt.Check(t, qt.Equals(ends, 2), qt.Commentf("port %s", port))
			}
			for key, s := range all {
				equalBytes(t, key+" read", s["read"], want)
				equalBytes(t, key+" write", s["write"], want)
			}
			writes := 0
			for _, e := range events {
				qt.Assert(t, qt.Equals(e["local_addr"], any("127.0.0.1")))
				qt.Assert(t, qt.Equals(e["remote_addr"], any("127.0.0.1")))
				qt.Assert(t, qt.IsTrue(kerneltest.Number(e["fd"]) > 2))
				if e["op"] == "write" {
					writes++
				}
			}
			qt.Check(t, qt.Equals(writes, 2*connections*requests))
			validate(t, r)
		})
	}
}

// A megabyte in one call arrives whole, in order, and is told as one call.
//
//vmrun:kernels 5.10 6.12
func TestLargeCall(t *testing.T) {
	const size = 1<<20 + 7
	for _, rung := range libraryRungsHere() {
		t.Run(rung, func(t *testing.T) {
			r := kerneltest.Start(t, "tlscap", "--json", "--raw", "--rung", rung, "--buffer", "64M")
			pid, _ := run(t, peer(t, "exchange", "1", "1", itoa(size)))
			qt.Assert(t, qt.Equals(r.Stop(), 0))
			qt.Check(t, qt.Equals(r.Account().Lost, 0))
			events := r.Events(of(pid))
			all := conversations(t, events)
			qt.Check(t, qt.Equals(len(all), 2))
			for key, s := range all {
				equalBytes(t, key+" read", s["read"], peerBody(size))
				equalBytes(t, key+" write", s["write"], peerBody(size))
			}
			for _, e := range events {
				if e["op"] == "write" {
					qt.Check(t, qt.Equals(kerneltest.Number(e["call_len"]), size))
				}
			}
		})
	}
}

// A connection that was there before we were is seen, with its addresses; what another
// process says at the same time is not.
//
//vmrun:kernels 6.12
func TestOpenedBefore(t *testing.T) {
	for _, rung := range libraryRungsHere() {
		t.Run(rung, func(t *testing.T) {
			in, out := waitingPeer(t, "exchange", "1", "3", "211"), waitingPeer(t, "exchange", "1", "3", "211")
			pid := in.cmd.Process.Pid
			r := kerneltest.Start(t, "tlscap", "--json", "--raw", "--rung", rung, "-p", itoa(pid))
			in.finish(t)
			out.finish(t)
			qt.Assert(t, qt.Equals(r.Stop(), 0))
			qt.Check(t, qt.Equals(len(r.Events(of(out.cmd.Process.Pid))), 0))
			qt.Check(t, qt.Equals(len(r.Events(func(e kerneltest.Event) bool { return !of(pid)(e) })), 0))
			all := conversations(t, r.Events(of(pid)))
			qt.Check(t, qt.Equals(len(all), 2))
			want := bytes.Repeat(peerBody(211), 3)
			for key, s := range all {
				equalBytes(t, key+" read", s["read"], want)
				equalBytes(t, key+" write", s["write"], want)
			}
		})
	}
}

// Through memory BIOs the library never uses a socket. All is there all the same.
//
//vmrun:kernels 6.12
func TestMemoryBIO(t *testing.T) {
	r := kerneltest.Start(t, "tlscap", "--json", "--raw", "--comm", "python3")
	pid, _ := run(t, peer(t, "memory", "31", "503"))
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	streams := make(map[string][]byte)
	for _, e := range r.Events(of(pid)) {
		key := fmt.Sprintf("%v %v", e["conn"], e["op"])
		streams[key] = append(streams[key], payload(t, e)...)
	}
	qt.Check(t, qt.Equals(len(streams), 4))
	for key, got := range streams {
		equalBytes(t, key, got, bytes.Repeat(peerBody(503), 31))
	}
}

// --max-bytes cuts each call, and tells its true length.
//
//vmrun:kernels 6.12
func TestMaxBytes(t *testing.T) {
	r := kerneltest.Start(t, "tlscap", "--json", "--raw", "--max-bytes", "17", "--comm", "python3")
	pid, _ := run(t, peer(t, "exchange", "1", "5", "40000"))
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	writes := 0
	for _, e := range r.Events(of(pid)) {
		qt.Check(t, qt.Equals(kerneltest.Number(e["missing"]), 0))
		qt.Check(t, qt.Equals(e["continued"], any(false)))
		qt.Check(t, qt.Equals(kerneltest.Number(e["len"]), 17))
		if e["op"] == "write" {
			writes++
			qt.Check(t, qt.Equals(kerneltest.Number(e["call_len"]), 40000))
			qt.Check(t, qt.Equals(e["data"], any("000000000000000\n0")))
		}
	}
	qt.Check(t, qt.Equals(writes, 10))
}

// With a reader that stands still the ring overflows. What is missing is counted, and
// told where it is missing: bytes that are there and bytes that are missing are all.
//
//vmrun:kernels 5.10 6.12
func TestLoss(t *testing.T) {
	const requests, size = 61, 50021
	r := kerneltest.Start(t, "tlscap", "--json", "--raw", "--buffer", "256K", "--fail-on-loss")
	qt.Assert(t, qt.IsNil(r.Cmd.Process.Signal(syscall.SIGSTOP)))
	w := waitingPeer(t, "exchange", "1", itoa(requests), itoa(size))
	pid := w.cmd.Process.Pid
	w.finish(t)
	qt.Assert(t, qt.IsNil(r.Cmd.Process.Signal(syscall.SIGCONT)))
	// The last bytes of the connection could be lost as well: nothing would tell where.
	qt.Check(t, qt.Equals(r.Stop(), 1))
	a := r.Account()
	qt.Check(t, qt.IsTrue(a.Lost > 100), qt.Commentf("%s", r.Stderr()))
	var told uint64
	for _, e := range r.Lines() {
		if e["type"] == "lost" {
			told += uint64(kerneltest.Number(e["lost"]))
		}
	}
	qt.Check(t, qt.Equals(told, a.Lost))
	// Where something follows, what is missing before it is told with it: each byte that is
	// there has its place in what was said.
	missing := int64(0)
	at := make(map[string]int64) // of each end and direction
	body := peerBody(size)
	for _, e := range r.Events(of(pid)) {
		key := fmt.Sprintf("%v %v", e["conn"], e["op"])
		n := kerneltest.Number(e["missing"])
		missing += n
		at[key] += n
		for i, b := range payload(t, e) {
			if b != body[(at[key]+int64(i))%size] {
				t.Fatalf("%s: not what is at %d", key, at[key]+int64(i))
			}
		}
		at[key] += int64(len(payload(t, e)))
	}
	qt.Check(t, qt.IsTrue(missing > 0))
	for key, n := range at {
		qt.Check(t, qt.IsTrue(n <= requests*size), qt.Commentf("%s: %d", key, n))
	}
	validate(t, r)
}

func itoa(n int) string { return strconv.Itoa(n) }
