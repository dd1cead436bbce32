package dns

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/net/dns/dnsmessage"
)

const second = time.Second

// TestDecode has every field of a record. That Go and C mean the same bytes is
// checked where there is an object (tools/tcpconnect).
func TestDecode(t *testing.T) {
	var r Record
	r.Head.TimeNs, r.Head.Kind, r.Seq, r.Sport, r.Dport = 1, Kind, 2, 3, 4
	r.Saddr[15], r.Daddr[15], r.Version, r.Protocol, r.Flags, r.Len = 5, 6, 7, protocolTCP, 9, 1
	raw, err := binary.Append(nil, binary.NativeEndian, r)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(len(raw), recordSize))
	p, err := decode(append(raw, 0xaa, 0xbb))
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(p.payload, []byte{0xaa}))
	qt.Check(t, qt.Equals(p.conn, connection{saddr: r.Saddr, daddr: r.Daddr, sport: 3, dport: 4, version: 7}))
	qt.Check(t, qt.Equals(p.time, 1))
	qt.Check(t, qt.Equals(p.seq, 2))
	qt.Check(t, qt.Equals(p.flags, 9))
	qt.Check(t, qt.IsTrue(p.tcp))
	_, err = decode(raw[:recordSize-1])
	qt.Check(t, qt.ErrorMatches(err, "decode answer of DNS: 111 bytes are none"))
}

// TestMessages has what answers say, and what is none.
func TestMessages(t *testing.T) {
	for _, test := range []struct {
		what string
		msg  []byte
		want map[string]string
	}{
		{"one address", simple(t, "example.org.", "192.0.2.7"), map[string]string{"192.0.2.7": "example.org", "192.0.2.8": ""}},
		{"IPv6", simple(t, "example.org.", "2001:db8::7"), map[string]string{"2001:db8::7": "example.org"}},
		{"IPv4 in IPv6", simple(t, "example.org.", "::ffff:192.0.2.7"), map[string]string{"192.0.2.7": "example.org", "::ffff:192.0.2.7": "example.org"}},
		{"some", message(t, "a.", rr{"a.", "A", "192.0.2.1"}, rr{"a.", "A", "192.0.2.2"}), map[string]string{"192.0.2.1": "a", "192.0.2.2": "a"}},
		{"a chain", message(t, "www.a.", rr{"www.a.", "CNAME", "b.cdn."}, rr{"b.cdn.", "CNAME", "c.cdn."}, rr{"c.cdn.", "A", "192.0.2.1"}),
			map[string]string{"192.0.2.1": "www.a>b.cdn>c.cdn"}},
		{"a chain that bites its tail", message(t, "a.", rr{"a.", "CNAME", "b."}, rr{"b.", "CNAME", "a."}, rr{"b.", "A", "192.0.2.1"}), map[string]string{"192.0.2.1": "a>b"}},
		{"another's address", message(t, "a.", rr{"bank.", "A", "192.0.2.1"}, rr{"a.", "A", "192.0.2.2"}), map[string]string{"192.0.2.1": "", "192.0.2.2": "a"}},
		{"another type in between", message(t, "a.", rr{"a.", "TXT", "x"}, rr{"a.", "A", "192.0.2.1"}), map[string]string{"192.0.2.1": "a"}},
		{"letters have no case", message(t, "WwW.a.", rr{"www.A.", "A", "192.0.2.1"}), map[string]string{"192.0.2.1": "WwW.a"}},
		{"the root", simple(t, ".", "192.0.2.1"), map[string]string{"192.0.2.1": "."}},
		{"hostile bytes", simple(t, "a\x1b\n \\\xff.", "192.0.2.1"), map[string]string{"192.0.2.1": `a\027\010\032\\\255`}},
		{"no answers", message(t, "a."), map[string]string{"192.0.2.1": ""}},
		{"only a chain", message(t, "a.", rr{"a.", "CNAME", "b."}), map[string]string{"192.0.2.1": ""}},
		{"a question", edited(t, "a.", func(m *dnsmessage.Message) { m.Response = false }, rr{"a.", "A", "192.0.2.1"}), map[string]string{"192.0.2.1": ""}},
		{"an error", edited(t, "a.", func(m *dnsmessage.Message) { m.RCode = dnsmessage.RCodeNameError }, rr{"a.", "A", "192.0.2.1"}), map[string]string{"192.0.2.1": ""}},
		{"another question", edited(t, "a.", func(m *dnsmessage.Message) { m.Questions[0].Type = dnsmessage.TypeTXT }, rr{"a.", "A", "192.0.2.1"}), map[string]string{"192.0.2.1": ""}},
		{"no question", edited(t, "a.", func(m *dnsmessage.Message) { m.Questions = nil }, rr{"a.", "A", "192.0.2.1"}), map[string]string{"192.0.2.1": ""}},
		{"cut off", cutOff(message(t, "a.", rr{"a.", "A", "192.0.2.1"}, rr{"a.", "A", "192.0.2.2"}), 3), map[string]string{"192.0.2.1": "a", "192.0.2.2": ""}},
	} {
		c := New(wall{})
		qt.Assert(t, qt.IsNil(c.Add(udp(second, test.msg))))
		for addr, want := range test.want {
			qt.Check(t, qt.Equals(called(c, addr, 2*second), want), qt.Commentf("%s: %s", test.what, addr))
		}
	}
}

