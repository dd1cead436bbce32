package http

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
)

func TestHTTP1Visit(t *testing.T) {
	chunks := record(t, false, site(t), visit(t))
	checkVisit(t, decode(t, Limits{}, chunks), "HTTP/1.1", RoleClient)
	checkVisit(t, decode(t, Limits{}, reversed(chunks)), "HTTP/1.1", RoleServer)
	for _, size := range []int{1, 2, 3, 7, 64, 1000, 4097} {
		checkVisit(t, decode(t, Limits{}, cut(chunks, size)), "HTTP/1.1", RoleClient)
	}
}

// TestHTTP1Joined: whatever was missed, all that follows is understood.
func TestHTTP1Joined(t *testing.T) {
	chunks := record(t, false, site(t), visit(t))
	for from := range chunks {
		rest := chunks[from:]
		wanted := 0
		for _, c := range rest {
			if c.Dir == Sent && likeRequest(c.Data) == isRequest {
				wanted++
			}
		}
		messages := decode(t, Limits{}, rest)
		if !qt.Check(t, qt.HasLen(ofKind(messages, KindRequest), wanted), qt.Commentf("from chunk %d of %d", from, len(chunks))) {
			return
		}
		bytes := uint64(0)
		for _, m := range messages {
			qt.Check(t, qt.Equals(m.Incomplete, ""))
			bytes += m.BodyBytes
		}
		qt.Check(t, qt.IsTrue(bytes > 0 || wanted < 2))
	}
}

// say makes chunks of a conversation: lines of the client begin with ">", those of the server with "<".
func say(lines ...string) (out []Chunk) {
	for i, line := range lines {
		dir := Sent
		if line[0] == '<' {
			dir = Received
		}
		out = append(out, Chunk{Dir: dir, Time: int64(i + 1), Data: []byte(line[1:])})
	}
	return out
}

