package http

import (
	"bytes"
	"slices"
)

// h2stream is a stream of HTTP/2: a request and its response.
type h2stream struct {
	id     uint32
	req    *request
	pushed bool
	inner  *conn     // what goes through it, after a CONNECT
	sides  [2]h2side // by direction
}

// h2side is what goes in one direction of a stream.
type h2side struct {
	m       *Message // in progress
	b       body
	grpc    *grpc
	events  *events
	kept    int // memory of heads
	begun   bool
	sent    bool // the head was emitted already
	done    bool
	problem string
}

// stream returns a stream, which is made if need be; the one that is oldest makes room.
func (c *conn) stream(id uint32) *h2stream {
	if s := c.streams[id]; s != nil {
		return s
	}
	for len(c.streams) >= maxStreams || len(c.streams) > 0 && c.memory+streamCost > c.limits.Conn {
		oldest := id
		for other := range c.streams {
			oldest = min(oldest, other)
		}
		if oldest == id { // older than all, and there is no room
			for other := range c.streams {
				oldest = max(oldest, other)
			}
		}
		c.stats.EvictedParts++
		c.finishStream(c.streams[oldest], "evicted for want of room")
	}
	s := &h2stream{id: id}
	c.streams[id] = s
	c.memory += streamCost
	return s
}

// finishStream emits what is pending of a stream, the request first, and forgets it. It reports whether there was any.
func (c *conn) finishStream(s *h2stream, why string) (emitted bool) {
	first := Sent
	if c.oriented {
		first = c.client
	}
	for _, dir := range []Direction{first, first.other()} {
		if side := &s.sides[dir]; side.begun && !side.done {
			emitted = emitted || !side.sent
			c.halves[dir].finishSide(s, why)
		}
	}
	c.forgetStream(s)
	return emitted
}

// endStreams emits what is pending, in the order of streams.
func (c *conn) endStreams(why string) {
	ids := make([]uint32, 0, len(c.streams))
	for id := range c.streams {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		c.finishStream(c.streams[id], why)
	}
}

