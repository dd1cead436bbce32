package http

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/net/http2/hpack"

	"github.com/ringside-tools/ringside/internal/output"
)

var fuzzLimits = Limits{Head: 4 << 10, Body: 8 << 10, Conn: 64 << 10, Total: 128 << 10, Conns: 4}

// script makes chunks of bytes: two bytes of length and flags before each.
func script(data []byte) (out []Chunk) {
	for len(data) >= 2 && len(out) < 400 {
		v := binary.LittleEndian.Uint16(data)
		n := min(int(v&0xfff), len(data)-2)
		c := Chunk{Dir: Direction(v >> 12 & 1), Time: int64(len(out)), Data: data[2:][:n], Broken: v>>13&1 != 0}
		if v>>14&3 == 3 {
			c.Missing = uint64(v & 0x3ff)
		}
		out = append(out, c)
		data = data[2+n:]
	}
	return out
}

// written is the reverse of script, without flags but that of the direction.
func written(chunks []Chunk) (out []byte) {
	for _, c := range cut(chunks, 0xfff) {
		out = binary.LittleEndian.AppendUint16(out, uint16(len(c.Data))|uint16(c.Dir)<<12)
		out = append(out, c.Data...)
	}
	return out
}

// sane checks what must hold of every message.
func sane(t *testing.T, m *Message, limits Limits) {
	t.Helper()
	qt.Assert(t, qt.IsTrue(len(m.Body) <= limits.Body), qt.Commentf("%s", brief(m)))
	qt.Assert(t, qt.IsTrue(len(m.Headers) <= maxFields && m.End >= m.Start))
	if m.Encoding == nil {
		qt.Assert(t, qt.Equals(m.BodyCut, uint64(len(m.Body)) < m.BodyBytes || m.BodyCut && m.Kind == KindRaw), qt.Commentf("%s", brief(m)))
	}
	text := m.AppendText(nil, "", 4096)
	for _, line := range bytes.Split(text, []byte("\n")) {
		for _, r := range string(line) {
			qt.Assert(t, qt.IsTrue(r >= 0x20 && r != 0x7f && (r < 0x80 || r > 0x9f)))
		}
	}
}

func run(t *testing.T, limits Limits, chunks []Chunk) {
	t.Helper()
	raw := uint64(0)
	d := New(limits, func(_ uint16, m *Message) {
		sane(t, m, limits)
		raw += m.BodyBytes
	})
	for i, c := range chunks {
		d.Add(uint16(i/100), c)
		qt.Assert(t, qt.IsTrue(d.Memory() <= limits.Total+limits.Conn))
		if i%50 == 49 {
			d.Idle(c.Time)
		}
	}
	d.End()
	qt.Assert(t, qt.Equals(d.Memory(), 0))
	qt.Assert(t, qt.Equals(len(d.conns), 0))
}

// FuzzConversation: whatever two sides say, in whatever pieces, memory is bounded and accounted for, and nothing breaks.
func FuzzConversation(f *testing.F) {
	f.Add(written(say(">GET /a HTTP/1.1\r\nHost: h\r\n\r\n", "<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: v\r\n\r\n")))
	f.Add(written(say(">POST /a HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", "<HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"+string(encode(f, "gzip", []byte(sentence))))))
	f.Add(written(say(">GET / HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Encoding: br, zstd\r\n\r\n"+string(encode(f, "zstd", encode(f, "br", []byte(sentence)))))))
	f.Add(written(wsConversation(f)[:3]))
	f.Add(written(seedHTTP2(f)))
	f.Add(written(tunnels(f)))
	f.Add([]byte{0xff, 0xff, 1, 2, 3})
	f.Fuzz(func(t *testing.T, data []byte) { run(t, fuzzLimits, script(data)) })
}

func seedHTTP2(t testing.TB) []Chunk {
	client, server := newFrames(t), newFrames(t)
	client.buf.WriteString(preface)
	client.WriteSettings()
	client.WriteRawFrame(frameHeaders, flagEndHeaders, 1, client.block(":method", "POST", ":path", "/x.Y/Z", "content-type", "application/grpc"))
	client.WriteData(1, true, grpcMessage(0, []byte("hello")))
	server.WriteSettings()
	server.WriteRawFrame(frameHeaders, flagEndHeaders, 1, server.block(":status", "200", "content-encoding", "gzip"))
	server.WriteData(1, false, []byte("text"))
	server.WriteRawFrame(frameHeaders, flagEndHeaders|flagEndStream, 1, server.block("grpc-status", "0"))
	return []Chunk{client.take(Sent, 1), server.take(Received, 2)}
}

