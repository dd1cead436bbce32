//go:build kernel

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

const nginxConf = `daemon off;
worker_processes 1;
pid %[1]s/pid;
error_log stderr;
events {}
http {
	access_log off;
	server {
		listen 127.0.0.1:%[2]s ssl http2;
		ssl_certificate %[3]s;
		ssl_certificate_key %[4]s;
		location / { return 200 "said inside TLS\n"; }
	}
}
`

// nginx starts one with one worker, which answers any request.
func nginx(t testing.TB) (port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	qt.Assert(t, qt.IsNil(err))
	_, port, _ = net.SplitHostPort(l.Addr().String())
	l.Close()
	conf := filepath.Join(t.TempDir(), "nginx.conf")
	text := fmt.Sprintf(nginxConf, filepath.Dir(conf), port, certFile, keyFile)
	qt.Assert(t, qt.IsNil(os.WriteFile(conf, []byte(text), 0o644)))
	cmd := exec.Command("/usr/sbin/nginx", "-c", conf, "-e", "stderr")
	if kernel == "5.10" { // whose nginx does not know -e
		cmd.Args = cmd.Args[:3]
	}
	qt.Assert(t, qt.IsNil(cmd.Start()))
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM) // by which the worker ends, too
		cmd.Wait()
	})
	waitFor(t, func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return port
}

// A server in its own right: what its worker reads and writes, by HTTP/1.1 and HTTP/2.
//
//vmrun:kernels 5.10 6.12
func TestNginx(t *testing.T) {
	port := nginx(t)
	r := kerneltest.Start(t, "tlscap", "--json", "--comm", "nginx")
	for _, version := range []string{"--http1.1", "--http2"} {
		_, stdout := run(t, exec.Command("curl", "-sk", version, "https://127.0.0.1:"+port+"/asked/by"+version))
		qt.Assert(t, qt.Equals(stdout, "said inside TLS\n"))
	}
	qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
	events := r.Events(func(e kerneltest.Event) bool { return e["message"] != nil && e["method"] != nil })
	qt.Assert(t, qt.HasLen(events, 4), qt.Commentf("%v", events))
	for i, want := range []map[string]any{
		{"message": "request", "op": "read", "method": "GET", "path": "/asked/by--http1.1", "http_version": "HTTP/1.1"},
		{"message": "response", "op": "write", "path": "/asked/by--http1.1", "body": "said inside TLS\n"},
		{"message": "request", "op": "read", "method": "GET", "path": "/asked/by--http2", "http_version": "HTTP/2"},
		{"message": "response", "op": "write", "path": "/asked/by--http2", "body": "said inside TLS\n"},
	} {
		for name, value := range want {
			qt.Check(t, qt.Equals(events[i][name], value), qt.Commentf("%s of message %d", name, i))
		}
		qt.Check(t, qt.Equals(fmt.Sprint(events[i]["local_port"]), port))
	}
	validate(t, r)
}

// Node has OpenSSL in its own file or in a library, depending on who built it, and gives it
// memory instead of a socket.
//
//vmrun:kernels 6.12
func TestNode(t *testing.T) {
	w := startWaiting(t, exec.Command("node", "testdata/node.js", certFile, keyFile))
	r := kerneltest.Start(t, "tlscap", "--json", "-p", itoa(w.cmd.Process.Pid))
	w.finish(t)
	qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
	ops := make(map[string]int)
	for _, e := range r.Events(of(w.cmd.Process.Pid)) {
		ops[fmt.Sprintf("%v %v %v %v", e["op"], e["message"], e["path"], e["body"])]++
	}
	qt.Check(t, qt.DeepEquals(ops, map[string]int{
		"write request /node asked inside TLS\n": 1, "read request /node asked inside TLS\n": 1,
		"write response /node answered inside TLS\n": 1, "read response /node answered inside TLS\n": 1,
	}))
	validate(t, r)
}
