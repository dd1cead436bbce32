package http

// A stream of HTTP/2 can be a connection of its own: of WebSocket (RFC 8441), or of whatever a proxy is asked for. It
// then is decoded as one.

// maxTunnelHead bounds heads within tunnels, of which there can be many.
const maxTunnelHead = 16 << 10

func protocolOf(fields []field) string {
	for _, f := range fields {
		if string(f.name) == ":protocol" {
			return string(f.value)
		}
	}
	return ""
}

// open begins what goes through a stream.
func (c *conn) open(s *h2stream, protocol string) {
	limits := c.limits
	limits.Head = min(limits.Head, maxTunnelHead)
	s.inner = newConn(limits, c.stats, c.drafts)
	s.inner.outer = c
	c.memory += s.inner.memory
	if protocol == "websocket" {
		s.inner.startWebSocket(false)
	}
}

// through lets what goes through a stream work, and accounts for what it keeps.
func (c *conn) through(s *h2stream, work func(*conn)) {
	in, before := s.inner, s.inner.memory
	in.emit = func(m *Message) {
		if m.Kind == KindWebSocket {
			m.Version = "HTTP/2"
		}
		if m.Kind == KindWebSocket || m.Kind == KindRaw {
			m.Stream = s.id
			if r := s.req; r != nil {
				m.Method, m.Scheme, m.Authority, m.Path = r.method, r.scheme, r.authority, r.path
			}
		}
		c.send(m)
	}
	work(in)
	in.emit = nil
	c.memory += in.memory - before
}

// shut ends what goes through a stream.
func (c *conn) shut(s *h2stream) {
	if s.inner == nil {
		return
	}
	c.through(s, func(in *conn) { in.end(c.now, "") })
	c.free(s.inner.memory)
	s.inner = nil
}

func (c *conn) forgetStream(s *h2stream) {
	c.shut(s)
	c.free(streamCost)
	delete(c.streams, s.id)
}