func cutOff(b []byte, n int) []byte { return b[:len(b)-n] }

// TestLimits: no message makes more of us than this.
func TestLimits(t *testing.T) {
	var many, long []rr
	for i := range 2 * maxAnswers {
		many = append(many, rr{"a.", "A", number(i)})
	}
	for i := range 2 * maxChain {
		long = append(long, rr{fmt.Sprintf("%d.", i), "CNAME", fmt.Sprintf("%d.", i+1)})
	}
	long = append(long, rr{"1.", "A", "192.0.2.1"}, rr{fmt.Sprintf("%d.", 2*maxChain), "A", "192.0.2.2"})
	c := New(wall{})
	qt.Assert(t, qt.IsNil(c.Add(udp(second, message(t, "a.", many...)))))
	qt.Check(t, qt.Equals(c.Len(), maxAnswers))
	qt.Assert(t, qt.IsNil(c.Add(udp(second, message(t, "0.", long...)))))
	n := called(c, "192.0.2.1", second)
	qt.Check(t, qt.Equals(strings.Count(n, ">"), maxChain-1))
	qt.Check(t, qt.Equals(called(c, "192.0.2.2", second), ""))

	c = New(wall{})
	for i := range maxAddresses + 7 {
		qt.Assert(t, qt.IsNil(c.Add(udp(second, simple(t, "a.", number(i))))))
		if i == 100 {
			qt.Assert(t, qt.IsNil(c.Add(udp(second, simple(t, "b.", number(0)))))) // named again
		}
	}
	qt.Check(t, qt.Equals(c.Len(), maxAddresses))
	qt.Check(t, qt.Equals(len(c.entries), maxAddresses))
	qt.Check(t, qt.Equals(called(c, number(0), second), "b"))
	qt.Check(t, qt.Equals(called(c, number(1), second), ""))
	qt.Check(t, qt.Equals(called(c, number(8), second), "a"))
}

// TestTimes: the newest answer wins, but not over what began before it.
func TestTimes(t *testing.T) {
	c := New(wall{})
	add := func(at time.Duration, name string) {
		qt.Assert(t, qt.IsNil(c.Add(udp(at, simple(t, name, "192.0.2.1")))))
	}
	add(10*second, "old.")
	qt.Check(t, qt.Equals(called(c, "192.0.2.1", 9*second), ""))
	add(20*second, "new.")
	add(30*second, "new.")
	for at, want := range map[time.Duration]string{10 * second: "old", 19 * second: "old", 30 * second: "new", 40 * second: "new"} {
		qt.Check(t, qt.Equals(called(c, "192.0.2.1", at), want), qt.Commentf("%s", at))
	}
	add(50*second, "newest.")
	qt.Check(t, qt.Equals(called(c, "192.0.2.1", 49*second), "new"))
	qt.Check(t, qt.Equals(called(c, "192.0.2.1", 50*second+maxAge), "newest"))
	qt.Check(t, qt.Equals(called(c, "192.0.2.1", 51*second+maxAge), ""))

	n := Name{At: int64(10 * second)}
	qt.Check(t, qt.Equals(n.Age(int64(12*second)), 2*second))
	qt.Check(t, qt.Equals(n.Age(0), 0))
}

// framed puts the length before each message.
func framed(msgs ...[]byte) []byte {
	var out []byte
	for _, m := range msgs {
		out = binary.BigEndian.AppendUint16(out, uint16(len(m)))
		out = append(out, m...)
	}
	return out
}

