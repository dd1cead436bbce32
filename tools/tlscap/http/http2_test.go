package http

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	nethttp "net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

func TestHTTP2Visit(t *testing.T) {
	chunks := record(t, true, site(t), visit(t))
	checkVisit(t, decode(t, Limits{}, chunks), "HTTP/2", RoleClient)
	checkVisit(t, decode(t, Limits{}, reversed(chunks)), "HTTP/2", RoleServer)
	for _, size := range []int{1, 2, 3, 7, 8, 9, 10, 64, 1000, 4097} {
		checkVisit(t, decode(t, Limits{}, cut(chunks, size)), "HTTP/2", RoleClient)
	}
}

// TestHTTP2Joined: a connection joined at any chunk: later requests are there, and fields that were sent before are
// unknown one by one.
func TestHTTP2Joined(t *testing.T) {
	chunks := record(t, true, site(t), visit(t))
	whole := ofKind(decode(t, Limits{}, chunks), KindRequest)
	known, unknown := 0, 0
	for from := 1; from < len(chunks); from++ {
		messages := decode(t, Limits{}, chunks[from:])
		// Requests whose first byte is in what is left.
		wanted := 0
		for _, m := range whole {
			if m.Start > int64(from) {
				wanted++
			}
		}
		requests := 0
		for _, m := range ofKind(messages, KindRequest) {
			if m.Incomplete != "" {
				continue
			}
			requests++
			full := whole[len(whole)-1]
			for _, w := range whole {
				if w.Stream == m.Stream {
					full = w
				}
			}
			// :authority alone, the first one, can be taken for a regular field.
			extra := len(m.Headers) - len(full.Headers)
			if !qt.Check(t, qt.IsTrue(extra == 0 || extra == 1 && string(m.Headers[0].Name) == Unknown)) {
				return
			}
			for _, f := range m.Headers[extra:] {
				switch {
				case string(f.Name) == Unknown || string(f.Value) == Unknown:
					unknown++
				default:
					known++
					same := func(h Header) bool { return string(h.Name) == string(f.Name) && string(h.Value) == string(f.Value) }
					qt.Check(t, qt.IsTrue(slices.ContainsFunc(full.Headers, same)), qt.Commentf("%s: %s", f.Name, f.Value))
				}
			}
			if string(m.Path) != Unknown {
				qt.Check(t, qt.Equals(string(m.Path), string(full.Path)))
			}
		}
		if !qt.Check(t, qt.IsTrue(requests >= wanted), qt.Commentf("from chunk %d of %d: %d of %d", from, len(chunks), requests, wanted)) {
			for _, m := range messages {
				t.Log(brief(m))
			}
			return
		}
		if messages := ofKind(messages, KindResponse); len(messages) > 0 {
			qt.Check(t, qt.Equals(messages[len(messages)-1].Status, 404))
		}
	}
	qt.Check(t, qt.IsTrue(known > 100 && unknown > 20), qt.Commentf("%d known, %d unknown", known, unknown))
}

// TestTrailersAlone: what a connection joined late begins with is no request for being without pseudo fields.
func TestTrailersAlone(t *testing.T) {
	server := newFrames(t)
	server.WriteWindowUpdate(0, 1000)
	server.WriteHeaders(http2.HeadersFrameParam{StreamID: 9, EndHeaders: true, EndStream: true, BlockFragment: server.block("x-sum", "five")})
	server.WritePing(false, [8]byte{})
	var got []string
	for _, m := range decode(t, Limits{}, []Chunk{server.take(Received, 1)}) {
		got = append(got, fmt.Sprintf("%d headers %d trailers %q %s", m.Stream, len(m.Headers), m.Trailers, m.Incomplete))
	}
	qt.Check(t, qt.DeepEquals(got, []string{`9 headers 0 trailers [{"x-sum" "five"}] head was not seen`}))
}

// TestHTTP2Parallel: many streams at once are told apart.
func TestHTTP2Parallel(t *testing.T) {
	const n = 31
	handler := func(w nethttp.ResponseWriter, r *nethttp.Request) {
		b, _ := io.ReadAll(r.Body)
		for i := range 7 {
			fmt.Fprintf(w, "%s %s %d;", r.URL.Path, b, i)
			w.(nethttp.Flusher).Flush()
		}
	}
	chunks := record(t, true, handler, func(client *nethttp.Client, url string) {
		var wait sync.WaitGroup
		for i := range n {
			wait.Go(func() {
				resp, err := client.Post(url+fmt.Sprintf("/%d", i), "text/plain", strings.NewReader(fmt.Sprint("b", i)))
				if qt.Check(t, qt.IsNil(err)) {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			})
		}
		wait.Wait()
	})
	for _, size := range []int{1, 13, 1 << 20} {
		messages := decode(t, Limits{}, cut(chunks, size))
		qt.Check(t, qt.HasLen(ofKind(messages, KindRequest), n))
		responses := ofKind(messages, KindResponse)
		qt.Check(t, qt.HasLen(responses, n))
		for _, r := range responses {
			want := ""
			for i := range 7 {
				want += fmt.Sprintf("%s b%s %d;", r.Path, r.Path[1:], i)
			}
			qt.Check(t, qt.Equals(string(r.Body), want))
		}
	}
}

// TestHTTP2Cancelled: a request that the client gives up says so.
func TestHTTP2Cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	chunks := record(t, true, func(w nethttp.ResponseWriter, r *nethttp.Request) {
		w.Write([]byte("part"))
		w.(nethttp.Flusher).Flush()
		<-r.Context().Done()
	}, func(client *nethttp.Client, url string) {
		req, _ := nethttp.NewRequestWithContext(ctx, "GET", url+"/c", nil)
		resp, err := client.Do(req)
		qt.Assert(t, qt.IsNil(err))
		io.ReadFull(resp.Body, make([]byte, 4))
		cancel()
		io.Copy(io.Discard, resp.Body)
	})
	got := ofKind(decode(t, Limits{}, chunks), KindResponse)
	qt.Assert(t, qt.HasLen(got, 1))
	qt.Check(t, qt.Equals(got[0].Incomplete, "stream reset: CANCEL"))
	qt.Check(t, qt.Equals(string(got[0].Body), "part"))
}

