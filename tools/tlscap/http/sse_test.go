package http

import (
	"fmt"
	"io"
	nethttp "net/http"
	"testing"

	"github.com/go-quicktest/qt"
)

// TestServerSentEvents: the response is told when it begins, and each event when it is complete.
func TestServerSentEvents(t *testing.T) {
	handler := func(w nethttp.ResponseWriter, _ *nethttp.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		for i := range 7 {
			fmt.Fprintf(w, "id: %d\r\ndata: one\ndata: two\n", i)
			w.(nethttp.Flusher).Flush()
			fmt.Fprint(w, "\n")
			w.(nethttp.Flusher).Flush()
		}
		fmt.Fprint(w, "\n\ndata: without end")
	}
	for _, version2 := range []bool{false, true} {
		chunks := record(t, version2, handler, func(client *nethttp.Client, url string) {
			resp, err := client.Get(url + "/events")
			qt.Assert(t, qt.IsNil(err))
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		})
		messages := decode(t, Limits{}, chunks)
		var got []string
		for _, m := range messages {
			if m.Kind == KindRequest || m.Kind == KindResponse || m.Kind == KindSSE {
				got = append(got, fmt.Sprintf("%v %s %d %q %s", m.Kind, m.Path, m.Index, m.Body, m.Incomplete))
			}
		}
		want := []string{`request /events 0 "" `, `response /events 0 "" `}
		for i := range 7 {
			want = append(want, fmt.Sprintf(`sse /events %d "id: %d\r\ndata: one\ndata: two" `, i, i))
		}
		qt.Check(t, qt.DeepEquals(got, append(want, `sse /events 7 "data: without end" stream ended`)))
		everySize(t, chunks)
	}
}

func BenchmarkHTTP1(b *testing.B) {
	request := []byte("GET /index.html?q=1 HTTP/1.1\r\nHost: example.org\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n")
	response := append([]byte("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2000\r\n\r\n"), make([]byte, 2000)...)
	d := New(Limits{}, func(int, *Message) {})
	b.SetBytes(int64(len(request) + len(response)))
	b.ReportAllocs()
	for b.Loop() {
		d.Add(1, Chunk{Dir: Sent, Data: request})
		d.Add(1, Chunk{Dir: Received, Data: response})
	}
	if d.Stats().Messages != 2*uint64(b.N) {
		b.Fatal(d.Stats())
	}
}
