package main

import (
	"time"

	"github.com/ringside-tools/ringside/internal/process"
	"github.com/ringside-tools/ringside/tools/tlscap/http"
)

// messages puts pieces together to messages of HTTP. What is none is printed as it is.
type messages struct {
	connections *connections
	decoder     *http.Decoder[uint64]
	lines       expand
	last        map[uint64]*event // by number of the connection: what was last seen of it, without bytes
	told        event             // what is printed
	print       func(*event) error
	err         error
	nextLook    time.Time
}

func newMessages(c *connections, lines expand) *messages {
	m := &messages{connections: c, lines: lines, last: make(map[uint64]*event)}
	m.decoder = http.New(http.Limits{}, m.emit)
	return m
}

// expand takes in a piece, and prints the messages that it completes.
func (m *messages) expand(e *event, print func(*event) error) error {
	if e.Flags&flagPeek != 0 {
		return nil // it will be read, and then it counts
	}
	m.print = print
	m.remember(e)
	dir := http.Received
	if e.Dir == dirWrite {
		dir = http.Sent
	}
	if e.missing > 0 {
		m.decoder.Add(e.conn, http.Chunk{Dir: dir, Time: e.Time, Missing: e.missing})
	}
	chunk := http.Chunk{Dir: dir, Time: e.Time, Data: e.data}
	if !e.more {
		chunk.Missing = uint64(e.Total) - min(uint64(e.Total), uint64(e.at)+uint64(len(e.data)))
	}
	if e.Flags&flagUnreadable != 0 {
		chunk.Missing = 0 // told before the next piece
	}
	m.decoder.Add(e.conn, chunk)
	return m.err
}

// remember keeps what a message of the connection will be told with.
func (m *messages) remember(e *event) {
	last := m.last[e.conn]
	if last == nil {
		last = new(event)
		m.last[e.conn] = last
	}
	comm := append(last.Comm[:0], e.Comm...)
	*last = *e
	last.Comm, last.data = comm, nil
}

// emit prints a message. It is called by the decoder.
func (m *messages) emit(conn uint64, msg *http.Message) {
	last := m.last[conn]
	if last == nil || m.err != nil {
		return
	}
	m.told = *last
	e := &m.told
	e.message, e.Time, e.missing = msg, msg.Start, 0
	if msg.Kind == http.KindRaw {
		e.data, e.at, e.Total, e.more = msg.Body, 0, uint32(msg.BodyBytes), false
		msg.Body = nil
		m.err = m.lines(e, m.print)
		return
	}
	e.kind = kindMessage
	m.err = m.print(e)
}

// close ends a connection.
func (m *messages) close(conn uint64) {
	if last := m.last[conn]; last != nil && m.print != nil {
		m.decoder.Close(conn, last.Time)
	}
	delete(m.last, conn)
}

// lookEvery is how often it is looked whether processes are still there.
const lookEvery = time.Second

// rest prints what has waited too long: bytes that could have become HTTP, and what
// connections of processes that ended have left.
func (m *messages) rest(end bool, print func(*event) error) error {
	m.print = print
	if end {
		m.decoder.End()
		return m.err
	}
	now := time.Now()
	m.decoder.Idle(now.UnixNano())
	if now.Before(m.nextLook) {
		return m.err
	}
	m.nextLook = now.Add(lookEvery)
	gone := make(map[uint32]bool)
	for conn, last := range m.last {
		ended, known := gone[last.PID]
		if !known {
			ended = !process.Exists(last.PID)
			gone[last.PID] = ended
		}
		if ended {
			m.close(conn)
		}
	}
	return m.err
}
