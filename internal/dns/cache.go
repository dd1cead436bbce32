package dns

import (
	"container/list"
	"net/netip"
	"time"
)

// Limits of the cache.
const (
	maxAddresses = 10240
	maxAge       = 24 * time.Hour
)

// Clock turns the kernel's time stamps into nanoseconds since 1970;
// [events.Clock] is one.
type Clock interface{ Wall(ns uint64) int64 }

// Cache knows the newest name of each address, and the one before.
type Cache struct {
	clock   Clock
	streams streams
	entries map[netip.Addr]*list.Element
	order   *list.List // of *entry; the one that was named last is in front
}

// entry is an address.
type entry struct {
	addr          netip.Addr
	newest, older *Name
}

// Name is what an address is called. How long the answer may be used by does not
// matter: programs keep addresses for longer, and the age is told.
type Name struct {
	Name   []byte   // that was asked for, in presentation format without the last dot
	CNAMEs [][]byte // names on the way from there to the one with the address
	At     int64    // when the answer came, nanoseconds since 1970
}

// Age is how old the answer was at a time, never less than nothing.
func (n *Name) Age(at int64) time.Duration { return max(0, time.Duration(at-n.At)) }

// New returns an empty cache.
func New(clock Clock) *Cache {
	return &Cache{
		clock:   clock,
		streams: streams{byConn: make(map[connection]*stream)},
		entries: make(map[netip.Addr]*list.Element),
		order:   list.New(),
	}
}

// Add takes a record of [Kind]. What is in it may be anything; an error says only
// that it is no such record.
func (c *Cache) Add(record []byte) error {
	p, err := decode(record)
	if err != nil {
		return err
	}
	at := c.clock.Wall(p.time)
	if !p.tcp {
		c.message(p.payload, at)
		return nil
	}
	c.streams.add(&p, func(msg []byte) { c.message(msg, at) })
	return nil
}

func (c *Cache) message(msg []byte, at int64) {
	a, ok := parse(msg)
	if !ok {
		return
	}
	for _, x := range a.addrs {
		c.put(x, &Name{Name: a.name, CNAMEs: a.cnames, At: at})
	}
}

// put gives an address a name. The one before is kept for what began before.
func (c *Cache) put(addr netip.Addr, n *Name) {
	if e, ok := c.entries[addr]; ok {
		known := e.Value.(*entry)
		if string(known.newest.Name) != string(n.Name) {
			known.older = known.newest
		}
		known.newest = n
		c.order.MoveToFront(e)
		return
	}
	if c.order.Len() >= maxAddresses {
		last := c.order.Back()
		delete(c.entries, last.Value.(*entry).addr)
		c.order.Remove(last)
	}
	c.entries[addr] = c.order.PushFront(&entry{addr: addr, newest: n})
}

// Lookup returns the name that an address had at a time, or nil. It belongs to
// the cache.
func (c *Cache) Lookup(addr netip.Addr, at int64) *Name {
	e, ok := c.entries[addr.Unmap().WithZone("")]
	if !ok {
		return nil
	}
	known := e.Value.(*entry)
	for _, n := range []*Name{known.newest, known.older} {
		if n != nil && n.At <= at && n.Age(at) <= maxAge {
			return n
		}
	}
	return nil
}

// Len is how many addresses have a name.
func (c *Cache) Len() int { return c.order.Len() }
