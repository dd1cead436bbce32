//go:build kernel

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// Whichever functions of OpenSSL a program calls, every byte is there once: by SSL_read and SSL_write, by those with _ex,
// and by a BIO_f_ssl, which comes by none of these. What it only looks at is a peek.
func TestOpenSSLFunctions(t *testing.T) {
	const size = 20011
	port := echoServer(t)
	for _, rung := range libraryRungsHere() {
		t.Run(rung, func(t *testing.T) {
			r := kerneltest.Start(t, "tlscap", "--json", "--raw", "--rung", rung, "--comm", "python3")
			pid, _ := run(t, exec.Command(python, "testdata/openssl.py", itoa(port), itoa(size)))
			qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
			qt.Check(t, qt.Equals(r.Account().Lost, 0))
			events := r.Events(of(pid))
			all := conversations(t, events)
			qt.Assert(t, qt.HasLen(all, 1))
			for key, s := range all {
				qt.Check(t, qt.IsTrue(strings.HasSuffix(key, "-"+itoa(port))), qt.Commentf("%s", key))
				equalBytes(t, "read", s["read"], bytes.Repeat(peerBody(size), 4))
				equalBytes(t, "write", s["write"], bytes.Repeat(peerBody(size), 4))
				equalBytes(t, "peek", s["peek"], bytes.Repeat(peerBody(16), 2))
			}
			carried := make(map[string]int)
			for _, e := range events {
				name := e["function"].(string)
				if name == "SSL_write_ex2" { // since 3.3 all that SSL_write_ex does is to jump there
					name = "SSL_write_ex"
				}
				carried[name] += int(kerneltest.Number(e["len"]))
			}
			qt.Check(t, qt.DeepEquals(carried, map[string]int{
				"SSL_write": size, "SSL_peek": 16, "SSL_read": size,
				"SSL_write_ex": size, "SSL_peek_ex": 16, "SSL_read_ex": size,
				"BIO_f_ssl.bwrite": 2 * size, "BIO_f_ssl.bread": 2 * size,
			}))
			validate(t, r)
		})
	}
}

// wwwOpenssl is s_server, which answers requests with files of a folder by BIO_f_ssl.
func wwwOpenssl(t testing.TB, dir, conf string, flags ...string) (server *exec.Cmd, port string) {
	t.Helper()
	port = freePort(t)
	server = exec.Command("openssl", append([]string{"s_server", "-accept", "127.0.0.1:" + port, "-cert", certFile, "-key", keyFile, "-WWW"}, flags...)...)
	server.Dir, server.Stderr = dir, os.Stderr
	if conf != "" {
		server.Env = append(os.Environ(), "OPENSSL_CONF="+conf)
	}
	qt.Assert(t, qt.IsNil(server.Start()))
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	waitListen(t, port)
	return server, port
}

// A server that uses nothing but BIO_f_ssl is seen as its client is: message by message.
//
//vmrun:kernels 6.12
func TestServerByBIO(t *testing.T) {
	dir := t.TempDir()
	page := peerBody(40009)
	qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, "page"), page, 0o644)))
	server, port := wwwOpenssl(t, dir, "")
	r := kerneltest.Start(t, "tlscap", "--json", "--raw")
	pids := make(map[int]bool)
	for range 3 {
		pid, stdout := run(t, exec.Command("curl", "-sk", "https://127.0.0.1:"+port+"/page"))
		qt.Assert(t, qt.Equals(stdout, string(page)))
		pids[pid] = true
	}
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	ends := conversations(t, r.Events(func(e kerneltest.Event) bool { return e["library"] != nil }))
	seen := 0
	for key, client := range ends {
		pid, ports, _ := strings.Cut(key, ":")
		if !pids[atoi(pid)] {
			continue
		}
		own, _, _ := strings.Cut(ports, "-")
		there := ends[itoa(server.Process.Pid)+":"+port+"-"+own]
		qt.Check(t, qt.Equals(string(there["read"]), string(client["write"])))
		qt.Check(t, qt.IsTrue(bytes.HasSuffix(there["write"], page)))
		equalBytes(t, "answer", there["write"], client["read"])
		seen++
	}
	qt.Check(t, qt.Equals(seen, 3))

	// The same as messages of HTTP, and in one connection each: what is freed is not taken for what comes next.
	r = kerneltest.Start(t, "tlscap", "--json", "-p", itoa(server.Process.Pid))
	for range 3 {
		run(t, exec.Command("curl", "-sk", "https://127.0.0.1:"+port+"/page"))
	}
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	connections := make(map[any]string)
	for _, e := range r.Events(of(server.Process.Pid)) {
		connections[e["conn"]] += e["message"].(string) + " "
	}
	qt.Check(t, qt.HasLen(connections, 3))
	for _, messages := range connections {
		qt.Check(t, qt.Equals(messages, "request response "))
	}
}

