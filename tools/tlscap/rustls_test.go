package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/tooltest"
	"github.com/ringside-tools/ringside/internal/trace"
	"github.com/ringside-tools/ringside/tools/tlscap/library"
)

const second = uint64(1e9)

// half makes a record of an end of a connection of rustls, as the kernel tells of it: the writer does not know its socket.
func half(text string, dir uint8, object uint64, at uint64, edit func(*record)) []byte {
	return piece(text, func(r *record) {
		r.Probe, r.Dir, r.Object, r.Head.TimeNs = 0, dir, object, at
		if dir == dirWrite {
			r.Flags, r.Sk, r.Fd = 0, 0, -1
		} else {
			r.Sk = 0xffff8880
		}
		if edit != nil {
			edit(r)
		}
	}).bytes()
}

// bound is the socket of an end.
func bound(object uint64, edit func(*record)) []byte {
	return half("", dirWrite, object, 0, func(r *record) {
		r.Head.Kind, r.Flags, r.Sk, r.Fd = kindBound, flagSocket, 0xffff8880, 5
		if edit != nil {
			edit(r)
		}
	})
}

// pass hands records to a decoder of rustls, and returns what is printed, as "conn op port text".
func pass(t testing.TB, idle uint64, records ...[]byte) (lines []string) {
	t.Helper()
	d := &decoder{probes: new(probes)}
	d.probes.add(probe{library: "/usr/bin/fetch", function: library.Function{Family: library.Rustls}})
	d.waiting = &waitingPieces{next: func(e *event, print func(*event) error) error { return print(e) }}
	numbers := make(map[uint64]int) // those of connections, from 1
	print := func(e *event) error {
		if numbers[e.conn] == 0 {
			numbers[e.conn] = len(numbers) + 1
		}
		lines = append(lines, fmt.Sprintf("%d %s %d %s", numbers[e.conn], e.op(), e.local.Port(), e.data))
		return nil
	}
	h := tooltest.Host(t)
	for _, raw := range records {
		var e event
		if err := d.decode(h, raw, &e); errors.Is(err, trace.ErrNoEvent) {
			continue
		} else {
			qt.Assert(t, qt.IsNil(err))
		}
		qt.Assert(t, qt.IsNil(d.waiting.expand(&e, print)))
		clear(raw) // it is the ring's
	}
	if idle > 0 {
		qt.Assert(t, qt.IsNil(d.waiting.release(h.Clock.Wall(idle), false, print)))
		return lines
	}
	qt.Assert(t, qt.IsNil(d.waiting.rest(nil)(true, print)))
	return lines
}

// TestEnds: what is written waits for its socket, which both ends have in common.
func TestEnds(t *testing.T) {
	const writer, reader = 0x1000, 0x1100
	other := func(r *record) { r.Sk, r.Local.Port = 0xffff9990, 500 }
	for name, c := range map[string]struct {
		idle    uint64
		records [][]byte
		want    []string
	}{
		"client": {0, [][]byte{
			half("GET", dirWrite, writer, 1, nil), bound(writer, nil), half("200", dirRead, reader, 2, nil),
		}, []string{"1 write 43784 GET", "1 read 43784 200"}},
		"server": {0, [][]byte{
			half("GET", dirRead, reader, 1, nil), half("20", dirWrite, writer, 2, nil), half("0", dirWrite, writer, 3, func(r *record) { r.Offset = 2 }), bound(writer, nil),
		}, []string{"1 read 43784 GET", "1 write 43784 20", "1 write 43784 0"}},
		"two on one thread": {0, [][]byte{
			half("a", dirWrite, writer, 1, nil), bound(writer, nil), half("b", dirWrite, 0x2000, 2, nil), bound(0x2000, other),
			half("B", dirRead, 0x2100, 3, other), half("A", dirRead, reader, 4, nil),
		}, []string{"1 write 43784 a", "2 write 500 b", "2 read 500 B", "1 read 43784 A"}},
		"moved to where another one was": {0, [][]byte{
			half("a", dirWrite, writer, 1, nil), bound(writer, nil), half("A", dirRead, reader, 2, nil),
			half("b", dirWrite, writer, 3, func(r *record) { r.Offset = 1 }), bound(writer, other), half("B", dirRead, reader, 4, func(r *record) { r.Offset = 1; other(r) }),
		}, []string{"1 write 43784 a", "1 read 43784 A", "2 write 500 b", "2 read 500 B"}},
		"a socket at the same address": {0, [][]byte{
			half("a", dirRead, reader, 1, nil), half("b", dirRead, reader, 2, func(r *record) { r.Offset, r.Remote.Port = 1, 80 }),
		}, []string{"1 read 43784 a", "2 read 43784 b"}},
		"never sent": {0, [][]byte{
			half("a", dirWrite, writer, 1, nil), half("b", dirRead, 0x2100, 2, nil),
		}, []string{"1 read 43784 b", "2 write 0 a"}},
		"sent late": {3 * second, [][]byte{half("a", dirWrite, writer, second, nil)}, []string{"1 write 0 a"}},
		"not yet":   {second + 1, [][]byte{half("a", dirWrite, writer, second, nil)}, nil},
	} {
		qt.Check(t, qt.DeepEquals(pass(t, c.idle, c.records...), c.want), qt.Commentf("%s", name))
	}
}

