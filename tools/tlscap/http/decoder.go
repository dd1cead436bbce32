package http

import "container/list"

// Decoder decodes many connections, told apart by keys. It is for one goroutine.
type Decoder[K comparable] struct {
	limits Limits
	emit   func(K, *Message)
	stats  Stats
	drafts drafts
	conns  map[K]*list.Element
	order  *list.List // of *entry[K]; the one that spoke last is in front
	memory int
}

type entry[K comparable] struct {
	key  K
	conn *conn
}

// New returns a decoder that hands messages to emit, which must not call back. A message and all that it refers to are
// valid until emit returns.
func New[K comparable](limits Limits, emit func(K, *Message)) *Decoder[K] {
	return &Decoder[K]{limits: limits.withDefaults(), emit: emit, conns: make(map[K]*list.Element), order: list.New()}
}

// Stats returns the counts so far.
func (d *Decoder[K]) Stats() Stats { return d.stats }

// Memory returns about how many bytes are kept.
func (d *Decoder[K]) Memory() int { return d.memory }

// Add takes the next chunk of a connection. A key that is not known begins a connection. The data may be overwritten
// afterwards.
func (d *Decoder[K]) Add(key K, c Chunk) {
	el := d.conns[key]
	if el == nil {
		el = d.order.PushFront(d.newEntry(key))
		d.conns[key] = el
	} else {
		d.order.MoveToFront(el)
	}
	e := el.Value.(*entry[K])
	d.run(e, func(c2 *conn) { c2.add(c) })
	for len(d.conns) > 1 && (d.memory > d.limits.Total || len(d.conns) > d.limits.Conns) {
		oldest := d.order.Back().Value.(*entry[K])
		d.stats.EvictedConns++
		d.end(oldest, oldest.conn.now, "evicted for want of room")
	}
}

func (d *Decoder[K]) newEntry(key K) *entry[K] {
	e := &entry[K]{key, newConn(d.limits, &d.stats, &d.drafts)}
	e.conn.emit = func(m *Message) {
		d.stats.Messages++
		if m.Incomplete != "" {
			d.stats.Incomplete++
		}
		d.emit(key, m)
	}
	return e
}

// Close ends a connection: bodies that last until the end of the connection are complete, other messages are not.
func (d *Decoder[K]) Close(key K, time int64) {
	if el := d.conns[key]; el != nil {
		d.end(el.Value.(*entry[K]), time, "")
	}
}

// Idle emits bytes that were held back for a second because they could have become HTTP. It is called now and then,
// with the clock of the chunks.
func (d *Decoder[K]) Idle(time int64) {
	for el := d.order.Front(); el != nil; el = el.Next() {
		if e := el.Value.(*entry[K]); e.conn.undecided() {
			d.run(e, func(c *conn) { c.idle(time) })
		}
	}
}

// End emits what is pending on all connections, and forgets them.
func (d *Decoder[K]) End() {
	for d.order.Len() > 0 {
		oldest := d.order.Back().Value.(*entry[K])
		d.end(oldest, oldest.conn.now, "capture ended")
	}
}

func (d *Decoder[K]) end(e *entry[K], time int64, why string) {
	d.run(e, func(c *conn) { c.end(time, why) })
	d.memory -= e.conn.memory
	d.order.Remove(d.conns[e.key])
	delete(d.conns, e.key)
}

// run lets a connection work and accounts for what it keeps afterwards.
func (d *Decoder[K]) run(e *entry[K], work func(*conn)) {
	before := e.conn.memory
	if e.conn.fresh {
		e.conn.fresh, before = false, 0
	}
	work(e.conn)
	d.memory += e.conn.memory - before
}
