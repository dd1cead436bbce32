//go:build kernel

package main

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// echoServer answers with what it gets, on each connection in turn.
func echoServer(t testing.TB) (port int) {
	t.Helper()
	certificate, err := tls.LoadX509KeyPair(certFile, keyFile)
	qt.Assert(t, qt.IsNil(err))
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}})
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.Copy(c, c)
			c.Close()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// What a program says by NSS is there once, byte for byte, whichever method of NSPR it calls, and what it looked at before
// it read it as a peek. What is not TLS, such as the files that it reads by PR_Read, is not.
func TestNSS(t *testing.T) {
	const size = 50021
	port := echoServer(t)
	for _, rung := range libraryRungsHere() {
		t.Run(rung, func(t *testing.T) {
			r := kerneltest.Start(t, "tlscap", "--json", "--raw", "--rung", rung, "--comm", "python3")
			pid, _ := run(t, exec.Command(python, "testdata/nss.py", itoa(port), itoa(size)))
			qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
			qt.Check(t, qt.Equals(r.Account().Lost, 0))
			events := r.Events(of(pid))
			all := conversations(t, events)
			qt.Assert(t, qt.HasLen(all, 1))
			want := bytes.Repeat(peerBody(size), 2)
			for key, s := range all {
				qt.Check(t, qt.IsTrue(strings.HasSuffix(key, "-"+itoa(port))), qt.Commentf("%s", key))
				equalBytes(t, "read", s["read"], want)
				equalBytes(t, "write", s["write"], want)
				equalBytes(t, "peek", s["peek"], peerBody(16))
			}
			calls := make(map[string]int)
			for _, e := range events {
				qt.Check(t, qt.StringContains(e["library"].(string), "libssl3.so"))
				qt.Check(t, qt.Equals(e["remote_addr"], any("127.0.0.1")))
				if e["op"] != "read" { // which is as many calls as records came
					calls[e["op"].(string)+" "+e["function"].(string)]++
				}
			}
			// PR_Writev calls ssl_Send for as much as goes into one record of TLS, or for each piece, as the version has it.
			qt.Check(t, qt.IsTrue(calls["write ssl_Send"] >= 2), qt.Commentf("%v", calls))
			delete(calls, "write ssl_Send")
			qt.Check(t, qt.DeepEquals(calls, map[string]int{"peek ssl_Recv": 1}))
			validate(t, r)
		})
	}
}

// Another library alone is not NSS.
//
//vmrun:kernels 6.12
func TestNSSNotAsked(t *testing.T) {
	port := echoServer(t)
	r := kerneltest.Start(t, "tlscap", "--json", "--raw", "--lib", libraryOf(t, "libssl.so."))
	pid, _ := run(t, exec.Command(python, "testdata/nss.py", itoa(port), "1009"))
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	qt.Check(t, qt.HasLen(r.Events(of(pid)), 0))
}

// libraryOf is the path of a library in the usual places.
func libraryOf(t testing.TB, begin string) string {
	t.Helper()
	paths, _ := filepath.Glob("/usr/lib/*/" + begin + "*")
	qt.Assert(t, qt.IsTrue(len(paths) > 0), qt.Commentf("%s", begin))
	return paths[0]
}

// The programs of NSS itself, at both ends, in TLS 1.2 and 1.3: the client's output is what it has read.
//
//vmrun:kernels 6.12
func TestNSSPrograms(t *testing.T) {
	dir := t.TempDir()
	db, bundle, request := "sql:"+dir, filepath.Join(dir, "server.p12"), filepath.Join(dir, "request")
	for _, args := range [][]string{
		{"openssl", "pkcs12", "-export", "-in", certFile, "-inkey", keyFile, "-name", "server", "-passout", "pass:", "-out", bundle},
		{"certutil", "-N", "-d", db, "--empty-password"},
		{"pk12util", "-i", bundle, "-d", db, "-W", "", "-K", ""},
	} {
		run(t, exec.Command(args[0], args[1:]...))
	}
	qt.Assert(t, qt.IsNil(os.WriteFile(request, []byte("GET /said-by-NSS HTTP/1.0\r\n\r\n"), 0o600)))

	port := freePort(t)
	server := exec.Command("selfserv", "-d", db, "-n", "server", "-e", "server", "-p", port, "-V", "tls1.2:tls1.3")
	server.Stderr = os.Stderr
	qt.Assert(t, qt.IsNil(server.Start()))
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	waitFor(t, func() bool {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	r := kerneltest.Start(t, "tlscap", "--json", "--raw")
	answers := make(map[int]string)
	for _, version := range []string{"tls1.2", "tls1.3"} {
		pid, stdout := run(t, exec.Command("tstclnt", "-D", "-o", "-h", "127.0.0.1", "-p", port, "-V", version+":"+version, "-A", request))
		answers[pid] = stdout
	}
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	ends := conversations(t, r.Events(func(e kerneltest.Event) bool {
		return strings.Contains(e["library"].(string), "libssl3.so")
	}))
	qt.Check(t, qt.HasLen(ends, 2*len(answers)))
	for pid, answer := range answers {
		qt.Assert(t, qt.StringContains(answer, "200 OK"))
		for key, client := range ends {
			ports, ok := strings.CutPrefix(key, strconv.Itoa(pid)+":")
			if !ok {
				continue
			}
			own, _, _ := strings.Cut(ports, "-")
			there := ends[strconv.Itoa(server.Process.Pid)+":"+port+"-"+own]
			qt.Check(t, qt.Equals(string(client["write"]), "GET /said-by-NSS HTTP/1.0\r\n\r\n"))
			qt.Check(t, qt.Equals(string(client["read"]), answer))
			qt.Check(t, qt.Equals(string(there["read"]), string(client["write"])))
			qt.Check(t, qt.Equals(string(there["write"]), answer))
			delete(answers, pid)
		}
	}
	qt.Check(t, qt.HasLen(answers, 0))
}
