package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/dns"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/tooltest"
	"github.com/ringside-tools/ringside/internal/trace"
)

// answered is a record of DNS: an answer by UDP that came at a moment.
func answered(t testing.TB, h *trace.Host, at int64, name, cname, addr string) []byte {
	t.Helper()
	question := dnsmessage.MustNewName(name)
	header := func(n dnsmessage.Name) dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: n, Class: dnsmessage.ClassINET, TTL: 60}
	}
	m := dnsmessage.Message{Header: dnsmessage.Header{Response: true},
		Questions: []dnsmessage.Question{{Name: question, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}}
	owner := question
	if cname != "" {
		owner = dnsmessage.MustNewName(cname)
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: header(question), Body: &dnsmessage.CNAMEResource{CNAME: owner}})
	}
	m.Answers = append(m.Answers, dnsmessage.Resource{Header: header(owner), Body: &dnsmessage.AResource{A: netip.MustParseAddr(addr).As4()}})
	payload, err := m.Pack()
	qt.Assert(t, qt.IsNil(err))
	r := dns.Record{Sport: 53, Dport: 40000, Len: uint16(len(payload)), Version: 4, Protocol: 17}
	r.Head.TimeNs, r.Head.Kind = tooltest.Stamp(h, at), dns.Kind
	b, err := binary.Append(nil, binary.NativeEndian, r)
	qt.Assert(t, qt.IsNil(err))
	return append(b, payload...)
}

// TestQuery has the classic column, byte for byte.
func TestQuery(t *testing.T) {
	h := tooltest.Host(t)
	at := func(r *record) { r.Head.TimeNs = tooltest.Stamp(h, moment) }
	for _, test := range []struct {
		what   string
		answer []byte
		record *record
		want   string
	}{
		{"none", nil, attempt(at), "No DNS Query"},
		{"fresh", answered(t, h, moment-int64(99*time.Millisecond), "example.org.", "", "10.251.148.38"), attempt(at), "example.org"},
		{"old", answered(t, h, moment-int64(123456*time.Microsecond), "example.org.", "cdn.test.", "10.251.148.38"), attempt(at), "example.org (123.456ms)"},
		{"of another address", answered(t, h, moment-1, "example.org.", "", "10.251.148.39"), attempt(at), "No DNS Query"},
		{"after the attempt", answered(t, h, moment+1, "example.org.", "", "10.251.148.38"), attempt(at), "No DNS Query"},
		{"loopback", nil, attempt(func(r *record) { at(r); r.Daddr = v4(127, 0, 0, 1) }), "localhost"},
		{"loopback of IPv6", nil, attempt(func(r *record) { at(r); r.Version, r.Daddr = 6, [16]uint8{15: 1} }), "localhost"},
		{"loopback with a name", answered(t, h, moment-1, "ads.test.", "", "127.0.0.1"), attempt(func(r *record) { at(r); r.Daddr = v4(127, 0, 0, 1) }), "ads.test"},
		{"hostile", answered(t, h, moment-1, "a\x1b[31m\n.", "", "10.251.148.38"), attempt(at), `a\027[31m\010`},
	} {
		out := shown(t, h, "-d", test.answer, test.record)
		header, row, _ := strings.Cut(out, "\n")
		qt.Check(t, qt.Equals(header[65:], "QUERY"), qt.Commentf("%s", header))
		qt.Check(t, qt.Equals(strings.TrimSuffix(row[65:], "\n"), test.want), qt.Commentf("%s", test.what))
	}
}

// TestQueryJSON: the name, what stood between it and the address, and the age.
func TestQueryJSON(t *testing.T) {
	h := tooltest.Host(t)
	r := attempt(func(r *record) { r.Head.TimeNs = tooltest.Stamp(h, moment) })
	var got map[string]any
	out := shown(t, h, "-d --json", answered(t, h, moment-int64(1999*time.Millisecond), "example.org.", "cdn.test.", "10.251.148.38"), r)
	qt.Assert(t, qt.IsNil(json.Unmarshal([]byte(out), &got)))
	qt.Check(t, qt.Equals(got["dns_query"], any("example.org")))
	qt.Check(t, qt.DeepEquals(got["dns_cnames"], any([]any{"cdn.test"})))
	qt.Check(t, qt.Equals(got["dns_age_ms"], any(1999.0)))
	qt.Check(t, qt.IsNil(schema(t).Validate([]byte(out))))
}

// TestQueryUsage: sums have no name.
func TestQueryUsage(t *testing.T) {
	_, stderr, code := execute(t, "-d", "-c")
	qt.Check(t, qt.Equals(code, command.ExitUsage))
	qt.Check(t, qt.StringContains(stderr, "-d and -c"))
}

// shown writes an attempt that came after an answer, if there was one.
func shown(t testing.TB, h *trace.Host, flags string, answer []byte, r *record) string {
	t.Helper()
	cfg, env := configure(t, strings.Fields(flags)...)
	tool := newTool(cfg, env)
	var out bytes.Buffer
	var w output.Writer[event] = output.NewJSON(&out, "tcpconnect", tool.Fields)
	if env.Format == "table" {
		var err error
		w, err = output.NewTable(&out, tool.Fields, tool.Columns, nil)
		qt.Assert(t, qt.IsNil(err))
	}
	qt.Assert(t, qt.IsNil(w.Header()))
	var e event
	if answer != nil {
		qt.Assert(t, qt.ErrorIs(tool.Decode(h, answer, &e), trace.ErrNoEvent))
	}
	qt.Assert(t, qt.IsNil(tool.Decode(h, r.bytes(), &e)))
	qt.Assert(t, qt.IsNil(w.Event(&e)))
	qt.Assert(t, qt.IsNil(w.Flush()))
	return out.String()
}
