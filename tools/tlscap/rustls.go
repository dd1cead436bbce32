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

// maxWaiting bounds the bytes that wait. What is beyond it is told without a socket.
const maxWaiting = 16 << 20

// waitingPieces are pieces without a socket.
type waitingPieces struct {
	next   expand
	blind  bool      // nobody will tell the socket
	pieces []*event  // in the order in which they came
	bytes  int       // of them
	latest time.Time // when an event came last
}

// expand is [trace.Tool.Expand].
func (w *waitingPieces) expand(e *event, print func(*event) error) error {
	if len(w.pieces) > 0 {
		w.latest = time.Now()
		if err := w.release(e.Time, false, print); err != nil {
			return err
		}
	}
	if e.probe.function.Family != library.Rustls || e.Dir != dirWrite {
		return w.next(e, print)
	}
	e.Flags &^= flagSocket // that is where the one before it went
	e.local, e.remote, e.Fd = netip.AddrPort{}, netip.AddrPort{}, -1
	if w.blind {
		return w.next(e, print)
	}
	w.latest = time.Now()
	held := *e
	held.Comm, held.data = bytes.Clone(e.Comm), bytes.Clone(e.data)
	w.pieces = append(w.pieces, &held)
	w.bytes += waitingCost + len(held.data)
	return nil
}

// waitingCost is about what a piece takes besides its bytes.
const waitingCost = 1 << 10

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
			return all || w.bytes > maxWaiting || e.Flags&flagSocket != 0 || time-e.Time > boundPatience
		})
		if i < 0 {
			return nil
		}
		e := w.pieces[i]
		w.pieces = slices.Delete(w.pieces, i, i+1)
		w.bytes -= waitingCost + len(e.data)
		if err := w.next(e, print); err != nil {
			return err
		}
	}
	return nil
}

// rest is [trace.Tool.Rest], and then that of what follows, which may be nil.
func (w *waitingPieces) rest(then func(bool, func(*event) error) error) func(bool, func(*event) error) error {
	return func(end bool, print func(*event) error) error {
		// If events come, it is their time that counts: we may be behind.
		all := end || time.Since(w.latest) > boundPatience
		if err := w.release(0, all, print); err != nil {
			return err
		}
		if then == nil {
			return nil
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

// socket is a connection of rustls.
type socket struct {
	number uint64
	used   uint64
}

// onSocket is the number of the connection that the event's socket has.
func (c *connections) onSocket(e *event) uint64 {
	key := socketKey{e.PID, e.Sk, e.local, e.remote}
	s := c.sockets[key]
	if s == nil {
		if c.sockets == nil {
			c.sockets = make(map[socketKey]*socket)
		}
		if len(c.sockets) >= maxConnections {
			c.forgetSockets()
		}
		c.next++
		s = &socket{number: c.next}
		c.sockets[key] = s
	}
	s.used = c.uses
	return s.number
}

// forgetSockets drops those that were not used for the longest time, or all if all are as new.
func (c *connections) forgetSockets() {
	for _, least := range []uint64{maxConnections / 2, 0} {
		for key, s := range c.sockets {
			if c.uses-s.used >= least {
				delete(c.sockets, key)
				if c.ended != nil {
					c.ended(s.number)
				}
			}
		}
		if len(c.sockets) < maxConnections {
			return
		}
	}
}
