//go:build kernel

package main

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// wwwServer is a server with one document, /hello, that ends connections as it should.
func wwwServer(t testing.TB) (url string) {
	t.Helper()
	certificate, err := tls.LoadX509KeyPair(certFile, keyFile)
	qt.Assert(t, qt.IsNil(err))
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "said inside TLS\n")
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL + "/hello"
}

// Programs with several libraries: each message of HTTP is there once, from the one that
// the program uses.
func TestClients(t *testing.T) {
	url := wwwServer(t)
	r := kerneltest.Start(t, "tlscap", "--json")
	for _, client := range []struct{ command, library string }{
		{"curl -sk", "libssl.so."},
		{"/usr/bin/wget -q -O /dev/null --no-check-certificate", "libgnutls.so."}, // and not that of busybox
	} {
		t.Run(words(client.command)[0], func(t *testing.T) {
			cmd := exec.Command(words(client.command)[0], append(words(client.command)[1:], url)...)
			pid, _ := run(t, cmd)
			pids = append(pids, pid)
			libraries = append(libraries, client.library)
		})
	}
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	for i, pid := range pids {
		events := r.Events(of(pid))
		qt.Assert(t, qt.Equals(len(events), 2), qt.Commentf("%s: %v", libraries[i], events))
		for j, want := range []map[string]any{
			{"message": "request", "op": "write", "method": "GET", "path": "/hello"},
			{"message": "response", "op": "read", "path": "/hello", "body": "said inside TLS\n"},
		} {
			for name, value := range want {
				qt.Check(t, qt.Equals(events[j][name], value), qt.Commentf("%s of %s", name, libraries[i]))
			}
			qt.Check(t, qt.StringContains(events[j]["library"].(string), libraries[i]))
			qt.Check(t, qt.Equals(events[j]["remote_addr"], any("127.0.0.1")))
		}
		qt.Check(t, qt.Equals(kerneltest.Number(events[1]["status"]), 200))
	}
	validate(t, r)
}

var (
	pids      []int
	libraries []string
)

// A process with a library of its own, in a root of its own, is found when it starts.
//
//vmrun:kernels 6.12
func TestOtherRoot(t *testing.T) {
	url := wwwServer(t)
	root := t.TempDir()
	script := `set -e
for f in "$(command -v curl)" $(ldd "$(command -v curl)" | grep -o '/[^ ]*'); do
	mkdir -p "$1$(dirname "$f")" && cp -L "$f" "$1$f"
done`
	out, err := exec.Command("sh", "-c", script, "sh", root).CombinedOutput()
	qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", out))
	curl, err := exec.LookPath("curl")
	qt.Assert(t, qt.IsNil(err))
	r := kerneltest.Start(t, "tlscap", "--json", "--comm", "curl")
	// The first run can be over before its library is found; the file stays known.
	run(t, exec.Command("chroot", root, curl, "-sk", url))
	waitFor(t, func() bool {
		pid, _ := run(t, exec.Command("chroot", root, curl, "-sk", url))
		return strings.Contains(r.Stdout(), `"pid":`+itoa(pid)+",")
	})
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	for _, e := range r.Events(func(kerneltest.Event) bool { return true }) {
		qt.Check(t, qt.StringContains(e["library"].(string), "libssl.so."))
	}
}

// What is no library is refused, with a word about why.
//
//vmrun:kernels 6.12
func TestNamedFiles(t *testing.T) {
	for _, args := range [][]string{{"--lib", "/nonexistent"}, {"--lib", "/bin/sh"}, {"--exe", "/etc/passwd"}, {"--lib", "/proc/self/mem"}} {
		stdout, stderr, code := kerneltest.Output(t, kerneltest.Command(t, "tlscap", args...))
		qt.Check(t, qt.Equals(stdout, ""))
		qt.Check(t, qt.IsTrue(code == 1 || code == 2), qt.Commentf("%v: %d %s", args, code, stderr))
		qt.Check(t, qt.StringContains(stderr, args[1]))
	}
}

// The lines are those that GnuTLS itself writes, with TLS 1.2 and 1.3.
func TestKeylogOfGnuTLS(t *testing.T) {
	url := wwwServer(t)
	dir := t.TempDir()
	ours := filepath.Join(dir, "ours")
	r := kerneltest.Start(t, "tlscap", "--mode", "keylog", "--keylog-file", ours, "--comm", "wget")
	var theirs []string
	for i, priority := range []string{"NORMAL:-VERS-TLS1.3", "NORMAL"} {
		cmd := exec.Command("/usr/bin/wget", "-q", "-O", "/dev/null", "--no-check-certificate", "--ciphers="+priority, url)
		theirs = append(theirs, filepath.Join(dir, itoa(i)))
		cmd.Env = append(os.Environ(), "SSLKEYLOGFILE="+theirs[i])
		run(t, cmd)
	}
	qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
	qt.Check(t, qt.HasLen(logged(t, theirs[0]), 1))
	qt.Check(t, qt.HasLen(logged(t, theirs[1]), 5))
	qt.Check(t, qt.DeepEquals(logged(t, ours), logged(t, theirs...)))
}