// spoilStreams ends the messages in progress of this direction.
func (h *half) spoilStreams(why string) {
	ids := make([]uint32, 0, len(h.c.streams))
	for id, s := range h.c.streams {
		if side := &s.sides[h.dir]; side.begun && !side.done {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	for _, id := range ids {
		if s := h.c.streams[id]; s != nil {
			h.finishSide(s, why)
			h.c.dropIfDone(s)
		}
	}
}

// head takes a header block: a head, that of an informational response, or trailers.
func (h *half) head(id uint32, fields []field, why string) {
	s := h.c.stream(id)
	side := &s.sides[h.dir]
	if side.done {
		return
	}
	if !side.begun && areTrailers(fields) {
		h.side(id)
	}
	if side.begun && side.m != nil {
		side.m.Trailers = append(side.m.Trailers, regular(fields)...)
		side.kept += cost(fields)
		h.c.memory += cost(fields)
		if why != "" {
			side.problem = why
		}
		return
	}
	m := h.newMessage(s, h.h2.started)
	side.begun, side.m, side.problem = true, m, why
	side.kept = cost(fields)
	h.c.memory += side.kept
	m.Headers = regular(fields)
	m.ContentType, _ = m.Get("content-type")
	h.classify(s, m, fields)
	protocol := protocolOf(fields)
	if m.Kind == KindRequest {
		s.req = &request{method: m.Method, scheme: m.Scheme, authority: m.Authority, path: m.Path, start: m.Start}
	} else {
		h.answers(s, m)
	}
	if m.Kind == KindResponse && m.Status >= 100 && m.Status < 200 && !h.h2.opening.has(flagEndStream) {
		h.finishSide(s, "")
		*side = h2side{}
		return
	}
	now := false // a call can last for days, and so can events and tunnels
	switch {
	case m.Kind == KindRequest && string(m.Method) == "CONNECT" && s.inner == nil:
		h.c.open(s, protocol)
		now = true
	case m.Kind == KindResponse && s.inner != nil:
		if m.Status >= 300 {
			h.c.shut(s)
			break
		}
		if header, ok := m.Get("sec-websocket-extensions"); ok {
			s.inner.deflate = hasToken(header, "permessage-deflate")
		}
		now = true
	case isGRPC(m.ContentType):
		side.grpc = newGRPC(m)
		now = m.Kind == KindRequest
	case m.Kind == KindResponse && isEventStream(m):
		side.events = newEvents(m)
		now = true
	}
	if now && why == "" {
		h.c.free(side.kept)
		side.kept, side.sent = 0, true
		h.c.send(m)
	}
}

func (h *half) newMessage(s *h2stream, start int64) *Message {
	joined := h.h2.joined || h.c.halves[h.dir.other()].h2.joined
	return &Message{Dir: h.dir, Start: start, Latency: -1, Version: "HTTP/2", Stream: s.id, Pushed: s.pushed, Joined: joined}
}

// answers gives a response what is known of its request.
func (h *half) answers(s *h2stream, m *Message) {
	if r := s.req; r != nil {
		m.Method, m.Scheme, m.Authority, m.Path = r.method, r.scheme, r.authority, r.path
		m.Latency = max(0, m.Start-r.start)
	}
}

// side returns one direction of a stream for a body, whose head can have been missed.
func (h *half) side(id uint32) (*h2stream, *h2side) {
	s := h.c.stream(id)
	side := &s.sides[h.dir]
	if side.done {
		return s, nil
	}
	if !side.begun {
		side.begun, side.problem = true, "head was not seen"
		side.m = h.newMessage(s, h.at)
		if side.m.Kind = h.kindOf(s); side.m.Kind == KindResponse {
			h.answers(s, side.m)
		}
	}
	return s, side
}

func (h *half) body(id uint32, data []byte) {
	s, side := h.side(id)
	switch {
	case side == nil:
	case s.inner != nil:
		h.c.through(s, func(in *conn) { in.add(Chunk{Dir: h.dir, Time: h.c.now, Data: data}) })
	case side.grpc != nil:
		side.b.size += uint64(len(data))
		side.grpc.add(h, s, data)
	case side.events != nil:
		side.events.add(h.c, h.at, data)
	default:
		side.b.add(h.c, data)
	}
}

func (h *half) bodyGap(id uint32, n uint64) {
	if n == 0 {
		return
	}
	s, side := h.side(id)
	switch {
	case side == nil:
	case s.inner != nil:
		h.c.through(s, func(in *conn) { in.add(Chunk{Dir: h.dir, Time: h.c.now, Missing: n}) })
	case side.grpc != nil:
		side.b.size += n
		side.grpc.gap(h, s, n)
	case side.events != nil:
		side.events.gap(n)
	default:
		side.b.skip(n)
	}
}

func (h *half) endStream(id uint32) {
	s := h.c.streams[id]
	if s == nil {
		return
	}
	if side := &s.sides[h.dir]; side.begun && !side.done {
		h.finishSide(s, "")
	}
	h.c.dropIfDone(s)
}

// dropIfDone forgets a stream whose response is complete and whose request is, or was not seen.
func (c *conn) dropIfDone(s *h2stream) {
	for i := range s.sides {
		other := &s.sides[i^1]
		if s.sides[i].done && (other.done || !other.begun && (s.pushed || c.oriented && Direction(i) != c.client)) {
			c.forgetStream(s)
			return
		}
	}
}

// finishSide emits the message of this direction.
func (h *half) finishSide(s *h2stream, why string) {
	side := &s.sides[h.dir]
	m := side.m
	side.done = true
	if side.grpc != nil {
		side.grpc.end(h, s, why)
	}
	if side.events != nil {
		side.events.end(h.c, why)
	}
	h.c.free(side.kept)
	if side.sent {
		h.c.free(len(side.b.data))
		*side = h2side{begun: true, done: true}
		return
	}
	if side.grpc != nil {
		m.BodyBytes = side.b.size
		m.Error = grpcStatus(m)
	} else {
		side.b.give(h.c, m)
	}
	if side.problem != "" {
		why = side.problem
	}
	m.Incomplete = why
	*side = h2side{begun: true, done: true}
	h.c.send(m)
}

// promised takes the request that a server answers without being asked.
func (h *half) promised(id uint32, fields []field, why string) {
	s := h.c.stream(id)
	s.pushed = true
	m := h.newMessage(s, h.h2.started)
	m.Headers = regular(fields)
	h.classify(s, m, fields)
	m.Kind, m.Incomplete = KindRequest, why
	s.req = &request{method: m.Method, scheme: m.Scheme, authority: m.Authority, path: m.Path, start: m.Start}
	h.c.send(m)
}

// reset ends a stream. What was pending says so; if nothing was, a message of its own does.
func (h *half) reset(id uint32, code uint32) {
	name := errorName(code)
	s := h.c.streams[id]
	r := (*request)(nil)
	if s != nil {
		r = s.req
		if h.c.finishStream(s, "stream reset: "+name) {
			return
		}
	}
	m := &Message{Kind: KindReset, Dir: h.dir, Start: h.at, Version: "HTTP/2", Stream: id, Latency: -1, Error: name}
	if r != nil {
		m.Method, m.Scheme, m.Authority, m.Path = r.method, r.scheme, r.authority, r.path
	}
	h.c.send(m)
}

func isGRPC(contentType []byte) bool { return bytes.HasPrefix(contentType, []byte("application/grpc")) }