// frames writes what net/http does not: padding, priorities, pushes, single gRPC messages.
type frames struct {
	t   testing.TB
	buf bytes.Buffer
	*http2.Framer
	hpack bytes.Buffer
	enc   *hpack.Encoder
}

func newFrames(t testing.TB) *frames {
	f := &frames{t: t}
	f.Framer = http2.NewFramer(&f.buf, nil)
	f.enc = hpack.NewEncoder(&f.hpack)
	return f
}

func (f *frames) block(pairs ...string) []byte {
	f.hpack.Reset()
	for i := 0; i+1 < len(pairs); i += 2 {
		qt.Assert(f.t, qt.IsNil(f.enc.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})))
	}
	return bytes.Clone(f.hpack.Bytes())
}

func (f *frames) take(dir Direction, time int64) Chunk {
	defer f.buf.Reset()
	return Chunk{Dir: dir, Time: time, Data: bytes.Clone(f.buf.Bytes())}
}

func TestHTTP2ByHand(t *testing.T) {
	client, server := newFrames(t), newFrames(t)
	client.buf.WriteString(preface)
	client.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: 65536})
	client.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, PadLength: 7, EndHeaders: true,
		Priority:      http2.PriorityParam{StreamDep: 0, Weight: 3},
		BlockFragment: client.block(":method", "POST", ":scheme", "https", ":path", "/p", ":authority", "h", "x", "y")})
	client.WriteDataPadded(1, false, []byte("pad"), make([]byte, 5))
	client.WriteDataPadded(1, true, []byte("ded"), make([]byte, 200))
	server.WriteSettings()
	server.WriteSettingsAck()
	server.WriteRawFrame(0xa, 0, 1, []byte("an extension"))
	server.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2, EndHeaders: true, PadLength: 3,
		BlockFragment: server.block(":method", "GET", ":scheme", "https", ":path", "/style", ":authority", "h")})
	block := server.block(":status", "200", "content-type", "text/plain", "a", "b")
	server.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:1]})
	server.WriteContinuation(1, false, block[1:2])
	server.WriteContinuation(1, true, block[2:])
	server.WriteHeaders(http2.HeadersFrameParam{StreamID: 2, EndHeaders: true, EndStream: true, BlockFragment: server.block(":status", "204")})
	server.WriteData(1, true, []byte("done"))
	server.WriteRSTStream(1, http2.ErrCodeNo)
	server.WriteGoAway(1, http2.ErrCodeEnhanceYourCalm, []byte("too_many_pings"))
	chunks := []Chunk{client.take(Sent, 1), server.take(Received, 2)}
	var got []string
	for _, m := range decode(t, Limits{}, chunks) {
		got = append(got, fmt.Sprintf("%v %d %s %d %s %s %v", m.Kind, m.Stream, m.Path, m.Status, m.Body, m.Error, m.Pushed))
	}
	qt.Check(t, qt.DeepEquals(got, []string{
		"request 1 /p 0 padded  false",
		"request 2 /style 0   true",
		"response 2 /style 204   true",
		"response 1 /p 200 done  false",
		"reset 1  0  NO_ERROR false",
		"goaway 1  0 too_many_pings ENHANCE_YOUR_CALM false",
	}))
	everySize(t, chunks)
}

// message is one of gRPC.
func grpcMessage(compressed byte, body []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{compressed}, uint32(len(body))), body...)
}