// Data that a client sends before the handshake has ended is there, once, at both ends.
//
//vmrun:kernels 5.10 6.12
func TestEarlyData(t *testing.T) {
	s := startOpenssl(t, "-early_data", "-max_early_data", "16384")
	session, early := filepath.Join(s.dir, "session"), filepath.Join(s.dir, "early")
	qt.Assert(t, qt.IsNil(os.WriteFile(early, peerBody(3001), 0o600)))
	r := kerneltest.Start(t, "tlscap", "--json", "--raw", "--comm", "openssl")
	ended := func() bool { return true }
	s.client(t, []string{"-sess_out", session}, ended, "said-first")
	s.client(t, []string{"-sess_in", session, "-early_data", early}, ended, "said-after")
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	said := make(map[string]string)
	for _, e := range r.Events(func(e kerneltest.Event) bool { return true }) {
		said[e["function"].(string)] += string(payload(t, e))
	}
	qt.Check(t, qt.DeepEquals(said, map[string]string{
		"SSL_write": "said-first\nsaid-after\n", "SSL_read": "said-first\nsaid-after\n",
		"SSL_write_early_data": string(peerBody(3001)), "SSL_read_early_data": string(peerBody(3001)),
	}))
}

// Of a file that the kernel encrypts on its way, the length is told.
//
//vmrun:kernels 5.10 6.12
func TestSendfile(t *testing.T) {
	if kernel == "5.10" {
		t.Skip("OpenSSL 1.1.1 has no SSL_sendfile")
	}
	if ulps, err := os.ReadFile("/proc/sys/net/ipv4/tcp_available_ulp"); err != nil || !bytes.Contains(ulps, []byte("tls")) {
		t.Skip("this kernel has no TLS of its own: modprobe tls")
	}
	dir := t.TempDir()
	page, conf := peerBody(40009), filepath.Join(dir, "conf")
	qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, "page"), page, 0o644)))
	qt.Assert(t, qt.IsNil(os.WriteFile(conf, []byte("openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\nOptions = KTLS\n"), 0o644)))
	server, port := wwwOpenssl(t, dir, conf, "-sendfile")
	r := kerneltest.Start(t, "tlscap", "--json", "--raw", "-p", itoa(server.Process.Pid))
	_, stdout := run(t, exec.Command("curl", "-sk", "https://127.0.0.1:"+port+"/page"))
	qt.Assert(t, qt.Equals(stdout, string(page)))
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	events := r.Events(of(server.Process.Pid))
	sent := int64(0)
	for _, e := range events {
		if e["op"] == "sendfile" {
			qt.Check(t, qt.Equals(e["function"], any("SSL_sendfile")))
			qt.Check(t, qt.Equals(kerneltest.Number(e["len"]), 0))
			qt.Check(t, qt.Equals(e["remote_addr"], any("127.0.0.1")))
			sent += kerneltest.Number(e["call_len"])
		}
	}
	qt.Check(t, qt.Equals(sent, int64(len(page))), qt.Commentf("%v", events))
	validate(t, r)
}
