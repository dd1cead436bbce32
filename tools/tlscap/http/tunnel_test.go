package http

import (
	"fmt"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/net/http2"
)

func tunnels(t testing.TB) []Chunk {
	client, server := newFrames(t), newFrames(t)
	client.buf.WriteString(preface)
	client.WriteSettings()
	head := func(f *frames, id uint32, end bool, pairs ...string) {
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, EndHeaders: true, EndStream: end, BlockFragment: f.block(pairs...)})
	}
	head(client, 1, false, ":method", "CONNECT", ":protocol", "websocket", ":scheme", "https", ":path", "/ws", ":authority", "h")
	head(client, 3, false, ":method", "CONNECT", ":authority", "inner:80")
	head(client, 5, true, ":method", "CONNECT", ":authority", "refused:80")
	first := client.take(Sent, 1)
	server.WriteSettings()
	head(server, 1, false, ":status", "200", "sec-websocket-extensions", "permessage-deflate")
	head(server, 3, false, ":status", "200")
	head(server, 5, false, ":status", "502", "content-type", "text/plain")
	server.WriteData(5, true, []byte("no"))
	second := server.take(Received, 2)
	message := wsFrameBytes(0x81, true, []byte("through a stream"))
	client.WriteData(1, false, message[:5])
	client.WriteData(1, true, append(message[5:], wsFrameBytes(0xc1, true, wsDeflate(t, sentence)[0])...))
	client.WriteData(3, true, []byte("GET /inner HTTP/1.1\r\nHost: i\r\n\r\n"))
	third := client.take(Sent, 3)
	server.WriteData(1, true, wsFrameBytes(0x81, false, []byte("and back")))
	server.WriteData(3, true, []byte("HTTP/1.1 200 OK\r\n\r\nuntil close"))
	fourth := server.take(Received, 4)
	return []Chunk{first, second, third, fourth}
}

// TestTunnels: WebSocket and HTTP/1 within streams of HTTP/2.
func TestTunnels(t *testing.T) {
	chunks := tunnels(t)
	var got []string
	for _, m := range decode(t, Limits{}, chunks) {
		got = append(got, fmt.Sprintf("%v %s %d %s %d %s%s %q", m.Kind, m.Version, m.Stream, m.Method, m.Status, m.Authority, m.Path, m.Body))
	}
	qt.Check(t, qt.DeepEquals(got, []string{
		`request HTTP/2 1 CONNECT 0 h/ws ""`,
		`request HTTP/2 3 CONNECT 0 inner:80 ""`,
		`request HTTP/2 5 CONNECT 0 refused:80 ""`,
		`response HTTP/2 1 CONNECT 200 h/ws ""`,
		`response HTTP/2 3 CONNECT 200 inner:80 ""`,
		`response HTTP/2 5 CONNECT 502 refused:80 "no"`,
		`websocket HTTP/2 1 CONNECT 0 h/ws "through a stream"`,
		fmt.Sprintf(`websocket HTTP/2 1 CONNECT 0 h/ws %q`, sentence),
		`request HTTP/1.1 0 GET 0 i/inner ""`,
		`websocket HTTP/2 1 CONNECT 0 h/ws "and back"`,
		`response HTTP/1.1 0 GET 200 i/inner "until close"`,
	}))
	everySize(t, chunks)
}
