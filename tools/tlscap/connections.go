package main

// connections numbers connections, and finds what is missing of them.
type connections struct {
	all     map[connectionKey]*stream
	sockets map[socketKey]*socket // of rustls
	next    uint64
	uses    uint64
	ended   func(number uint64) // told of those that are forgotten; may be nil
}

// connectionKey tells connections apart: objects come back at the same address.
type connectionKey struct {
	pid    uint32
	object uint64
	born   uint64
}

// stream is what is known of a connection.
type stream struct {
	number uint64
	offset [2]uint64 // bytes seen or known to be lost, by direction
	used   uint64
}

// key is what tells the event's connection apart.
func (e *event) key() connectionKey { return connectionKey{e.PID, e.Object, e.BornNs} }

// maxConnections bounds what is remembered. The kernel forgets as many.
const maxConnections = 16384

// place fills in the number of the connection, and how much of it is missing before the
// event.
func (c *connections) place(e *event) {
	r := &e.bpfTlsRecord
	s := c.get(e.key())
	e.conn, e.missing = s.number, 0
	if r.Flags&flagPeek != 0 {
		return // does not move the stream
	}
	dir := r.Dir & 1
	if r.Offset > s.offset[dir] {
		e.missing = r.Offset - s.offset[dir]
	}
	end := r.Offset + uint64(len(e.data))
	if r.Flags&(flagLimited|flagNoData) != 0 && !e.more { // the rest of the call was left out on purpose
		end = r.Offset - uint64(r.At) + uint64(r.Total)
	}
	s.offset[dir] = max(s.offset[dir], end)
}

func (c *connections) get(key connectionKey) *stream {
	c.uses++
	if s := c.all[key]; s != nil {
		s.used = c.uses
		return s
	}
	if c.all == nil {
		c.all = make(map[connectionKey]*stream)
	}
	if len(c.all) >= maxConnections {
		c.forget()
	}
	c.next++
	s := &stream{number: c.next, used: c.uses}
	c.all[key] = s
	return s
}

// forget drops the half of the connections that was not used for the longest time.
func (c *connections) forget() {
	for key, s := range c.all {
		if c.uses-s.used > maxConnections/2 {
			c.end(key)
		}
	}
	if len(c.all) >= maxConnections { // all are as new
		for key := range c.all {
			c.end(key)
		}
	}
}

// end forgets a connection, if it is known.
func (c *connections) end(key connectionKey) {
	s := c.all[key]
	if s == nil {
		return
	}
	if c.ended != nil {
		c.ended(s.number)
	}
	delete(c.all, key)
}