// TestManySockets: those that are forgotten are told as ended, and no number comes twice.
func TestManySockets(t *testing.T) {
	ended := make(map[uint64]bool)
	c := &connections{ended: func(number uint64) { ended[number] = true }}
	seen := make(map[uint64]bool)
	const many = 3 * maxConnections
	for i := range uint64(many) {
		e := &event{conn: 1}
		e.PID, e.Object, e.Sk = 1, 0x1000, i
		c.place(e)
		number := c.onSocket(e)
		qt.Assert(t, qt.IsFalse(seen[number]))
		seen[number] = true
		qt.Assert(t, qt.Equals(c.onSocket(e), number))
		qt.Assert(t, qt.IsFalse(ended[number]))
	}
	qt.Check(t, qt.IsTrue(len(c.sockets) <= maxConnections))
	qt.Check(t, qt.Equals(len(ended), many-len(c.sockets)))
}

// TestWaitingIsBounded: a program whose writes are never sent does not fill our memory.
func TestWaitingIsBounded(t *testing.T) {
	told := 0
	w := &waitingPieces{next: func(*event, func(*event) error) error { told++; return nil }}
	const size = 64 << 10
	for range 4 * maxWaiting / size {
		e := &event{data: make([]byte, size)}
		e.Dir, e.probe.function.Family = dirWrite, library.Rustls
		qt.Assert(t, qt.IsNil(w.expand(e, nil)))
		qt.Assert(t, qt.IsTrue(w.bytes <= maxWaiting+size+waitingCost))
	}
	qt.Check(t, qt.Equals(told+len(w.pieces), 4*maxWaiting/size))
	w.blind = true
	qt.Assert(t, qt.IsNil(w.release(0, true, nil)))
	qt.Check(t, qt.Equals(w.bytes, 0))
	e := &event{}
	e.Dir, e.Flags, e.probe.function.Family = dirWrite, flagSocket, library.Rustls
	qt.Assert(t, qt.IsNil(w.expand(e, nil)))
	qt.Check(t, qt.Equals(told, 4*maxWaiting/size+1))
	qt.Check(t, qt.Equals(e.Flags, 0))
}

// TestBoundIsTold: a piece that has its socket is told when there is time, also if nothing follows.
func TestBoundIsTold(t *testing.T) {
	told := 0
	w := &waitingPieces{next: func(*event, func(*event) error) error { told++; return nil }}
	rest := w.rest(nil)
	e := &event{}
	e.Time, e.Dir, e.probe.function.Family = time.Now().UnixNano(), dirWrite, library.Rustls
	qt.Assert(t, qt.IsNil(w.expand(e, nil)))
	qt.Assert(t, qt.IsNil(rest(false, nil)))
	qt.Check(t, qt.Equals(told, 0))
	w.bound(e)
	qt.Assert(t, qt.IsNil(rest(false, nil)))
	qt.Check(t, qt.Equals(told, 1))
}
