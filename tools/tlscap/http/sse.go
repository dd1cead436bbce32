package http

import "bytes"

// events finds the events in a body of text/event-stream, which can last for days: each ends with an empty line.
type events struct {
	of    Message // the response, without what an event has of its own
	b     body
	line  int // bytes of the line that is not complete, a carriage return not counted
	start int64
	index int
}

// isEventStream reports whether a body is one of events, in the clear.
func isEventStream(m *Message) bool {
	kind, _ := cutByte(m.ContentType, ';')
	encoding, encoded := m.Get("content-encoding")
	return equalFold(trim(kind), "text/event-stream") && (!encoded || equalFold(encoding, "identity"))
}

func newEvents(m *Message) *events {
	return &events{of: Message{
		Kind: KindSSE, Dir: m.Dir, Role: m.Role, Version: m.Version, Stream: m.Stream, Pushed: m.Pushed, Joined: m.Joined,
		Method: m.Method, Scheme: m.Scheme, Authority: m.Authority, Path: m.Path, ContentType: m.ContentType, Latency: -1,
	}}
}

func (e *events) add(c *conn, at int64, data []byte) {
	for len(data) > 0 {
		if e.b.size == 0 {
			e.start = at
		}
		n := bytes.IndexByte(data, '\n') + 1
		whole := n > 0
		if !whole {
			n = len(data)
		}
		line := data[:n]
		data = data[n:]
		e.b.add(c, line)
		if e.line += len(bytes.Trim(line, "\r\n")); !whole {
			continue
		}
		if e.line == 0 {
			e.emit(c, "")
		}
		e.line = 0
	}
}

func (e *events) gap(n uint64) {
	e.b.skip(n)
	e.line++ // whatever it was
}

// end emits an event that has no end.
func (e *events) end(c *conn, why string) {
	if e.b.size > 0 && why == "" {
		why = "stream ended"
	}
	e.emit(c, why)
}

// emit emits an event, without the line ends around it, unless it is empty.
func (e *events) emit(c *conn, why string) {
	m := e.of
	m.Start = e.start
	size := len(e.b.data)
	e.b.data = bytes.Trim(e.b.data, "\r\n")
	c.free(size - len(e.b.data))
	if !e.b.gap {
		e.b.size = uint64(len(e.b.data))
	}
	if e.b.size == 0 {
		e.b = body{}
		return
	}
	e.b.give(c, &m)
	m.Index, m.Incomplete = e.index, why
	e.index++
	c.send(&m)
}
