package dns

import (
	"bytes"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/net/dns/dnsmessage"
)

// sane checks what must hold of a cache whatever it was told.
func sane(t *testing.T, c *Cache) {
	t.Helper()
	qt.Assert(t, qt.IsTrue(c.Len() <= maxAddresses && len(c.entries) == c.Len()))
	for e := c.order.Front(); e != nil; e = e.Next() {
		n := e.Value.(*entry).newest
		qt.Assert(t, qt.IsTrue(len(n.Name) > 0 && len(n.Name) <= 4*255 && len(n.CNAMEs) < maxChain))
		for _, name := range append([][]byte{n.Name}, n.CNAMEs...) {
			qt.Assert(t, qt.Equals(bytes.IndexFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }), -1))
		}
	}
	qt.Assert(t, qt.IsTrue(len(c.streams.byConn) <= maxStreams))
	for _, st := range c.streams.byConn {
		size := len(st.buf)
		for _, e := range st.early {
			size += len(e.data)
		}
		qt.Assert(t, qt.IsTrue(size == st.size && size <= maxStream && len(st.early) <= maxSegments))
	}
}

// FuzzMessage: no packet does harm.
func FuzzMessage(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(simple(f, "a\x00\xff.", "192.0.2.7"))
	f.Add(message(f, "a.", rr{"a.", "CNAME", "b."}, rr{"b.", "AAAA", "2001:db8::7"}))
	f.Add(edited(f, "a.", func(m *dnsmessage.Message) { m.Questions = append(m.Questions, m.Questions[0]) }, rr{"a.", "A", "192.0.2.7"}))
	f.Fuzz(func(t *testing.T, msg []byte) {
		c := New(wall{})
		qt.Assert(t, qt.IsNil(c.Add(udp(second, msg))))
		sane(t, c)
	})
}

// FuzzStream: no sequence of segments does harm. Each begins with how far it is
// from the one before, its flags and its length.
func FuzzStream(f *testing.F) {
	whole := framed(simple(f, "a.", "192.0.2.7"))
	f.Add([]byte{0, flagSYN, 0}, false)
	f.Add(append([]byte{0, 0, byte(len(whole))}, whole...), true)
	f.Add(bytes.Repeat([]byte{9, 0, 5, 0, 3, 0x80, 0, 0}, 40), true)
	f.Fuzz(func(t *testing.T, script []byte, syn bool) {
		c := New(wall{})
		p := packet{conn: connection{sport: 53}, tcp: true, seq: 1<<32 - 30}
		if syn {
			p.flags = flagSYN
			qt.Assert(t, qt.IsNil(c.Add(record(p, 6))))
			p.seq++
		}
		for len(script) >= 3 {
			p.seq += uint32(int32(int8(script[0])))
			p.flags = script[1]
			n := min(int(script[2]), len(script)-3)
			p.payload = script[3 : 3+n]
			qt.Assert(t, qt.IsNil(c.Add(record(p, 6))))
			sane(t, c)
			p.seq += uint32(n)
			script = script[3+n:]
		}
	})
}

// FuzzRecord: no record does harm.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(udp(second, simple(f, "a.", "192.0.2.7")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c := New(wall{})
		qt.Assert(t, qt.Equals(c.Add(raw) == nil, Is(raw)))
		sane(t, c)
	})
}
