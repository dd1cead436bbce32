//go:build kernel

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

const bsslRequest = "GET / HTTP/1.0\r\n\r\n"

// bssl runs a client of BoringSSL against a server of it, which answers a request; it returns both processes, and what
// the client logged.
func bssl(t *testing.T, version string) (server, client int, log string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	qt.Assert(t, qt.IsNil(err))
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	s := exec.Command("bssl-tool", "server", "-accept", port, "-key", keyFile, "-cert", certFile, "-www")
	qt.Assert(t, qt.IsNil(s.Start()))
	t.Cleanup(func() { s.Process.Kill(); s.Wait() })
	log = filepath.Join(t.TempDir(), "log")
	c := exec.Command("bssl-tool", "client", "-max-version", version, "-connect", "localhost:"+port)
	in, out, err := os.Pipe() // which stays open until there is an answer
	qt.Assert(t, qt.IsNil(err))
	defer out.Close()
	defer in.Close()
	_, err = out.WriteString(bsslRequest)
	qt.Assert(t, qt.IsNil(err))
	c.Stdin = in
	c.Env = append(os.Environ(), "SSLKEYLOGFILE="+log)
	waitListen(t, port) // it takes one connection, so nobody may try
	client, _ = run(t, c)
	return s.Process.Pid, client, log
}

// BoringSSL exports no function that logs secrets, and has other labels than OpenSSL.
//
//vmrun:kernels here
func TestBoringSSL(t *testing.T) {
	found, err := filepath.Glob("/usr/lib/*/android/libssl.so.0") // a place that is looked at only when a process has it
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.HasLen(found, 1))
	for _, version := range []string{"tls1.2", "tls1.3"} {
		t.Run(version, func(t *testing.T) {
			r := kerneltest.Start(t, "tlscap", "--json", "--raw", "--lib", found[0])
			server, client, _ := bssl(t, version)
			qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
			validate(t, r)
			all := conversations(t, r.Events(func(kerneltest.Event) bool { return true }))
			qt.Assert(t, qt.HasLen(all, 2))
			byProcess := make(map[string]said)
			for key, c := range all {
				pid, _, _ := strings.Cut(key, ":")
				byProcess[pid] = c
			}
			asked, answered := byProcess[fmt.Sprint(client)], byProcess[fmt.Sprint(server)]
			qt.Check(t, qt.Equals(string(asked["write"]), bsslRequest))
			qt.Check(t, qt.StringContains(string(asked["read"]), "HTTP/1.0 200 OK\r\n"))
			equalBytes(t, "answer", answered["write"], asked["read"])

			ours := filepath.Join(t.TempDir(), "ours")
			r = kerneltest.Start(t, "tlscap", "--mode", "keylog", "--keylog-file", ours, "--json", "--lib", found[0])
			_, _, log := bssl(t, version)
			qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
			want := logged(t, log)
			qt.Check(t, qt.Equals(len(want), map[string]int{"tls1.2": 1, "tls1.3": 5}[version]))
			qt.Check(t, qt.DeepEquals(logged(t, ours), want))
		})
	}
}