func TestGRPC(t *testing.T) {
	client, server := newFrames(t), newFrames(t)
	client.buf.WriteString(preface)
	client.WriteSettings()
	client.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: client.block(":method", "POST", ":scheme", "https",
		":path", "/shop.Cart/Add", ":authority", "h", "content-type", "application/grpc+proto", "grpc-encoding", "gzip")})
	body := append(grpcMessage(0, []byte("first")), grpcMessage(1, encode(t, "gzip", []byte("second")))...)
	body = append(body, grpcMessage(0, nil)...)
	client.WriteData(1, false, body[:3])
	client.WriteData(1, false, body[3:20])
	client.WriteData(1, true, body[20:])
	server.WriteSettings()
	server.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: server.block(":status", "200", "content-type", "application/grpc")})
	server.WriteData(1, false, grpcMessage(0, []byte("answer")))
	server.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, EndStream: true, BlockFragment: server.block("grpc-status", "5", "grpc-message", "no cart")})
	chunks := []Chunk{client.take(Sent, 1), server.take(Received, 2)}
	var got []string
	for _, m := range decode(t, Limits{}, chunks) {
		got = append(got, fmt.Sprintf("%v %v %s %d %d %s %d %s", m.Dir, m.Kind, m.Path, m.Status, m.Index, m.Body, len(m.Trailers), m.Error))
	}
	qt.Check(t, qt.DeepEquals(got, []string{
		"sent request /shop.Cart/Add 0 0  0 ",
		"sent grpc /shop.Cart/Add 0 0 first 0 ",
		"sent grpc /shop.Cart/Add 0 1 second 0 ",
		"sent grpc /shop.Cart/Add 0 2  0 ",
		"received grpc /shop.Cart/Add 0 0 answer 0 ",
		"received response /shop.Cart/Add 200 0  2 NOT_FOUND",
	}))
	everySize(t, chunks)
}

// TestHTTP2Gap: bytes lost in DATA are counted; lost elsewhere, the next frame is found where a chunk begins, and what
// the table had becomes unknown.
func TestHTTP2Gap(t *testing.T) {
	client, server := newFrames(t), newFrames(t)
	head := func(id uint32, path string) {
		client.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, EndStream: true,
			BlockFragment: client.block(":method", "GET", ":scheme", "https", ":path", path, "x-id", "secret")})
	}
	client.buf.WriteString(preface)
	client.WriteSettings()
	head(1, "/1")
	first := client.take(Sent, 1)
	server.WriteSettings()
	server.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, EndHeaders: true, BlockFragment: server.block(":status", "200")})
	server.WriteData(1, true, bytes.Repeat([]byte("d"), 1000))
	answer := server.take(Received, 2)
	answer.Data, answer.Missing = answer.Data[:len(answer.Data)-700], 700
	head(3, "/3")
	lost := client.take(Sent, 3)
	lost.Data, lost.Missing = lost.Data[:4], uint64(len(lost.Data)-4)
	head(5, "/5")
	third := client.take(Sent, 4)

	messages := decode(t, Limits{}, []Chunk{first, answer, lost, third})
	responses := ofKind(messages, KindResponse)
	qt.Assert(t, qt.HasLen(responses, 1))
	qt.Check(t, qt.Equals(responses[0].BodyBytes, 1000))
	qt.Check(t, qt.Equals(len(responses[0].Body), 300))
	qt.Check(t, qt.IsTrue(responses[0].BodyCut))
	requests := ofKind(messages, KindRequest)
	qt.Assert(t, qt.HasLen(requests, 2))
	qt.Check(t, qt.Equals(requests[1].Stream, 5))
	qt.Check(t, qt.Equals(string(requests[1].Path), "/5"))
	qt.Check(t, qt.DeepEquals(requests[1].Headers, []Header{{[]byte(Unknown), []byte(Unknown)}}))
	qt.Check(t, qt.IsTrue(requests[1].Joined))
}

// TestLimitsHold: connections and streams without end are bounded, and what is evicted is counted.
func TestLimitsHold(t *testing.T) {
	limits := Limits{Total: 1 << 20, Conn: 200 << 10, Conns: 50}
	seen := 0
	d := New(limits, func(int, *Message) { seen++ })
	for key := range 200 {
		d.Add(key, Chunk{Data: []byte("POST / HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 100<<10))})
		qt.Assert(t, qt.IsTrue(d.Memory() <= limits.Total))
		qt.Assert(t, qt.IsTrue(len(d.conns) <= limits.Conns))
	}
	qt.Check(t, qt.IsTrue(d.Stats().EvictedConns > 140))
	d.End()
	qt.Check(t, qt.Equals(seen, 200))
	qt.Check(t, qt.Equals(d.Memory(), 0))
	qt.Check(t, qt.Equals(d.Stats().Incomplete, 200))

	f := newFrames(t)
	f.buf.WriteString(preface)
	f.WriteSettings()
	for id := uint32(1); id < 5000; id += 2 {
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, BlockFragment: f.block(":method", "GET", ":path", "/", "a", strings.Repeat("b", 1000))})
	}
	d = New(limits, func(int, *Message) { seen++ })
	seen = 0
	d.Add(1, f.take(Sent, 1))
	qt.Check(t, qt.IsTrue(d.Memory() <= limits.Conn+64<<10), qt.Commentf("%d bytes", d.Memory()))
	qt.Check(t, qt.IsTrue(d.Stats().EvictedParts > 1000))
	d.End()
	qt.Check(t, qt.Equals(seen, 2500))
	qt.Check(t, qt.Equals(d.Memory(), 0))
}
