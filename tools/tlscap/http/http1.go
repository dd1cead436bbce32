package http

import (
	"bytes"
	"slices"
	"strconv"
)

// request is what a response needs to know of the request it answers.
type request struct {
	method, scheme, authority, path []byte
	start                           int64
	version                         string
	upgrade                         bool // to WebSocket
	connect                         bool
	text                            []byte // of HTTP/1: what the fields are parts of
}

// h1half is one direction of HTTP/1.
type h1half struct {
	m       *draft   // in progress, nil between messages
	req     *request // of a response, if it is known
	scanned int      // bytes of an unfinished head that have no end in them
	b       body
	kept    int // memory of the head, and of room that the body has from before
	framing framing
	left    uint64  // of the body, or of a chunk of it
	events  *events // if the body is a stream of events: the head was emitted already
}

// framing is how the end of a body is found.
type framing uint8

const (
	framingNone framing = iota
	framingLength
	framingClose
	framingChunkSize // a line with the size of the next chunk
	framingChunkData
	framingChunkEnd // the empty line behind a chunk
	framingTrailers
)

const maxChunkLine = 4096

// h1parse consumes a head, or some of a body.
func (h *half) h1parse(data []byte) int {
	if h.h1.m == nil {
		return h.h1head(data)
	}
	return h.h1body(data)
}

// h1head waits for a whole head, and begins a message.
func (h *half) h1head(data []byte) int {
	// Some send an empty line behind a body, and RFC 9112 lets them.
	if data[0] == '\r' || data[0] == '\n' {
		return 1
	}
	end := headEnd(data, h.h1.scanned)
	if end < 0 {
		if len(data) > h.c.limits.Head {
			return h.h1lost(data, "head is too long")
		}
		if h.h1.scanned == 0 { // the first look at it
			switch h.looksLike(data) {
			case isMaybe, isRequest, isResponse:
			default:
				return h.h1lost(data, "")
			}
		}
		h.h1.scanned = max(0, len(data)-3)
		return 0
	}
	h.h1.scanned = 0
	d := h.c.drafts.messages.take()
	d.head = append(d.head, data[:end]...)
	line, fields := cutLine(d.head)
	m := &d.Message
	m.Dir, m.Start, m.Latency = h.dir, h.at, -1
	d.fields = parseFields(fields, d.fields)
	m.Headers = d.fields
	if !parseStart(m, line) || (m.Kind == KindRequest) != (h.dir == h.c.client) {
		h.c.drafts.give(d, nil)
		return h.h1lost(data, "")
	}
	h.h1.m, h.h1.kept = d, d.cost()
	h.h1.b.data = d.body
	h.c.memory += h.h1.kept
	m.ContentType, _ = m.Get("content-type")
	if m.Kind == KindRequest {
		h.h1request(m)
	} else {
		h.h1response(m)
	}
	if h.h1.framing == framingNone {
		h.h1done()
	}
	return end
}

// h1lost gives up being in step: what is there is no HTTP.
func (h *half) h1lost(data []byte, why string) int {
	h.h1.scanned = 0
	h.synced, h.c.shaken = false, true
	h.raw(data, 0, why)
	return len(data)
}

// headEnd returns the length of a head with the empty line that ends it, or -1.
func headEnd(data []byte, from int) int {
	for i := from; ; {
		n := bytes.IndexByte(data[i:], '\n')
		if n < 0 {
			return -1
		}
		i += n + 1
		rest := data[i:]
		switch {
		case len(rest) > 0 && rest[0] == '\n':
			return i + 1
		case len(rest) > 1 && rest[0] == '\r' && rest[1] == '\n':
			return i + 2
		}
	}
}

func cutLine(b []byte) (line, rest []byte) {
	line, rest = cutByte(b, '\n')
	return bytes.TrimSuffix(line, []byte("\r")), rest
}

// parseFields takes the lines of a head apart, and appends them. A line without a colon continues the one before, or is a
// field without a value: it is shown, not judged.
func parseFields(b []byte, out []Header) []Header {
	out = slices.Grow(out, min(bytes.Count(b, []byte("\n")), maxFields))
	for len(b) > 0 && len(out) < maxFields {
		var line []byte
		line, b = cutLine(b)
		switch {
		case len(line) == 0:
		case (line[0] == ' ' || line[0] == '\t') && len(out) > 0:
			last := &out[len(out)-1]
			last.Value = append(append(bytes.Clone(last.Value), ' '), trim(line)...)
		default:
			name, value := cutByte(line, ':')
			out = append(out, Header{trim(name), trim(value)})
		}
	}
	return out
}

func parseStart(m *Message, line []byte) bool {
	first, rest := cutByte(line, ' ')
	if bytes.HasPrefix(first, []byte("HTTP/1.")) {
		code, reason := cutByte(rest, ' ')
		status, err := strconv.ParseUint(string(code), 10, 16)
		if err != nil || len(code) != 3 {
			return false
		}
		m.Kind, m.Version, m.Status, m.Reason = KindResponse, version(first), int(status), reason
		return true
	}
	i := bytes.LastIndexByte(rest, ' ')
	if i < 0 || !bytes.HasPrefix(rest[i+1:], []byte("HTTP/1.")) {
		return false
	}
	m.Kind, m.Method, m.Path, m.Version = KindRequest, first, trim(rest[:i]), version(rest[i+1:])
	return true
}

