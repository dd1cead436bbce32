package http

import (
	"crypto/tls"
	"io"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"os/exec"
	"testing"

	"github.com/go-quicktest/qt"
)

// terminate accepts connections in TLS, records what is said in them, and passes it on to a server that speaks in the
// clear.
func terminate(l net.Listener, config *tls.Config, server string, to *recording) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			inner := recorder{tls.Server(c, config), to}
			defer inner.Close()
			behind, err := net.Dial("tcp", server)
			if err != nil {
				return
			}
			go func() {
				io.Copy(behind, inner)
				behind.Close()
			}()
			io.Copy(inner, behind)
		}()
	}
}

// TestCurl: curl, whose HTTP/2 is that of nghttp2, is understood as well, and that it is a server which is traced.
func TestCurl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("no curl")
	}
	for flag, protocol := range map[string]string{"--http1.1": "http/1.1", "--http2": "h2"} {
		protocols := &nethttp.Protocols{}
		protocols.SetHTTP1(true)
		protocols.SetUnencryptedHTTP2(true)
		server := httptest.NewUnstartedServer(site(t))
		server.Config.Protocols = protocols
		server.Start()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		qt.Assert(t, qt.IsNil(err))
		withTLS := httptest.NewTLSServer(nil) // for its certificate
		rec := &recording{}
		go terminate(l, &tls.Config{Certificates: withTLS.TLS.Certificates, NextProtos: []string{protocol}}, server.Listener.Addr().String(), rec)
		url := "https://" + l.Addr().String()
		out, err := exec.Command("curl", "-ksS", flag, "--compressed", "-H", "X-Secret: repeated", "-d", "posted", url+"/echo",
			url+"/encoded?as=gzip", url+"/encoded?as=br", url+"/stream", url+"/headers", url+"/none").CombinedOutput()
		qt.Assert(t, qt.IsNil(err), qt.Commentf("%s: %s", flag, out))
		l.Close()
		server.Close()
		withTLS.Close()
		rec.mu.Lock()
		chunks := rec.chunks
		rec.mu.Unlock()
		for _, size := range []int{1, 9, 1000, 1 << 20} {
			messages := decode(t, Limits{}, cut(chunks, size))
			requests, responses := ofKind(messages, KindRequest), ofKind(messages, KindResponse)
			qt.Assert(t, qt.HasLen(requests, 6))
			qt.Assert(t, qt.HasLen(responses, 6))
			for i, path := range []string{"/echo", "/encoded?as=gzip", "/encoded?as=br", "/stream", "/headers", "/none"} {
				for _, m := range []*Message{requests[i], responses[i]} {
					qt.Check(t, qt.Equals(string(m.Path), path))
					qt.Check(t, qt.Equals(string(m.Method), "POST"))
					qt.Check(t, qt.Equals(m.Incomplete, ""))
					qt.Check(t, qt.Equals(m.Role, RoleServer))
				}
				secret, _ := requests[i].Get("x-secret")
				qt.Check(t, qt.Equals(string(secret), "repeated"))
				qt.Check(t, qt.Equals(string(requests[i].Body), "posted"))
			}
			qt.Check(t, qt.Equals(string(responses[0].Body), "posted"))
			qt.Check(t, qt.Equals(len(responses[2].Body), 50*len(sentence)))
		}
		// Joined later: the last request is there, and of it only fields that were sent before are unknown.
		for from := 1; from < len(chunks); from++ {
			if last := ofKind(decode(t, Limits{}, chunks[from:]), KindResponse); len(last) > 0 {
				qt.Check(t, qt.Equals(last[len(last)-1].Status, 404), qt.Commentf("from %d", from))
			}
		}
	}
}