func TestHTTP1Conversations(t *testing.T) {
	get := ">GET /%s HTTP/1.1\r\nHost: h\r\n\r\n"
	for name, test := range map[string]struct {
		chunks []Chunk
		want   []string // Kind Path Status Body Incomplete
	}{
		"pipelined": {
			say(">GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 404 No\r\nContent-Length: 1\r\n\r\n2"),
			[]string{"request /a 0 ", "request /b 0 ", "response /a 200 1", "response /b 404 2"},
		},
		"until close": {
			say(fmt.Sprintf(get, "c"), "<HTTP/1.0 200 OK\r\n\r\nall ", "<of it"),
			[]string{"request /c 0 ", "response /c 200 all of it"},
		},
		"continue": {
			say(">POST /p HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n", "<HTTP/1.1 100 Continue\r\n\r\n", ">body", "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
			[]string{"response /p 100 ", "request /p 0 body", "response /p 200 "},
		},
		"not modified": {
			say(fmt.Sprintf(get, "n"), "<HTTP/1.1 304 Not Modified\r\nContent-Length: 55\r\n\r\n", fmt.Sprintf(get, "m"), "<HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
			[]string{"request /n 0 ", "response /n 304 ", "request /m 0 ", "response /m 200 x"},
		},
		"chunks with extensions and trailers": {
			say(fmt.Sprintf(get, "e"), "<HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3;a=b\r\nabc\r\n002\r\nde\r\n0\r\nT: v\r\n\r\n", fmt.Sprintf(get, "f")),
			[]string{"request /e 0 ", "response /e 200 abcde", "request /f 0 "},
		},
		"not HTTP":        {say(">EHLO me\r\n", "<250 hello\r\n"), []string{"raw  0 EHLO me\r\n", "raw  0 250 hello\r\n"}},
		"malformed chunk": {say(fmt.Sprintf(get, "e"), "<HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"), []string{"request /e 0 ", "response /e 200  malformed chunk", "raw  0 xyz\r\n"}},
		"tunnel": {
			say(">CONNECT h:1 HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\n\r\n", fmt.Sprintf(get, "in"), "<HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", ">\x16\x03\x01"),
			[]string{"request h:1 0 ", "response h:1 200 ", "request /in 0 ", "response /in 200 ok", "raw  0 \x16\x03\x01"},
		},
		"joined in a body": {
			say("<rest of a body", "<HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
			[]string{"raw  0 rest of a body", "response  200 x"},
		},
		"joined behind a HEAD": {
			say("<HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", ">GET /h HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"),
			[]string{"request /h 0 ", "response  200 ", "response /h 200 x"},
		},
		"bare newlines": {say(">GET /l HTTP/1.1\nHost: h\n\n"), []string{"request /l 0 "}},
		"closed in a body": {
			say(fmt.Sprintf(get, "s"), "<HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"),
			[]string{"request /s 0 ", "response /s 200 short connection closed"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, m := range decode(t, Limits{}, test.chunks) {
				line := fmt.Sprintf("%v %s %d %s", m.Kind, m.Path, m.Status, m.Body)
				if m.Incomplete != "" {
					line += " " + m.Incomplete
				}
				got = append(got, line)
			}
			qt.Check(t, qt.DeepEquals(got, test.want))
			if name != "joined in a body" && name != "joined behind a HEAD" && name != "not HTTP" && name != "malformed chunk" && name != "tunnel" {
				everySize(t, test.chunks)
			}
		})
	}
}

// TestHTTP1Gap: what is missing is counted where its meaning is known, and else ends the message.
func TestHTTP1Gap(t *testing.T) {
	chunks := say(">GET /a HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789", ">GET /b HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
	chunks[1].Missing = 90
	got := ofKind(decode(t, Limits{}, chunks), KindResponse)
	qt.Assert(t, qt.HasLen(got, 2))
	qt.Check(t, qt.Equals(got[0].BodyBytes, 100))
	qt.Check(t, qt.IsTrue(got[0].BodyCut))
	qt.Check(t, qt.Equals(string(got[0].Body), "0123456789"))
	qt.Check(t, qt.Equals(got[0].Incomplete, ""))
	qt.Check(t, qt.Equals(string(got[1].Path), "/b"))

	chunks[1].Missing = 95 // more than the body: the next head began in it
	got = ofKind(decode(t, Limits{}, chunks), KindResponse)
	qt.Assert(t, qt.HasLen(got, 2))

	chunks[1].Missing, chunks[3].Broken = 0, true
	got = ofKind(decode(t, Limits{}, chunks), KindResponse)
	qt.Assert(t, qt.HasLen(got, 2))
	qt.Check(t, qt.Equals(got[0].Incomplete, "an unknown number of bytes lost"))
}

// TestHTTP1LostResponse: a response that was lost does not make the next one the answer to its request.
func TestHTTP1LostResponse(t *testing.T) {
	for name, lost := range map[string]Chunk{
		"all of it": {Dir: Received, Time: 2, Missing: 77},
		"its head":  {Dir: Received, Time: 2, Broken: true, Data: []byte("rest of the body")},
	} {
		chunks := append(say(">GET /lost HTTP/1.1\r\n\r\n"), lost)
		chunks = append(chunks, say(">GET /b HTTP/1.1\r\n\r\n", "<HTTP/1.1 404 No\r\nContent-Length: 1\r\n\r\nx")...)
		for before := range 2 { // with and without a pair before it
			all := chunks
			if before == 1 {
				all = append(say(">GET /a HTTP/1.1\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"), chunks...)
			}
			got := ofKind(decode(t, Limits{}, all), KindResponse)
			qt.Assert(t, qt.HasLen(got, before+1))
			qt.Check(t, qt.Equals(string(got[before].Path), "/b"), qt.Commentf("%s", name))
		}
	}
}

// TestHTTP1Limits: what is too long is cut or given up, and told.
func TestHTTP1Limits(t *testing.T) {
	limits := Limits{Head: 1000, Body: 100, Conn: 10000}
	got := decode(t, limits, say(">POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n"+strings.Repeat("b", 5000)))
	qt.Assert(t, qt.HasLen(got, 1))
	qt.Check(t, qt.Equals(len(got[0].Body), 100))
	qt.Check(t, qt.Equals(got[0].BodyBytes, 5000))
	qt.Check(t, qt.IsTrue(got[0].BodyCut))

	got = decode(t, limits, say(">GET / HTTP/1.1\r\n", ">A: "+strings.Repeat("b", 2000)))
	qt.Assert(t, qt.HasLen(got, 1))
	qt.Check(t, qt.Equals(got[0].Kind, KindRaw))
	qt.Check(t, qt.Equals(got[0].Incomplete, "head is too long"))

	bomb := encode(t, "gzip", make([]byte, 10<<20))
	limits = Limits{}
	got = decode(t, limits, append(say(">GET / HTTP/1.1\r\n\r\n"), say("<"+fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: %d\r\n\r\n", len(bomb))+string(bomb))...))
	got = ofKind(got, KindResponse)
	qt.Assert(t, qt.HasLen(got, 1))
	got = decode(t, limits, say("<"+fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n", len(bomb))+string(bomb)))
	qt.Assert(t, qt.HasLen(got, 1))
	qt.Check(t, qt.Equals(len(got[0].Body), 1<<20))
	qt.Check(t, qt.IsTrue(got[0].BodyCut))
	qt.Check(t, qt.Equals(got[0].BodyBytes, uint64(len(bomb))))
}

// TestIdle: bytes that could become HTTP are held for a second, and not for longer.
// TestHTTP1Early: a server that answers before it has all of the request does not take the request's own words away.
func TestHTTP1Early(t *testing.T) {
	got := decode(t, Limits{}, say(
		">GET /"+strings.Repeat("long", 20)+" HTTP/1.1\r\n\r\n", "<HTTP/1.1 204 No\r\n\r\n", // makes room for all that follows
		">PUT http://proxy/p HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbo",
		"<HTTP/1.1 413 Too Large\r\nContent-Length: 1\r\n\r\nx",
		">dy", ">GET /q HTTP/1.1\r\nHost: i\r\n\r\n", "<HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
	qt.Assert(t, qt.HasLen(got, 6))
	for i, want := range []string{"PUT http h http://proxy/p x", "PUT http h http://proxy/p body", "GET  i /q ", "GET  i /q "} {
		m := got[2+i]
		qt.Check(t, qt.Equals(fmt.Sprintf("%s %s %s %s %s", m.Method, m.Scheme, m.Authority, m.Path, m.Body), want))
	}
}

func TestIdle(t *testing.T) {
	var got []string
	d := New(Limits{}, func(_ string, m *Message) { got = append(got, fmt.Sprintf("%v %s", m.Kind, m.Body)) })
	d.Add("a", Chunk{Time: 5, Data: []byte("QUIT")})
	d.Add("b", Chunk{Time: 5, Data: []byte("GET / HTTP/1.1\r\n")})
	d.Idle(5 + patience - 1)
	qt.Check(t, qt.HasLen(got, 0))
	d.Idle(5 + patience)
	qt.Check(t, qt.DeepEquals(got, []string{"raw QUIT"}))
	d.Add("b", Chunk{Time: 9, Data: []byte("\r\n")})
	qt.Check(t, qt.DeepEquals(got, []string{"raw QUIT", "request "}))
	d.End()
	qt.Check(t, qt.HasLen(got, 2))
	qt.Check(t, qt.Equals(d.Memory(), 0))
}