// FuzzFrames: what follows a preface is read as frames, from both sides, whole and byte by byte, with the same result.
func FuzzFrames(f *testing.F) {
	seed := seedHTTP2(f)
	f.Add(seed[0].Data[len(preface):], seed[1].Data)
	f.Fuzz(func(t *testing.T, sent, received []byte) {
		chunks := []Chunk{{Dir: Sent, Data: []byte(preface)}, {Dir: Sent, Data: sent}, {Dir: Received, Data: received}}
		run(t, fuzzLimits, chunks)
		run(t, fuzzLimits, cut(chunks, 7))
	})
}

// FuzzWebSocket: what follows an upgrade is read as frames of WebSocket.
func FuzzWebSocket(f *testing.F) {
	seed := wsConversation(f)
	f.Add(seed[2].Data, seed[1].Data[len(upgraded):])
	f.Fuzz(func(t *testing.T, sent, received []byte) {
		chunks := append(say(">"+upgrade, "<"+upgraded), Chunk{Dir: Sent, Data: sent}, Chunk{Dir: Received, Data: received})
		run(t, fuzzLimits, chunks)
		run(t, fuzzLimits, cut(chunks, 5))
	})
}

// FuzzHPACK: blocks that the library understands mean the same to us; for others, the table stays bounded.
func FuzzHPACK(f *testing.F) {
	e := newFrames(f)
	f.Add(e.block(":method", "GET", "a", "b", "a", "b", "cookie", strings.Repeat("long", 100)), e.block("a", "b", "a", "c"))
	f.Add([]byte{0x20, 0x3f, 0xe1, 0x1f, 0x82}, []byte{0xbe, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, first, second []byte) {
		ours := table{limit: defaultTable}
		library := hpack.NewDecoder(defaultTable, nil)
		library.SetMaxStringLength(1 << 20)
		for _, block := range [][]byte{first, second} {
			got, err := ours.decode(block, 1<<20)
			qt.Assert(t, qt.IsTrue(ours.size <= ours.limit && ours.limit <= maxTable))
			want, wrong := library.DecodeFull(block)
			if wrong != nil || err == errManyHeaders {
				return
			}
			qt.Assert(t, qt.IsNil(err))
			qt.Assert(t, qt.Equals(len(got), len(want)))
			for i, w := range want {
				qt.Assert(t, qt.Equals(string(got[i].name), w.Name))
				qt.Assert(t, qt.Equals(string(got[i].value), w.Value))
			}
		}
	})
}

// FuzzBody: no encoding brings more than the limit.
func FuzzBody(f *testing.F) {
	for i, name := range []string{"gzip", "deflate", "br", "zstd"} {
		f.Add(uint8(i), encode(f, name, []byte(sentence)))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		name := []string{"gzip", "deflate", "br", "zstd"}[which%4]
		out, _, _ := decodeBody([]byte(name), data, which&4 != 0, 10000)
		qt.Assert(t, qt.IsTrue(len(out) <= max(10000, len(data))))
	})
}

// TestFields: the table of fields is one that output takes, and hostile bytes stay on their line.
func TestFields(t *testing.T) {
	type event struct{ m *Message }
	fields := Fields(func(e *event) *Message { return e.m })
	var b bytes.Buffer
	w := output.NewJSON(&b, "test", fields)
	for _, m := range decode(t, Limits{}, wsConversation(t)) {
		qt.Assert(t, qt.IsNil(w.Event(&event{m})))
	}
	qt.Assert(t, qt.IsNil(w.Event(&event{})))
	qt.Assert(t, qt.IsNil(w.Flush()))
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	qt.Assert(t, qt.HasLen(lines, 12))
	qt.Check(t, qt.StringContains(lines[1], `"message":"response","role":"client","http_version":"HTTP/1.1","stream_id":null,"method":"GET"`))
	qt.Check(t, qt.StringContains(lines[11], `"message":null`))
}

func TestText(t *testing.T) {
	var out []byte
	for _, m := range decode(t, Limits{}, say(">GET /\xff[31m HTTP/1.1\r\nHost: h\r\nX: \x07\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\na\nb\x1bc, and some more text\r", "<HTTP/1.1 200 OK\r\nContent-Type: image/x\r\nContent-Length: 3\r\n\r\n\x00\x01\x02")) {
		m.Latency = min(m.Latency, 1500000)
		out = m.AppendText(out, "", 18)
	}
	qt.Check(t, qt.Equals(string(out), `GET h/\xff[31m HTTP/1.1
  Host: h
  X: \x07
HTTP/1.1 200 OK, 0s after GET h/\xff[31m, 26 bytes
  Content-Length: 26

  a
  b\x1bc, and some mo
  [cut: 18 bytes shown]
HTTP/1.1 200 OK, 3 bytes
  Content-Type: image/x
  Content-Length: 3

  (3 bytes that are no text: image/x)
`))
}
