//go:build kernel

package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
	"github.com/ringside-tools/ringside/internal/output"
)

// kernel is the name of the kernel in the matrix, "" on another machine.
var kernel = os.Getenv("RINGSIDE_KERNEL")

// The certificate of all servers, and its key.
var certFile, keyFile string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "tlscap")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
		err = makeCertificate()
	}
	if err == nil {
		err = loopbackUp()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func makeCertificate() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(240 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for path, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// loopbackUp sets up the loopback interface, which a fresh machine has down.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, ifr); err != nil {
		return err
	}
	ifr.SetUint16(ifr.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr)
}

// libraryRungsHere are those that this kernel has.
func libraryRungsHere() []string {
	if kernel == "5.10" || kernel == "6.1" {
		return []string{"uprobe"}
	}
	return kerneltest.Rungs("uprobe_multi", "uprobe")
}

// python is the system's own interpreter, which uses the system's OpenSSL.
const python = "/usr/bin/python3"

// peer prepares testdata/peer.py.
func peer(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	return exec.Command(python, append([]string{"testdata/peer.py", certFile, keyFile}, args...)...)
}

// peerBody is what peer.py sends.
func peerBody(size int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "%015d\n", i)
	}
	return b.Bytes()[:size]
}

// waiting is a program that waits for a line.
type waiting struct {
	cmd    *exec.Cmd
	stdin  interface{ Write([]byte) (int, error) }
	stdout *bufio.Reader
}

// waitingPeer starts peer.py with all connections open, and returns when they are.
func waitingPeer(t testing.TB, args ...string) *waiting {
	t.Helper()
	return startWaiting(t, peer(t, args...))
}

// startWaiting starts a program that says when it is ready.
func startWaiting(t testing.TB, cmd *exec.Cmd) *waiting {
	t.Helper()
	w := &waiting{cmd: cmd}
	w.cmd.Env = append(os.Environ(), "PEER_WAIT=1")
	stdin, err := w.cmd.StdinPipe()
	qt.Assert(t, qt.IsNil(err))
	stdout, err := w.cmd.StdoutPipe()
	qt.Assert(t, qt.IsNil(err))
	w.cmd.Stderr = os.Stderr
	w.stdin, w.stdout = stdin, bufio.NewReader(stdout)
	qt.Assert(t, qt.IsNil(w.cmd.Start()))
	t.Cleanup(func() { w.cmd.Process.Kill(); w.cmd.Wait() })
	line, err := w.stdout.ReadString('\n')
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.Equals(line, "ready\n"))
	return w
}

// finish lets it go on, and waits for its end.
func (w *waiting) finish(t testing.TB) {
	t.Helper()
	_, err := w.stdin.Write([]byte("\n"))
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(w.cmd.Wait()))
}

// output runs a program to its end, which must be a good one.
func run(t testing.TB, cmd *exec.Cmd) (pid int, stdout string) {
	t.Helper()
	stdout, stderr, code := kerneltest.Output(t, cmd)
	qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s: %s", cmd, stderr))
	return cmd.Process.Pid, stdout
}

// said is what was said on a connection, by op.
type said map[string][]byte

// conversations puts together what was said, by process and both ports, and checks that
// pieces follow each other.
func conversations(t testing.TB, events []kerneltest.Event) map[string]said {
	t.Helper()
	all := make(map[string]said)
	next := make(map[string]int64) // where the next piece of a call begins
	for _, e := range events {
		key := fmt.Sprintf("%v:%v-%v", e["pid"], e["local_port"], e["remote_port"])
		if all[key] == nil {
			all[key] = make(said)
		}
		op := e["op"].(string)
		data := payload(t, e)
		at, call := kerneltest.Number(e["call_at"]), fmt.Sprintf("%v %s", e["conn"], op)
		qt.Assert(t, qt.Equals(at, next[call]), qt.Commentf("%v", e["time"]))
		next[call] = 0
		if e["continued"] == true {
			next[call] = at + int64(len(data))
		} else if op != "sendfile" {
			qt.Assert(t, qt.Equals(at+int64(len(data)), kerneltest.Number(e["call_len"])))
		}
		qt.Check(t, qt.Equals(kerneltest.Number(e["missing"]), 0))
		all[key][op] = append(all[key][op], data...)
	}
	return all
}

// payload is the bytes of an event.
func payload(t testing.TB, e kerneltest.Event) []byte {
	t.Helper()
	text, _ := e["data"].(string)
	data := []byte(text)
	if b64, ok := e["data_b64"].(string); ok {
		var err error
		data, err = base64.StdEncoding.DecodeString(b64)
		qt.Assert(t, qt.IsNil(err))
	}
	qt.Assert(t, qt.Equals(int64(len(data)), kerneltest.Number(e["len"])))
	return data
}

// of matches the events of a process.
func of(pid int) func(kerneltest.Event) bool { return kerneltest.Of(pid) }

func validate(t *testing.T, r *kerneltest.Run) {
	t.Helper()
	r.Validate(output.Schema("tlscap", schemaVersion, fields))
}

// equalBytes compares without printing a megabyte.
func equalBytes(t testing.TB, what string, got, want []byte) {
	t.Helper()
	qt.Check(t, qt.Equals(len(got), len(want)), qt.Commentf("%s", what))
	qt.Check(t, qt.IsTrue(bytes.Equal(got, want)), qt.Commentf("%s: %d bytes, want %d", what, len(got), len(want)))
}

func words(s string) []string { return strings.Fields(s) }
