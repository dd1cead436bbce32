package http

import (
	"bytes"
	"context"
	"fmt"
	"net"
	nethttp "net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-quicktest/qt"
)

// recording is what a client sent and received, in order.
type recording struct {
	mu     sync.Mutex
	chunks []Chunk
}

func (r *recording) add(dir Direction, b []byte) {
	if len(b) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.chunks = append(r.chunks, Chunk{Dir: dir, Time: int64(len(r.chunks) + 1), Data: append([]byte(nil), b...)})
}

// recorder is a connection of a client that is recorded. A chunk is noted before it is sent, so that nothing is received
// before what it answers.
type recorder struct {
	net.Conn
	to *recording
}

func (c recorder) Write(b []byte) (int, error) {
	c.to.add(Sent, b)
	return c.Conn.Write(b)
}

func (c recorder) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.to.add(Received, b[:max(n, 0)])
	return n, err
}

// record serves handler on the loopback, lets use talk to it, and returns what went over the one connection.
func record(t *testing.T, version2 bool, handler nethttp.HandlerFunc, use func(client *nethttp.Client, url string)) []Chunk {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	qt.Assert(t, qt.IsNil(err))
	protocols := &nethttp.Protocols{}
	protocols.SetHTTP1(!version2)
	protocols.SetUnencryptedHTTP2(version2)
	server := &nethttp.Server{Handler: handler, Protocols: protocols, MaxHeaderBytes: 1 << 20}
	go server.Serve(l)
	rec := &recording{}
	transport := &nethttp.Transport{Protocols: protocols, MaxConnsPerHost: 1, DisableCompression: true,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
			return recorder{conn, rec}, err
		}}
	use(&nethttp.Client{Transport: transport}, "http://"+l.Addr().String())
	transport.CloseIdleConnections()
	server.Close()
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return append([]Chunk(nil), rec.chunks...)
}

// reversed is what the server saw.
func reversed(chunks []Chunk) []Chunk {
	out := append([]Chunk(nil), chunks...)
	for i := range out {
		out[i].Dir = out[i].Dir.other()
	}
	return out
}

// cut makes pieces of at most size bytes.
func cut(chunks []Chunk, size int) (out []Chunk) {
	for _, c := range chunks {
		for len(c.Data) > size {
			piece := c
			piece.Data, piece.Missing = c.Data[:size], 0
			out = append(out, piece)
			c.Data, c.Broken = c.Data[size:], false
		}
		out = append(out, c)
	}
	return out
}

// decode runs a new decoder over chunks of one connection, which is closed at the end.
func decode(t testing.TB, limits Limits, chunks []Chunk) []*Message {
	t.Helper()
	var out []*Message
	d := New(limits, func(_ int, m *Message) { out = append(out, m.clone()) })
	for _, c := range chunks {
		d.Add(1, c)
		d.drafts.poison()
	}
	last := int64(0)
	if n := len(chunks); n > 0 {
		last = chunks[n-1].Time
	}
	d.Close(1, last)
	qt.Assert(t, qt.Equals(d.Memory(), 0))
	qt.Assert(t, qt.Equals(d.Stats().Messages, uint64(len(out))))
	return out
}

// poison overwrites what is kept to be used again, so that whoever still refers to it shows.
func (d *drafts) poison() {
	fill := func(b []byte) {
		for i := range b[:cap(b)] {
			b[:cap(b)][i] = 0xaa
		}
	}
	for _, m := range d.messages.free {
		fill(m.head)
		fill(m.body)
		clear(m.fields[:cap(m.fields)])
	}
	for _, r := range d.requests.free {
		fill(r.text)
	}
}

// clone keeps a message: what it refers to is used again.
func (m *Message) clone() *Message {
	c := *m
	for _, b := range []*[]byte{&c.Method, &c.Scheme, &c.Authority, &c.Path, &c.Reason, &c.ContentType, &c.Encoding, &c.Body} {
		*b = bytes.Clone(*b)
	}
	for _, list := range []*[]Header{&c.Headers, &c.Trailers} {
		*list = slices.Clone(*list)
		for i, f := range *list {
			(*list)[i] = Header{bytes.Clone(f.Name), bytes.Clone(f.Value)}
		}
	}
	return &c
}

// brief is a message in one line, without times.
func brief(m *Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %v %v %s", m.Dir, m.Kind, m.Role, m.Version)
	if m.Stream != 0 {
		fmt.Fprintf(&b, " #%d", m.Stream)
	}
	fmt.Fprintf(&b, " %s %s%s %d", m.Method, m.Authority, m.Path, m.Status)
	fmt.Fprintf(&b, " headers %q trailers %q", m.Headers, m.Trailers)
	fmt.Fprintf(&b, " body %d %q %d %v %q", len(m.Body), m.Body[:min(len(m.Body), 200)], m.BodyBytes, m.BodyCut, m.BodyError)
	fmt.Fprintf(&b, " %d %v %q %v %d %q %q", m.Index, m.Compressed, m.Opcode, m.Masked, m.Fragments, m.Error, m.Incomplete)
	return b.String()
}

func briefs(messages []*Message) []string {
	out := make([]string, len(messages))
	for i, m := range messages {
		out[i] = brief(m)
	}
	return out
}

// everySize checks that it does not matter how the chunks are cut.
func everySize(t *testing.T, chunks []Chunk) {
	t.Helper()
	want := briefs(decode(t, Limits{}, chunks))
	total := 0
	for _, c := range chunks {
		total = max(total, len(c.Data))
	}
	for size := 1; size < total; size = size + 1 + size/8 {
		if !qt.Check(t, qt.DeepEquals(briefs(decode(t, Limits{}, cut(chunks, size))), want), qt.Commentf("chunks of %d bytes", size)) {
			return
		}
	}
}

// ofKind selects messages.
func ofKind(messages []*Message, kinds ...Kind) (out []*Message) {
	for _, m := range messages {
		for _, k := range kinds {
			if m.Kind == k {
				out = append(out, m)
			}
		}
	}
	return out
}
