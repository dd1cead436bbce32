//go:build kernel

package main

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// A protocol that begins in the clear and then goes on inside TLS: what psql asks and what it is answered are seen.
//
//vmrun:kernels 6.12
func TestPsql(t *testing.T) {
	if _, err := exec.LookPath("psql"); err != nil {
		t.Skip("no psql")
	}
	port := postgres(t)
	r := kerneltest.Start(t, "tlscap", "--raw", "--json", "--comm", "psql")
	cmd := exec.Command("psql", "-X", "-At", "-h", "127.0.0.1", "-p", port, "-U", "u", "-d", "d", "-c", "SELECT secret FROM vault")
	cmd.Env = append(os.Environ(), "PGSSLMODE=require", "PGGSSENCMODE=disable")
	stdout, stderr, code := kerneltest.Output(t, cmd)
	qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	qt.Assert(t, qt.Equals(stdout, "swordfish\n"))
	qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
	said := make(map[any]string)
	for _, e := range r.Events(func(e kerneltest.Event) bool { return true }) {
		said[e["op"]] += e["data"].(string)
		qt.Check(t, qt.Equals(kerneltest.Number(e["remote_port"]), int64(atoi(port))))
	}
	qt.Check(t, qt.StringContains(said["write"], "SELECT secret FROM vault"))
	qt.Check(t, qt.StringContains(said["read"], "swordfish"))
	qt.Check(t, qt.IsFalse(strings.Contains(said["read"], "SELECT secret")))
}

// postgres is a server that knows one answer, to any query.
func postgres(t testing.TB) (port string) {
	t.Helper()
	certificate, err := tls.LoadX509KeyPair(certFile, keyFile)
	qt.Assert(t, qt.IsNil(err))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serveQueries(c, &tls.Config{Certificates: []tls.Certificate{certificate}})
		}
	}()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return port
}

// serveQueries speaks the protocol of PostgreSQL, version 3: a type, a length that counts itself, and a body; the first
// message of each side has no type.
func serveQueries(c net.Conn, config *tls.Config) {
	defer c.Close()
	request := make([]byte, 8) // asks for TLS
	if _, err := io.ReadFull(c, request); err != nil {
		return
	}
	c.Write([]byte("S"))
	s := tls.Server(c, config)
	body := func() []byte {
		var length [4]byte
		if _, err := io.ReadFull(s, length[:]); err != nil {
			return nil
		}
		b := make([]byte, binary.BigEndian.Uint32(length[:])-4)
		io.ReadFull(s, b)
		return b
	}
	message := func(kind byte, body string) []byte {
		b := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4))
		return append(b, body...)
	}
	ready := message('Z', "I")
	body() // who and which database
	s.Write(append(append(message('R', "\x00\x00\x00\x00"), message('S', "server_version\x0015.0\x00")...), ready...))
	for kind := make([]byte, 1); ; {
		if _, err := io.ReadFull(s, kind); err != nil || kind[0] == 'X' || body() == nil {
			return
		}
		column := "secret\x00" + "\x00\x00\x00\x00" + "\x00\x00" + "\x00\x00\x00\x19" + "\xff\xff" + "\xff\xff\xff\xff" + "\x00\x00"
		answer := message('T', "\x00\x01"+column)
		answer = append(answer, message('D', "\x00\x01\x00\x00\x00\x09swordfish")...)
		s.Write(append(append(answer, message('C', "SELECT 1\x00")...), ready...))
	}
}