func version(b []byte) string {
	if string(b) == "HTTP/1.0" {
		return "HTTP/1.0"
	}
	return "HTTP/1.1"
}

func (h *half) h1request(m *Message) {
	host, _ := m.Get("host")
	r := h.c.drafts.requests.take()
	r.start, r.version = m.Start, m.Version
	r.method, r.authority, r.path = r.copy(m.Method), r.copy(host), r.copy(m.Path)
	r.connect = string(m.Method) == "CONNECT"
	r.upgrade = anyToken(m.Headers, "upgrade", "websocket")
	if at := bytes.Index(m.Path, []byte("://")); at > 0 && m.Path[0] != '/' { // to a proxy
		r.scheme, m.Scheme = r.path[:at], m.Path[:at]
	}
	m.Authority = host // not that of r, which can be gone when the message ends: some answer before
	if h.c.shaken {    // those that wait were answered, unless the client sends requests ahead, which few do
		h.c.free(streamCost * len(h.c.requests))
		h.c.requests, h.c.shaken = nil, false
	}
	if len(h.c.requests) < maxRequests {
		h.c.requests = append(h.c.requests, r)
		h.c.memory += streamCost
	} else {
		h.c.stats.EvictedParts++
	}
	h.h1.framing, h.h1.left = bodyFraming(m, framingNone)
}

func (h *half) h1response(m *Message) {
	var r *request
	if len(h.c.requests) > 0 {
		r = h.c.requests[0]
		if m.final() {
			h.c.requests = slices.Delete(h.c.requests, 0, 1)
			h.c.free(streamCost)
		}
	}
	h.h1.req = r
	method := ""
	if r != nil {
		m.Method, m.Scheme, m.Authority, m.Path = r.method, r.scheme, r.authority, r.path
		m.Latency = max(0, m.Start-r.start)
		method = string(r.method)
	}
	switch {
	case m.Status < 200, m.Status == 204, m.Status == 304, method == "HEAD", method == "CONNECT" && m.Status < 300:
		h.h1.framing = framingNone
	default:
		h.h1.framing, h.h1.left = bodyFraming(m, framingClose)
		if h.h1.framing != framingNone && isEventStream(m) {
			h.h1.events = newEvents(m)
			h.c.send(m)
		}
	}
}

// bodyFraming follows RFC 9112, section 6.3: chunks beat a length.
func bodyFraming(m *Message, otherwise framing) (framing, uint64) {
	if anyToken(m.Headers, "transfer-encoding", "chunked") {
		return framingChunkSize, 0
	}
	if value, ok := m.Get("content-length"); ok {
		value, _ = cutByte(value, ',')
		if n, err := strconv.ParseUint(string(trim(value)), 10, 63); err == nil {
			if n == 0 {
				return framingNone, 0
			}
			return framingLength, n
		}
	}
	return otherwise, 0
}

// h1done emits the message, and follows it where it leads.
func (h *half) h1done() {
	m, r := &h.h1.m.Message, h.h1.req
	response := m.Kind == KindResponse && h.dir != h.c.client
	tunnel := r != nil && r.connect && m.Status >= 200 && m.Status < 300
	webSocket, deflate := false, false
	if m.Status == 101 {
		webSocket = r != nil && r.upgrade || anyToken(m.Headers, "upgrade", "websocket")
		for _, f := range m.Headers {
			deflate = deflate || equalFold(f.Name, "sec-websocket-extensions") && bytes.Contains(f.Value, []byte("permessage-deflate"))
		}
		tunnel = !webSocket
	}
	h.h1finish("") // of m and r nothing is left
	switch {
	case response && webSocket:
		h.c.startWebSocket(deflate)
	case response && tunnel:
		h.c.restart()
	}
}

// restart forgets what the connection spoke: from here on it is a tunnel.
func (c *conn) restart() {
	c.free(streamCost * len(c.requests))
	c.proto, c.oriented, c.requests = protoUnknown, false, nil
	for i := range c.halves {
		c.halves[i].synced, c.halves[i].begun, c.halves[i].woken = false, false, false
	}
}

// h1finish emits the message in progress.
func (h *half) h1finish(why string) {
	last := h.h1
	h.h1 = h1half{}
	m := &last.m.Message
	m.Incomplete = why
	h.c.free(last.kept)
	room := last.b.data
	if last.events != nil {
		last.events.end(h.c, why)
	} else {
		last.b.give(h.c, m)
		h.c.send(m)
	}
	if r := last.req; r != nil && m.final() {
		h.c.drafts.giveRequest(r)
	}
	h.c.drafts.give(last.m, room)
}

// final reports whether a response is the last one to its request.
func (m *Message) final() bool { return m.Status >= 200 || m.Status == 101 }

// h1end emits the message in progress as incomplete, if there is one.
func (h *half) h1end(why string) {
	h.h1.scanned = 0
	if h.h1.m != nil {
		h.h1finish(why)
	}
}

// h1close ends what the end of the connection ends well, and reports whether nothing is left.
func (h *half) h1close() bool {
	if h.h1.m != nil && h.h1.framing == framingClose {
		h.h1finish("")
	}
	return h.h1.m == nil && len(h.rest) == 0
}
