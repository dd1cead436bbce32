package http

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	nethttp "net/http"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/go-quicktest/qt"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const sentence = "the quick brown fox jumps over the lazy dog\n"

// encode compresses a body as a server would.
func encode(t testing.TB, name string, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch name {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	case "br":
		w = brotli.NewWriter(&b)
	case "zstd":
		z, err := zstd.NewWriter(&b)
		qt.Assert(t, qt.IsNil(err))
		w = z
	default:
		return plain
	}
	_, err := w.Write(plain)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(w.Close()))
	return b.Bytes()
}

// site is a server with all that a client can meet.
func site(t testing.TB) nethttp.HandlerFunc {
	return func(w nethttp.ResponseWriter, r *nethttp.Request) {
		body, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/empty":
			w.WriteHeader(204)
		case "/echo":
			w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
			w.Write(body)
		case "/stream": // chunked, with trailers
			w.Header().Set("Trailer", "X-Sum")
			for i := range 5 {
				fmt.Fprintf(w, "part %d\n", i)
				w.(nethttp.Flusher).Flush()
			}
			w.Header().Set("X-Sum", "five")
		case "/encoded":
			name := r.URL.Query().Get("as")
			w.Header().Set("Content-Type", "text/plain")
			w.Header().Set("Content-Encoding", name)
			w.Write(encode(t, name, bytes.Repeat([]byte(sentence), 50)))
		case "/early":
			w.WriteHeader(103)
			w.WriteHeader(200)
			io.WriteString(w, "late")
		case "/large":
			w.Header().Set("Content-Type", "application/octet-stream")
			for range 16 {
				w.Write(make([]byte, 4<<10))
			}
		case "/headers": // more than one frame of 16 KiB
			for i := range 40 {
				w.Header().Set(fmt.Sprintf("X-Large-%02d", i), strings.Repeat("v~|", 300)+fmt.Sprint(i))
			}
			io.WriteString(w, "large head")
		default:
			w.WriteHeader(404)
		}
	}
}

// visit asks the site for all it has, one after the other.
func visit(t *testing.T) func(*nethttp.Client, string) {
	return func(client *nethttp.Client, url string) {
		ask := func(method, path string, body io.Reader, size int64, headers ...string) {
			req, err := nethttp.NewRequest(method, url+path, body)
			qt.Assert(t, qt.IsNil(err))
			if size != 0 {
				req.ContentLength = size
			}
			for i := 0; i+1 < len(headers); i += 2 {
				req.Header.Set(headers[i], headers[i+1])
			}
			resp, err := client.Do(req)
			qt.Assert(t, qt.IsNil(err))
			_, err = io.Copy(io.Discard, resp.Body)
			qt.Assert(t, qt.IsNil(err))
			resp.Body.Close()
		}
		ask("GET", "/empty", nil, 0)
		ask("POST", "/echo", strings.NewReader(`{"a":1}`), 0, "Content-Type", "application/json")
		ask("POST", "/echo", io.MultiReader(strings.NewReader("of unknown"), strings.NewReader(" length")), -1)
		ask("HEAD", "/large", nil, 0)
		ask("GET", "/stream", nil, 0)
		for _, name := range []string{"gzip", "deflate", "br", "zstd"} {
			ask("GET", "/encoded?as="+name, nil, 0, "Accept-Encoding", name)
		}
		ask("GET", "/early", nil, 0)
		ask("GET", "/large", nil, 0)
		ask("GET", "/headers", nil, 0, "X-Big", strings.Repeat("big~", 5000))
		ask("GET", "/none", nil, 0)
	}
}

// visited is what must be seen of that visit: method, path, status, length of the body as sent (-1: whatever).
var visited = []struct {
	method, path string
	status       int
	body         string // decoded; "*" if not compared
	sent         int    // body of the request
}{
	{"GET", "/empty", 204, "", 0},
	{"POST", "/echo", 200, `{"a":1}`, 7},
	{"POST", "/echo", 200, "of unknown length", 17},
	{"HEAD", "/large", 200, "", 0},
	{"GET", "/stream", 200, "part 0\npart 1\npart 2\npart 3\npart 4\n", 0},
	{"GET", "/encoded?as=gzip", 200, strings.Repeat(sentence, 50), 0},
	{"GET", "/encoded?as=deflate", 200, strings.Repeat(sentence, 50), 0},
	{"GET", "/encoded?as=br", 200, strings.Repeat(sentence, 50), 0},
	{"GET", "/encoded?as=zstd", 200, strings.Repeat(sentence, 50), 0},
	{"GET", "/early", 200, "late", 0},
	{"GET", "/large", 200, strings.Repeat("\x00", 64<<10), 0},
	{"GET", "/headers", 200, "large head", 0},
	{"GET", "/none", 404, "", 0},
}

func checkVisit(t *testing.T, messages []*Message, version string, role Role) {
	t.Helper()
	requests := ofKind(messages, KindRequest)
	var responses []*Message
	for _, m := range ofKind(messages, KindResponse) {
		if m.Status == 103 {
			qt.Check(t, qt.Equals(string(m.Path), "/early"))
			continue
		}
		responses = append(responses, m)
	}
	qt.Assert(t, qt.HasLen(requests, len(visited)))
	qt.Assert(t, qt.HasLen(responses, len(visited)))
	for i, want := range visited {
		q, r := requests[i], responses[i]
		about := qt.Commentf("%s %s", want.method, want.path)
		for _, m := range []*Message{q, r} {
			qt.Check(t, qt.Equals(string(m.Method), want.method), about)
			qt.Check(t, qt.Equals(string(m.Path), want.path), about)
			qt.Check(t, qt.IsTrue(bytes.HasPrefix(m.Authority, []byte("127.0.0.1:"))), about)
			qt.Check(t, qt.Equals(m.Version, version), about)
			qt.Check(t, qt.Equals(m.Incomplete, ""), about)
			qt.Check(t, qt.Equals(m.BodyError, ""), about)
			qt.Check(t, qt.Equals(m.Role, role), about)
			qt.Check(t, qt.IsFalse(m.BodyCut), about)
		}
		qt.Check(t, qt.Equals(q.BodyBytes, uint64(want.sent)), about)
		qt.Check(t, qt.Equals(r.Status, want.status), about)
		qt.Check(t, qt.IsTrue(string(r.Body) == want.body), about)
		qt.Check(t, qt.IsTrue(r.Latency >= 0 && r.Start >= q.Start && q.End >= q.Start), about)
	}
	sum, ok := find(responses[4].Trailers, "x-sum")
	qt.Check(t, qt.IsTrue(ok))
	qt.Check(t, qt.Equals(string(sum), "five"))
	big, _ := requests[11].Get("x-big")
	qt.Check(t, qt.Equals(string(big), strings.Repeat("big~", 5000)))
	last, _ := responses[11].Get("x-large-39")
	qt.Check(t, qt.Equals(string(last), strings.Repeat("v~|", 300)+"39"))
}
