//go:build kernel

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// tlsServer is openssl s_server that answers requests for files, in our network.
func tlsServer(t testing.TB) (port, page string) {
	t.Helper()
	dir := t.TempDir()
	page = "page-1009"
	qt.Assert(t, qt.IsNil(os.WriteFile(filepath.Join(dir, page), []byte("the page\n"), 0o644)))
	port = "8443"
	server := exec.Command("openssl", "s_server", "-accept", "127.0.0.1:"+port, "-cert", certFile, "-key", keyFile, "-quiet", "-WWW")
	server.Dir = dir
	qt.Assert(t, qt.IsNil(server.Start()))
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	listens := regexp.MustCompile(`:20FB .* 0A `)
	waitFor(t, func() bool {
		text, err := os.ReadFile("/proc/thread-self/net/tcp")
		return err == nil && listens.Match(text)
	})
	return port, page
}

// tsharkURIs are the requests that tshark sees in the clear in a file, without any key of its own.
func tsharkURIs(t testing.TB, path, port string) string {
	t.Helper()
	cmd := exec.Command("tshark", "-r", path, "-d", "tcp.port=="+port+",tls", "-Y", "http.request", "-T", "fields", "-e", "http.request.uri", "-e", "frame.comment")
	cmd.Env = append(os.Environ(), "SSLKEYLOGFILE=", "HOME="+t.TempDir())
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	qt.Assert(t, qt.IsNil(err), qt.Commentf("%s", &stderr))
	return string(out)
}

// tcpdump captures beside us until the returned function is called, which has its packets.
func tcpdump(t testing.TB, filter ...string) func() []packet {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tcpdump")
	cmd := exec.Command("tcpdump", append([]string{"-i", "lo", "-w", path, "-U", "--immediate-mode", "-Z", "root"}, filter...)...)
	log, err := os.Create(path + ".log")
	qt.Assert(t, qt.IsNil(err))
	defer log.Close()
	cmd.Stderr = log
	qt.Assert(t, qt.IsNil(cmd.Start()))
	t.Cleanup(func() { cmd.Process.Kill() })
	waitFor(t, func() bool {
		text, err := os.ReadFile(path + ".log")
		return err == nil && bytes.Contains(text, []byte("listening on"))
	})
	return func() (all []packet) {
		time.Sleep(300 * time.Millisecond) // what it has not read yet it would drop
		qt.Assert(t, qt.IsNil(cmd.Process.Signal(os.Interrupt)))
		cmd.Wait()
		f, err := os.Open(path)
		qt.Assert(t, qt.IsNil(err))
		defer f.Close()
		r, err := pcapgo.NewReader(f)
		qt.Assert(t, qt.IsNil(err))
		for {
			data, info, err := r.ReadPacketData()
			if err != nil {
				return all
			}
			all = append(all, packet{data: string(data), length: info.Length})
		}
	}
}