// TestStreams puts messages together from segments of a TCP stream.
func TestStreams(t *testing.T) {
	a, b, d := simple(t, "a.", "192.0.2.1"), simple(t, "b.", "192.0.2.2"), simple(t, "d.", "192.0.2.3")
	all := framed(a, b, d)
	const isn = 1<<32 - 20 // so that it wraps
	type part struct{ from, to int }
	first := len(framed(a))
	for _, test := range []struct {
		what  string
		syn   bool
		parts []part
		want  string
	}{
		{"in one", true, []part{{0, len(all)}}, "a b d"},
		{"in two", true, []part{{0, 5}, {5, len(all)}}, "a b d"},
		{"the length in two", true, []part{{0, 1}, {1, len(all)}}, "a b d"},
		{"in disorder", true, []part{{40, len(all)}, {5, 40}, {0, 5}}, "a b d"},
		{"twice", true, []part{{0, 30}, {0, 30}, {30, len(all)}, {0, len(all)}}, "a b d"},
		{"overlapping", true, []part{{0, 30}, {20, 60}, {50, len(all)}}, "a b d"},
		{"early and overlapping", true, []part{{30, 60}, {20, len(all)}, {0, 35}}, "a b d"},
		{"something is missing", true, []part{{0, first}, {first + 5, len(all)}}, "a"},
		{"joined at a message", false, []part{{first, len(all)}}, "b d"},
		{"joined inside one, the next packet begins one", false, []part{{5, first}, {first, len(all)}}, "b d"},
		{"joined inside one", false, []part{{5, len(all)}}, ""},
	} {
		c := New(wall{})
		conn := connection{sport: 53, dport: 40001, version: 4}
		send := func(seq uint32, flags uint8, payload []byte) {
			qt.Assert(t, qt.IsNil(c.Add(record(packet{time: uint64(second), conn: conn, tcp: true, seq: seq, flags: flags, payload: payload}, 4))))
		}
		if test.syn {
			send(isn-1, flagSYN, nil)
		}
		for _, p := range test.parts {
			send(isn+uint32(p.from), 0, all[p.from:p.to])
		}
		var got []string
		for _, addr := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"} {
			if name := called(c, addr, second); name != "" {
				got = append(got, name)
			}
		}
		qt.Check(t, qt.Equals(strings.Join(got, " "), test.want), qt.Commentf("%s", test.what))
		send(isn+uint32(len(all)), flagRST, nil)
		qt.Check(t, qt.Equals(len(c.streams.byConn), 0), qt.Commentf("%s", test.what))
	}
}

// TestStreamLimits: no connection, and no number of them, takes more than this.
func TestStreamLimits(t *testing.T) {
	c := New(wall{})
	add := func(dport uint16, seq uint32, payload []byte) {
		conn := connection{sport: 53, dport: dport, version: 4}
		qt.Assert(t, qt.IsNil(c.Add(record(packet{conn: conn, tcp: true, seq: seq, payload: payload}, 4))))
	}
	head := framed(slices.Concat([]byte{0, 1, 0x80}, make([]byte, 65000)))
	for dport := range uint16(3 * maxStreams) {
		add(dport, 0, head[:100])
	}
	qt.Check(t, qt.Equals(len(c.streams.byConn), maxStreams))
	_, kept := c.streams.byConn[connection{sport: 53, dport: 3*maxStreams - 1, version: 4}]
	qt.Check(t, qt.IsTrue(kept))
	for i := range 1000 {
		add(7, uint32(1000+i*5000), make([]byte, 4096)) // never what was missing
	}
	for _, st := range c.streams.byConn {
		size := len(st.buf)
		for _, e := range st.early {
			size += len(e.data)
		}
		qt.Check(t, qt.Equals(st.size, size))
		qt.Check(t, qt.IsTrue(size <= maxStream && len(st.early) <= maxSegments))
	}
	// After what is lost, the next message is found again.
	add(7, 6_000_000, framed(simple(t, "again.", "192.0.2.9")))
	add(7, 7_000_000, framed(simple(t, "again.", "192.0.2.9")))
	for i := range maxSegments + 1 {
		add(7, uint32(8_000_000+i*1000), framed(simple(t, "again.", "192.0.2.9")))
	}
	qt.Check(t, qt.Equals(called(c, "192.0.2.9", second), "again"))
}
