package dns

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/net/dns/dnsmessage"
)

// wall is a clock that stands still: time stamps are nanoseconds since 1970.
type wall struct{}

func (wall) Wall(ns uint64) int64 { return int64(ns) }

// record lays out a record as the BPF program sends it.
func record(p packet, version uint8) []byte {
	r := Record{Saddr: p.conn.saddr, Daddr: p.conn.daddr, Seq: p.seq, Sport: p.conn.sport, Dport: p.conn.dport,
		Len: uint16(len(p.payload)), Version: version, Protocol: protocolUDP, Flags: p.flags}
	r.Head.TimeNs, r.Head.Kind = p.time, Kind
	if p.tcp {
		r.Protocol = protocolTCP
	}
	b, err := binary.Append(nil, binary.NativeEndian, r)
	if err != nil {
		panic(err)
	}
	return append(b, p.payload...)
}

const protocolUDP = 17

// udp is a record with a message that came at a time.
func udp(at time.Duration, msg []byte) []byte {
	return record(packet{time: uint64(at), conn: connection{sport: 53, dport: 40000}, payload: msg}, 4)
}

// rr is a resource record, written "NAME TYPE DATA".
type rr struct{ name, kind, data string }

// message makes an answer to a question for a name.
func message(t testing.TB, question string, answers ...rr) []byte {
	t.Helper()
	return edited(t, question, nil, answers...)
}

func edited(t testing.TB, question string, edit func(*dnsmessage.Message), answers ...rr) []byte {
	t.Helper()
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: 7, Response: true}}
	m.Questions = []dnsmessage.Question{{Name: dnsmessage.MustNewName(question), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}
	for _, a := range answers {
		r := dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(a.name), Class: dnsmessage.ClassINET, TTL: 60}}
		switch a.kind {
		case "A":
			r.Body = &dnsmessage.AResource{A: netip.MustParseAddr(a.data).As4()}
		case "AAAA":
			r.Body = &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(a.data).As16()}
		case "CNAME":
			r.Body = &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName(a.data)}
		case "TXT":
			r.Body = &dnsmessage.TXTResource{TXT: []string{a.data}}
		default:
			t.Fatalf("no type %s", a.kind)
		}
		m.Answers = append(m.Answers, r)
	}
	if edit != nil {
		edit(&m)
	}
	b, err := m.Pack()
	qt.Assert(t, qt.IsNil(err))
	return b
}

// simple is an answer with one address.
func simple(t testing.TB, name, addr string) []byte {
	t.Helper()
	kind := "A"
	if netip.MustParseAddr(addr).Is6() {
		kind = "AAAA"
	}
	return message(t, name, rr{name, kind, addr})
}

// called is what an address is called at a time, with its chain: a>b.
func called(c *Cache, addr string, at time.Duration) string {
	n := c.Lookup(netip.MustParseAddr(addr), int64(at))
	if n == nil {
		return ""
	}
	s := string(n.Name)
	for _, name := range n.CNAMEs {
		s += ">" + string(name)
	}
	return s
}

func number(i int) string { return fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255) }