// Tshark decrypts our file as it is, and sees whose the packets are. What tcpdump captures is the same.
func TestPacketsDecrypted(t *testing.T) {
	for _, version := range []string{"1.2", "1.3"} {
		t.Run(version, func(t *testing.T) {
			ownNetwork(t)
			port, page := tlsServer(t)
			r, path := startPackets(t, "-i", "lo", "--comm", "curl", "tcp", "port", port) // others on the machine have secrets, too
			var beside func() []packet
			if kernel == "" { // the machines of the matrix have neither tcpdump nor tshark
				beside = tcpdump(t, "tcp port "+port)
			}
			client, out := run(t, exec.Command("curl", "-sk", "--tlsv"+version, "--tls-max", version, "https://127.0.0.1:"+port+"/"+page))
			qt.Check(t, qt.Equals(out, "the page\n"))
			time.Sleep(pause()) // the server closes
			got := stopPackets(t, r, path)
			qt.Check(t, qt.IsTrue(len(got) > 8))
			for _, p := range got {
				qt.Check(t, qt.StringContains(p.comment, fmt.Sprintf(", pid %d, uid 0", client)))
				qt.Check(t, qt.StringContains(p.comment, "openssl, pid "))
			}
			text, err := os.ReadFile(path)
			qt.Assert(t, qt.IsNil(err))
			secrets := map[string]int{"1.2": 1, "1.3": 5}[version]
			qt.Check(t, qt.StringContains(r.Stderr(), fmt.Sprintf("packets and %d secrets written", secrets)))
			// All of them stand before the first packet, unless an emulated machine took more than a second to come by them.
			first := bytes.Index(text, []byte(got[0].data))
			if kernel != "" {
				first = len(text)
			}
			qt.Check(t, qt.Equals(bytes.Count(text[:first], []byte("KSLT")), secrets))
			if beside == nil {
				return
			}
			qt.Check(t, qt.Equals(tsharkURIs(t, path, port), "/"+page+"\t"+got[slices.IndexFunc(got, func(p packet) bool { return strings.HasPrefix(p.comment, "from curl") })].comment+"\n"))
			var ours, theirs []string
			for _, p := range got {
				ours = append(ours, fmt.Sprintf("%d %x", p.length, p.data))
			}
			for _, p := range beside() {
				theirs = append(theirs, fmt.Sprintf("%d %x", p.length, p.data))
			}
			qt.Check(t, qt.DeepEquals(ours, theirs))
			// Without the secrets there is nothing to see: they are what decrypts it.
			bare := filepath.Join(t.TempDir(), "bare")
			writePlain(t, bare, got)
			qt.Check(t, qt.Equals(tsharkURIs(t, bare, port), ""))
		})
	}
}

// A command is run, and of all that goes to the same server its packets and its secrets alone are in the file.
//
//vmrun:kernels 6.12
func TestPacketsOfCommand(t *testing.T) {
	ownNetwork(t)
	port, page := tlsServer(t)
	path := filepath.Join(t.TempDir(), "packets")
	url := "https://127.0.0.1:" + port + "/" + page
	// Another curl, of nobody's children, says the same before, during and after.
	other := exec.Command("sh", "-c", `while :; do curl -sk -o /dev/null "$0?other"; done`, url)
	qt.Assert(t, qt.IsNil(other.Start()))
	t.Cleanup(func() { other.Process.Kill(); other.Wait() })
	cmd := kerneltest.Command(t, "tlscap", "--mode", "pcapng", "--pcap-file", path, "-i", "lo", "tcp", "port", port, "--",
		"sh", "-c", `sleep 1; curl -sk --tlsv1.3 -o /dev/null "$0"; sleep 1`, url)
	_, stderr, code := kerneltest.Output(t, cmd)
	qt.Assert(t, qt.Equals(code, 0), qt.Commentf("%s", stderr))
	text, err := os.ReadFile(path)
	qt.Assert(t, qt.IsNil(err))
	got := readPackets(t, text)
	qt.Check(t, qt.IsTrue(len(got) > 8))
	clients := make(map[string]bool)
	for _, p := range got {
		clients[regexp.MustCompile(`curl, pid \d+`).FindString(p.comment)] = true
	}
	qt.Check(t, qt.HasLen(clients, 1), qt.Commentf("%v", clients))
	qt.Check(t, qt.StringContains(stderr, "packets and 5 secrets written"))
	if kernel == "" { // the machines of the matrix have no tshark
		uri, _, _ := strings.Cut(tsharkURIs(t, path, port), "\t")
		qt.Check(t, qt.Equals(uri, "/"+page))
	}
}

// writePlain writes packets without anything else.
func writePlain(t testing.TB, path string, packets []packet) {
	t.Helper()
	f, err := os.Create(path)
	qt.Assert(t, qt.IsNil(err))
	defer f.Close()
	w := pcapgo.NewWriter(f)
	qt.Assert(t, qt.IsNil(w.WriteFileHeader(maxSnaplen, 1)))
	for _, p := range packets {
		qt.Assert(t, qt.IsNil(w.WritePacket(gopacket.CaptureInfo{Timestamp: p.when, CaptureLength: len(p.data), Length: p.length}, []byte(p.data))))
	}
}
