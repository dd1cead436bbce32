package main

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"github.com/ringside-tools/ringside/tools/tlscap/library"
)

// What is written to a connection of rustls is seen before it goes to a socket (rust.h). Until the kernel
// tells which one that was, in a record of kind bound, it waits here.

// boundPatience is how long bytes wait for their socket, in nanoseconds. Usually they are sent by the
// next system call.
const boundPatience = 1e9

// waitingPieces are pieces without a socket.
type waitingPieces struct {
	next   expand
	pieces []*event // in the order in which they came
}

// expand is [trace.Tool.Expand].
func (w *waitingPieces) expand(e *event, print func(*event) error) error {
	if err := w.release(e.Time, false, print); err != nil {
		return err
	}
	if e.probe.function.Family != library.Rustls || e.Dir != dirWrite {
		return w.next(e, print)
	}
	held := *e
	held.Comm, held.data = bytes.Clone(e.Comm), bytes.Clone(e.data)
	held.Flags &^= flagSocket // that is where the one before it went
	held.local, held.remote, held.Fd = netip.AddrPort{}, netip.AddrPort{}, -1
	w.pieces = append(w.pieces, &held)
	return nil
}

// bound tells pieces that wait which socket they went to, by an event that has the same object.
func (w *waitingPieces) bound(to *event) {
	for _, e := range w.pieces {
		if e.Flags&flagSocket == 0 && e.key() == to.key() {
			e.conn, e.Fd, e.local, e.remote = to.conn, to.Fd, to.local, to.remote
			e.Flags |= flagSocket
		}
	}
}

// release hands over the pieces that have a socket now, and those that waited for too long. time
// is of the clock of events; all: whether the others are handed over as well.
func (w *waitingPieces) release(time int64, all bool, print func(*event) error) error {
	for len(w.pieces) > 0 {
		i := slices.IndexFunc(w.pieces, func(e *event) bool {
			return all || e.Flags&flagSocket != 0 || time-e.Time > boundPatience
		})
		if i < 0 {
			return nil
		}
		e := w.pieces[i]
		w.pieces = slices.Delete(w.pieces, i, i+1)
		if err := w.next(e, print); err != nil {
			return err
		}
	}
	return nil
}

// rest is [trace.Tool.Rest], and then that of what follows, which may be nil.
func (w *waitingPieces) rest(then func(bool, func(*event) error) error) func(bool, func(*event) error) error {
	return func(end bool, print func(*event) error) error {
		if err := w.release(time.Now().UnixNano(), end, print); err != nil || then == nil {
			return err
		}
		return then(end, print)
	}
}

// socketKey is a socket of a process: what the two ends of a connection of rustls, which are
// objects of their own, have in common. A socket can come back at the same address.
type socketKey struct {
	pid           uint32
	sk            uint64
	local, remote netip.AddrPort
}

// onSocket is the number of the connection that the event's socket has; it is the event's own if the
// socket is new.
func (c *connections) onSocket(e *event) uint64 {
	key := socketKey{e.PID, e.Sk, e.local, e.remote}
	number, ok := c.sockets[key]
	if !ok {
		if number = e.conn; c.taken[number] {
			c.next++
			number = c.next
		}
		if c.sockets == nil || len(c.sockets) >= maxConnections {
			c.sockets, c.taken = make(map[socketKey]uint64), make(map[uint64]bool)
		}
		c.sockets[key], c.taken[number] = number, true
	}
	return number
}
