//go:build kernel

package pcap

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"
)

// TestDecrypt captures a real conversation of openssl s_client with openssl s_server on the loopback of a network of
// its own, and lets tshark decrypt the file, with no key but those that are in it.
func TestDecrypt(t *testing.T) {
	for _, name := range []string{"openssl", "tshark"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("no %s", name)
		}
	}
	runtime.LockOSThread() // and never unlock: the thread ends with its network
	qt.Assert(t, qt.IsNil(unix.Unshare(unix.CLONE_NEWNET)))
	up(t)
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	run(t, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=h", "-keyout", path("key"), "-out", path("cert"))
	for _, version := range []string{"-tls1_2", "-tls1_3"} { // no subtests: they have threads of their own
		decrypt(t, dir, version)
	}
}

func decrypt(t *testing.T, dir, version string) {
	path := func(name string) string { return filepath.Join(dir, name) }
	page, keyLog := "page"+version, path("keys"+version)
	packets := listen(t)
	qt.Assert(t, qt.IsNil(os.WriteFile(path(page), []byte("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nthe page"), 0o644)))
	server := exec.Command("openssl", "s_server", "-accept", "127.0.0.1:8443", "-cert", path("cert"), "-key", path("key"), "-quiet", "-naccept", "1", "-HTTP")
	server.Dir = dir
	start(t, server)
	client := exec.Command("openssl", "s_client", "-connect", "127.0.0.1:8443", "-keylogfile", keyLog, "-quiet", version)
	in, err := client.StdinPipe()
	qt.Assert(t, qt.IsNil(err))
	start(t, client)
	io.WriteString(in, "GET /"+page+" HTTP/1.0\r\n\r\n")
	time.Sleep(2 * time.Second)
	in.Close()
	client.Wait()
	server.Wait()

	taken := filter(t, packets(), "tcp port 8443")
	qt.Check(t, qt.IsTrue(len(taken) > 8))
	qt.Check(t, qt.Equals(uris(t, path("without"), taken, ""), ""))
	keys, err := os.ReadFile(keyLog)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(uris(t, path("with"), taken, string(keys)), "/"+page+"\topenssl, pid 7\n"))
}

func filter(t *testing.T, all []Record, expression string) (taken []Record) {
	t.Helper()
	f, err := Compile(expression)
	qt.Assert(t, qt.IsNil(err))
	for _, r := range all {
		if p := Parse(LinkEthernet, r.Data, r.Length); f.Match(&p) {
			taken = append(taken, r)
		}
	}
	return taken
}

// uris writes a file of packets and key lines, the latter last as they come from a client, and returns what tshark sees
// in the clear: URIs, and the comments of their packets.
func uris(t *testing.T, path string, packets []Record, keys string) string {
	t.Helper()
	file, err := os.Create(path)
	qt.Assert(t, qt.IsNil(err))
	w, err := NewWriter(file, "ringside", Interface{Name: "lo", Link: LinkEthernet})
	qt.Assert(t, qt.IsNil(err))
	for _, r := range packets {
		r.Comment = []byte("openssl, pid 7")
		qt.Assert(t, qt.IsNil(w.Packet(r)))
	}
	for line := range strings.Lines(keys) {
		if !strings.HasPrefix(line, "#") {
			qt.Assert(t, qt.IsNil(w.Secret([]byte(line))))
		}
	}
	qt.Assert(t, qt.IsNil(w.Close(time.Now().UnixNano())))
	qt.Assert(t, qt.IsNil(file.Close()))
	out, err := exec.Command("tshark", "-r", path, "-d", "tcp.port==8443,tls", "-Y", "http.request", "-T", "fields", "-e", "http.request.uri", "-e", "frame.comment").Output()
	qt.Assert(t, qt.IsNil(err))
	return string(out)
}

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", out))
}

// start starts a command in the network of this thread, and gives it time to listen.
func start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	qt.Assert(t, qt.IsNil(cmd.Start()))
	t.Cleanup(func() { cmd.Process.Kill() })
	time.Sleep(500 * time.Millisecond)
}

// up brings the loopback up.
func up(t *testing.T) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	qt.Assert(t, qt.IsNil(err))
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	qt.Assert(t, qt.IsNil(err))
	req.SetUint16(unix.IFF_UP)
	qt.Assert(t, qt.IsNil(unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)))
}

// listen captures what goes over the loopback until the returned function is called.
func listen(t *testing.T) func() []Record {
	t.Helper()
	const all = unix.ETH_P_ALL<<8 | unix.ETH_P_ALL>>8
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, all)
	qt.Assert(t, qt.IsNil(err))
	i, err := net.InterfaceByName("lo")
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: i.Index})))
	return func() (records []Record) {
		defer unix.Close(fd)
		b := make([]byte, 1<<17)
		for {
			n, from, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT)
			if err != nil {
				return records
			}
			// The loopback shows each packet twice: as sent and as received.
			if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING {
				continue
			}
			records = append(records, Record{Time: time.Now().UnixNano(), Data: append([]byte(nil), b[:n]...), Length: n})
		}
	}
}
