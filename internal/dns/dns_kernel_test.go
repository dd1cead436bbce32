//go:build kernel

package dns

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf/rlimit"
	"github.com/go-quicktest/qt"
	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/dns/dnstest"
	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/preflight"
)

// ownNetwork puts the test into a network namespace of its own, where port 53 is
// free and nothing else is on the wire. It must run in the test's own goroutine.
func ownNetwork(t *testing.T) {
	t.Helper()
	runtime.LockOSThread() // and not unlocked: the thread ends with the test
	qt.Assert(t, qt.IsNil(unix.Unshare(unix.CLONE_NEWNET)))
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	qt.Assert(t, qt.IsNil(err))
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	qt.Assert(t, qt.IsNil(err))
	ifr.SetUint16(unix.IFF_UP)
	qt.Assert(t, qt.IsNil(unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr)))
}

// tracer is the programs of a rung, running, and the cache that they feed.
type tracer struct {
	cache *Cache
	end   func()
}

func (tr *tracer) Record(raw []byte) error { return tr.cache.Add(raw) }
func (tr *tracer) Idle() error             { return nil }

// start loads a rung as a command does. It returns nil where the kernel does not
// have it.
func start(t *testing.T, rung string, transport loader.Transport) *tracer {
	t.Helper()
	qt.Assert(t, qt.IsNil(rlimit.RemoveMemlock()))
	kernel, err := preflight.Inspect("")
	qt.Assert(t, qt.IsNil(err))
	spec, err := dnstest.Spec()
	qt.Assert(t, qt.IsNil(err))
	kinds := loader.Kinds(spec)
	qt.Assert(t, qt.IsNil(kernel.Fit(spec.Types, preflight.TracepointType("netif_receive_skb"))))
	hooks, ok := loader.Only([]loader.Hook{Hook()}, rung)
	qt.Assert(t, qt.IsTrue(ok))
	choices, err := loader.Choose(kernel, hooks, kinds)
	qt.Assert(t, qt.IsNil(err))
	if choices[0].Rung == nil {
		t.Logf("refused: %s", choices[0].Refused)
		return nil
	}
	loaded, err := loader.Load(kernel, spec, choices, loader.Options{Transport: transport, Buffer: 1 << 17})
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(loaded.Attach()))
	clock, err := events.NewClock(kernel.HasHelper("ktime_get_boot_ns"))
	qt.Assert(t, qt.IsNil(err))
	source, err := events.Open(loaded.Maps[loader.EventsMap], 1<<17)
	qt.Assert(t, qt.IsNil(err))
	ctx, cancel := context.WithCancel(context.Background())
	tr := &tracer{cache: New(clock)}
	done := make(chan error, 1)
	go func() { done <- source.Run(ctx, tr, loaded.Detach) }()
	tr.end = func() {
		cancel()
		qt.Check(t, qt.IsNil(<-done))
		lost, err := Lost(loaded.Maps)
		qt.Check(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(lost, 0))
		source.Close()
		qt.Check(t, qt.IsNil(loaded.Close()))
	}
	return tr
}

// reply makes the answer to a query for NAME: the address that the name says,
// 7-2-0-192.test. for 192.0.2.7, by way of a chain for names that begin with www.
// Names that begin with big get an answer of about that many bytes.
func reply(t *testing.T, query []byte) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) != 1 {
		t.Errorf("query: %v", err)
		return nil
	}
	m.Response = true
	q := m.Questions[0]
	owner := q.Name
	header := func(name dnsmessage.Name) dnsmessage.ResourceHeader {
		return dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET, TTL: 60}
	}
	host, www := strings.CutPrefix(q.Name.String(), "www-")
	if www {
		owner = dnsmessage.MustNewName("cdn.test.")
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: header(q.Name), Body: &dnsmessage.CNAMEResource{CNAME: owner}})
	}
	host, big := strings.CutPrefix(host, "big-")
	if big {
		for range 60 {
			text := strings.Repeat("x", 240)
			m.Answers = append(m.Answers, dnsmessage.Resource{Header: header(q.Name), Body: &dnsmessage.TXTResource{TXT: []string{text}}})
		}
	}
	if q.Type == dnsmessage.TypeAAAA {
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: header(owner), Body: &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr("2001:db8::7").As16()}})
	} else {
		parts := strings.Split(strings.TrimSuffix(host, ".test."), "-")
		slices.Reverse(parts)
		addr := netip.MustParseAddr(strings.Join(parts, "."))
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: header(owner), Body: &dnsmessage.AResource{A: addr.As4()}})
	}
	b, err := m.Pack()
	if err != nil {
		t.Errorf("pack: %v", err)
	}
	return b
}

// serve answers one query on a socket.
func serve(t *testing.T, network, at string) {
	t.Helper()
	if strings.HasPrefix(network, "udp") {
		conn, err := net.ListenPacket(network, at)
		qt.Assert(t, qt.IsNil(err))
		t.Cleanup(func() { conn.Close() })
		go func() {
			b := make([]byte, 512)
			for {
				n, from, err := conn.ReadFrom(b)
				if err != nil {
					return
				}
				conn.WriteTo(reply(t, b[:n]), from)
			}
		}()
		return
	}
	l, err := net.Listen(network, at)
	qt.Assert(t, qt.IsNil(err))
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for {
					var size [prefix]byte
					if _, err := io.ReadFull(conn, size[:]); err != nil {
						return
					}
					query := make([]byte, binary.BigEndian.Uint16(size[:]))
					if _, err := io.ReadFull(conn, query); err != nil {
						return
					}
					answer := framed(reply(t, query))
					// The length and a part of the header by themselves.
					conn.Write(answer[:5])
					time.Sleep(time.Millisecond)
					conn.Write(answer[5:])
				}
			}()
		}
	}()
}

