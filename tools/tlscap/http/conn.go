package http

import (
	"bytes"
	"fmt"
)

// protocol is what a connection speaks, once that is known.
type protocol uint8

const (
	protoUnknown protocol = iota
	protoHTTP1
	protoHTTP2
	protoWebSocket
)

// conn is one connection.
type conn struct {
	limits Limits
	stats  *Stats
	drafts *drafts // of the decoder
	emit   func(*Message)
	memory int
	fresh  bool // not accounted yet
	now    int64

	proto    protocol
	client   Direction // in which requests go, if known
	oriented bool      // client is known
	halves   [2]half

	requests []*request // of HTTP/1 that wait for a response, in order
	shaken   bool       // bytes were lost: which request the next response answers is not certain
	streams  map[uint32]*h2stream
	seen     uint32 // highest stream that either side opened
	deflate  bool   // of WebSocket: permessage-deflate was agreed on
	outer    *conn  // if this one goes through a stream of HTTP/2
}

// half is one direction of a connection.
type half struct {
	c      *conn
	dir    Direction
	synced bool   // a parser is in step with the bytes; otherwise a beginning is looked for
	rest   []byte // not consumed yet
	at     int64  // when the byte was seen that comes next
	held   int64  // when the oldest byte of rest was seen
	begun  bool   // something was seen before
	woken  bool   // what was held when the protocol became known was looked at again

	h1 h1half
	h2 h2half
	ws wsHalf
}

func newConn(limits Limits, stats *Stats, drafts *drafts) *conn {
	c := &conn{limits: limits, stats: stats, drafts: drafts, memory: connCost, fresh: true}
	for i := range c.halves {
		h := &c.halves[i]
		h.c, h.dir = c, Direction(i)
		h.h2.table.limit = defaultTable
	}
	return c
}

// room reports whether n more bytes may be kept, and if so counts them.
func (c *conn) room(n int) bool {
	if c.memory+n > c.limits.Conn || c.outer != nil && c.outer.memory+n > c.outer.limits.Conn {
		return false
	}
	c.memory += n
	return true
}

func (c *conn) free(n int) { c.memory -= n }

func (c *conn) role(client Direction) Role {
	if client == Sent {
		return RoleClient
	}
	return RoleServer
}

// orient notes in which direction requests go.
func (c *conn) orient(client Direction) {
	if !c.oriented {
		c.client, c.oriented = client, true
	}
}

// send emits a message and fills in what all have.
func (c *conn) send(m *Message) {
	if c.oriented && m.Role == RoleUnknown {
		m.Role = c.role(c.client)
	}
	m.End = max(c.now, m.Start)
	c.emit(m)
}

func (c *conn) add(chunk Chunk) {
	c.now = chunk.Time
	h := &c.halves[chunk.Dir&1]
	if chunk.Broken {
		c.shaken = true
		h.lose("an unknown number of bytes lost")
	}
	h.feed(chunk.Data)
	if chunk.Missing > 0 {
		h.gap(chunk.Missing)
	}
}

// feed lets the parsers consume what is there; what they cannot use yet is kept. While they work, h.rest is empty.
func (h *half) feed(data []byte) {
	old, all := len(h.rest), data
	if old > 0 {
		all = append(h.rest, data...)
		h.keep(nil)
	}
	pos := 0
	for pos < len(all) {
		h.at = h.c.now
		if pos < old {
			h.at = h.held
		}
		n := h.parse(all[pos:])
		if n == 0 {
			break
		}
		pos += n
	}
	if pos >= old {
		h.held = h.c.now
	}
	switch {
	case pos == 0 && old > 0:
		h.keep(all)
	case pos < len(all):
		h.keep(bytes.Clone(all[pos:]))
	}
	h.begun = h.begun || len(data) > 0
	h.wake()
}

// keep sets what is held for later.
func (h *half) keep(rest []byte) {
	h.c.memory += len(rest) - len(h.rest)
	h.rest = rest
}

// wake lets the other half look again at bytes that could not be told, now that this one has been.
func (h *half) wake() {
	o := &h.c.halves[h.dir.other()]
	if h.c.proto != protoUnknown && !o.synced && len(o.rest) > 0 && !o.woken {
		o.woken = true
		o.feed(nil)
	}
}

// parse consumes some of data and returns how much; nothing if more is needed.
func (h *half) parse(data []byte) int {
	if !h.synced {
		return h.seek(data)
	}
	switch h.c.proto {
	case protoHTTP1:
		return h.h1parse(data)
	case protoHTTP2:
		return h.h2parse(data)
	case protoWebSocket:
		return h.wsParse(data)
	}
	h.synced = false
	return h.seek(data)
}

// gap tells the parser of bytes that are missing.
func (h *half) gap(n uint64) {
	if h.synced && len(h.rest) == 0 {
		switch h.c.proto {
		case protoHTTP1:
			n = h.h1gap(n)
		case protoHTTP2:
			n = h.h2gap(n)
		case protoWebSocket:
			n = h.wsGap(n)
		}
		if n == 0 {
			return
		}
	}
	h.c.shaken = true
	if !h.synced {
		h.flush("")
		h.at = h.c.now
		h.raw(nil, n, "")
		return
	}
	h.lose(fmt.Sprintf("%d bytes lost", n))
}

// lose gives up the message in progress and looks for the next one.
func (h *half) lose(why string) {
	if h.synced {
		switch h.c.proto {
		case protoHTTP1:
			h.h1end(why)
		case protoHTTP2:
			h.h2lose(why)
		case protoWebSocket:
			h.wsEnd(why)
		}
		h.synced = false
	}
	h.flush(why)
}

// flush passes on raw what is held.
func (h *half) flush(why string) {
	if len(h.rest) == 0 {
		return
	}
	h.at = h.held
	rest := h.rest
	h.keep(nil)
	h.raw(rest, 0, why)
}

// raw passes on bytes that are not understood, and how many are missing after them.
func (h *half) raw(data []byte, missing uint64, why string) {
	m := &Message{Kind: KindRaw, Dir: h.dir, Start: h.at, Latency: -1, Incomplete: why}
	m.Body = data[:min(len(data), h.c.limits.Body)]
	m.BodyBytes = uint64(len(data)) + missing
	m.BodyCut = uint64(len(m.Body)) < m.BodyBytes
	if missing > 0 && why == "" {
		m.Incomplete = fmt.Sprintf("%d bytes lost", missing)
	}
	h.c.send(m)
}

func (c *conn) undecided() bool {
	for i := range c.halves {
		if h := &c.halves[i]; !h.synced && len(h.rest) > 0 {
			return true
		}
	}
	return false
}

// patience is how long bytes are held that could become HTTP: nanoseconds.
const patience = 1e9

func (c *conn) idle(now int64) {
	for i := range c.halves {
		if h := &c.halves[i]; !h.synced && len(h.rest) > 0 && now-h.held >= patience {
			c.now = max(c.now, h.held)
			h.flush("")
		}
	}
}

// end emits what is pending. Without a reason the connection was closed.
func (c *conn) end(now int64, why string) {
	c.now = max(c.now, now)
	closed := why == ""
	if closed {
		why = "connection closed"
	}
	for i := range c.halves {
		h := &c.halves[i]
		if closed && h.synced && c.proto == protoHTTP1 && h.h1close() {
			continue
		}
		if h.synced {
			h.lose(why)
		} else {
			h.flush("")
		}
	}
	c.endStreams(why)
}