// ask sends a query and waits for its answer.
func ask(t *testing.T, conn net.Conn, name string, kind dnsmessage.Type) {
	t.Helper()
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: 7, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: kind, Class: dnsmessage.ClassINET}}}
	query, err := m.Pack()
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(conn.SetDeadline(time.Now().Add(30*time.Second))))
	if conn.LocalAddr().Network() == "udp" {
		_, err = conn.Write(query)
		qt.Assert(t, qt.IsNil(err))
		_, err = conn.Read(make([]byte, 1<<16))
		qt.Assert(t, qt.IsNil(err))
		return
	}
	_, err = conn.Write(framed(query))
	qt.Assert(t, qt.IsNil(err))
	var size [prefix]byte
	_, err = io.ReadFull(conn, size[:])
	qt.Assert(t, qt.IsNil(err))
	_, err = io.ReadFull(conn, make([]byte, binary.BigEndian.Uint16(size[:])))
	qt.Assert(t, qt.IsNil(err))
}

// TestAnswers: what a server on loopback answers is known, whichever way it came.
func TestAnswers(t *testing.T) {
	known := map[string]bool{"5.10": true, "6.1": true, "6.12": true, "newest": true, "arm64-6.12": true}
	for _, rung := range []string{"cgroup_skb", "raw_tp"} {
		for _, transport := range []loader.Transport{loader.RingBuffer, loader.PerfBuffer} {
			t.Run(rung+" "+transport.String(), func(t *testing.T) {
				ownNetwork(t)
				tr := start(t, rung, transport)
				if tr == nil {
					qt.Assert(t, qt.IsFalse(known[os.Getenv("RINGSIDE_KERNEL")]))
					t.Skip("this kernel does not have this rung")
				}
				want := exchange(t)
				at := time.Now().UnixNano()
				tr.end() // and all is read
				for addr, name := range want {
					if rung == "raw_tp" && byTCP[addr] {
						continue // may be in another part of the packet, and --check says so
					}
					qt.Check(t, qt.Equals(called(tr.cache, addr, time.Duration(at)), name), qt.Commentf("%s", addr))
				}
				qt.Check(t, qt.Equals(called(tr.cache, "192.0.2.99", time.Duration(at)), "")) // from port 54
				n := tr.cache.Lookup(netip.MustParseAddr("192.0.2.1"), at)
				qt.Assert(t, qt.IsNotNil(n))
				qt.Check(t, qt.IsTrue(n.Age(at) > 0 && n.Age(at) < time.Minute), qt.Commentf("%s", n.Age(at)))
				qt.Check(t, qt.Equals(n.TTL, time.Minute))
			})
		}
	}
}

// byTCP are the addresses that exchange asks for by TCP alone.
var byTCP = map[string]bool{"192.0.2.3": true, "192.0.2.4": true, "192.0.2.6": true, "192.0.2.7": true}

// exchange asks in every way, and returns what must be known then.
func exchange(t *testing.T) map[string]string {
	t.Helper()
	type asked struct {
		network, at, name string
		kind              dnsmessage.Type
	}
	for _, s := range [][2]string{{"udp4", "127.0.0.1:53"}, {"udp6", "[::1]:53"}, {"tcp4", "127.0.0.1:53"}, {"tcp6", "[::1]:53"}, {"udp4", "127.0.0.53:53"}, {"udp4", "127.0.0.1:54"}} {
		serve(t, s[0], s[1])
	}
	for _, a := range []asked{
		{"udp4", "127.0.0.1:53", "1-2-0-192.test.", dnsmessage.TypeA},
		{"udp6", "[::1]:53", "2-2-0-192.test.", dnsmessage.TypeA},
		{"tcp4", "127.0.0.1:53", "3-2-0-192.test.", dnsmessage.TypeA},
		{"tcp6", "[::1]:53", "4-2-0-192.test.", dnsmessage.TypeA},
		{"udp4", "127.0.0.53:53", "www-5-2-0-192.test.", dnsmessage.TypeA},
		{"tcp4", "127.0.0.1:53", "big-6-2-0-192.test.", dnsmessage.TypeA}, // more than one record
		{"udp4", "127.0.0.1:53", "any.test.", dnsmessage.TypeAAAA},
		{"udp4", "127.0.0.1:54", "99-2-0-192.test.", dnsmessage.TypeA}, // not the port of DNS
	} {
		conn, err := net.Dial(a.network, a.at)
		qt.Assert(t, qt.IsNil(err))
		ask(t, conn, a.name, a.kind)
		if strings.HasPrefix(a.network, "tcp") { // and once more on the same connection
			ask(t, conn, "7-2-0-192.test.", a.kind)
		}
		conn.Close()
	}
	return map[string]string{
		"192.0.2.1": "1-2-0-192.test", "192.0.2.2": "2-2-0-192.test", "192.0.2.3": "3-2-0-192.test", "192.0.2.4": "4-2-0-192.test",
		"192.0.2.5": "www-5-2-0-192.test>cdn.test", "192.0.2.6": "big-6-2-0-192.test", "192.0.2.7": "7-2-0-192.test", "2001:db8::7": "any.test",
	}
}
