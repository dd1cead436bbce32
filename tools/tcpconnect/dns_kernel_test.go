//go:build kernel

package main

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
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
					var size [2]byte
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
	var size [2]byte
	_, err = io.ReadFull(conn, size[:])
	qt.Assert(t, qt.IsNil(err))
	_, err = io.ReadFull(conn, make([]byte, binary.BigEndian.Uint16(size[:])))
	qt.Assert(t, qt.IsNil(err))
}

// TestNames: what a server on loopback answers names the destinations, whichever
// way it came and on every rung. All of them look at the same answers.
func TestNames(t *testing.T) {
	ownNetwork(t)
	runs := make(map[[2]string]*kerneltest.Run)
	for _, rung := range []string{"cgroup_skb", "raw_tp"} {
		for _, transport := range []string{"ring", "perf"} {
			runs[[2]string{rung, transport}] = kerneltest.Start(t, "tcpconnect", "-d", "--json", "--rung", rung, "--transport", transport)
		}
	}
	before := run(t, workload, "block", "192.0.2.1:80").pid
	want := exchange(t)
	time.Sleep(settled)
	pids := make(map[string]int)
	for addr := range want {
		pids[addr] = run(t, workload, "block", netip.AddrPortFrom(netip.MustParseAddr(addr), 80).String()).pid
	}
	for key, r := range runs {
		rung, transport := key[0], key[1]
		t.Run(rung+" "+transport, func(t *testing.T) {
			stop(t, r)
			qt.Check(t, qt.IsNil(one(t, r, before)["dns_query"]))
			for addr, name := range want {
				if rung == "raw_tp" && byTCP[addr] {
					continue // may be in another part of the packet, and --check says so
				}
				named(t, one(t, r, pids[addr]), name)
			}
		})
	}
}

// named checks the name of an event's destination, with > before what it
// stands for; "" for none.
func named(t *testing.T, e kerneltest.Event, name string) {
	t.Helper()
	got := text(e["dns_query"])
	cnames, _ := e["dns_cnames"].([]any)
	for _, c := range cnames {
		got += ">" + text(c)
	}
	qt.Check(t, qt.Equals(got, name), qt.Commentf("%v", e["daddr"]))
	if name == "" {
		qt.Check(t, qt.IsNil(e["dns_age_ms"]))
		return
	}
	age := time.Duration(number(e["dns_age_ms"])) * time.Millisecond
	qt.Check(t, qt.IsTrue(age >= settled && age < time.Minute), qt.Commentf("%s", age))
}

// TestNamesLost: answers that find no room are told. They are no events, and in no
// sum of the account.
//
//vmrun:kernels 6.1
func TestNamesLost(t *testing.T) {
	ownNetwork(t)
	r := kerneltest.Start(t, "tcpconnect", "-d", "--json", "--buffer", "64K")
	serve(t, "udp4", "127.0.0.1:53")
	conn, err := net.Dial("udp4", "127.0.0.1:53")
	qt.Assert(t, qt.IsNil(err))
	defer conn.Close()
	qt.Assert(t, qt.IsNil(r.Cmd.Process.Signal(unix.SIGSTOP)))
	for range 1009 { // of some 200 bytes each
		ask(t, conn, "1-2-0-192.test.", dnsmessage.TypeA)
	}
	qt.Assert(t, qt.IsNil(r.Cmd.Process.Signal(unix.SIGCONT)))
	qt.Assert(t, qt.Equals(r.Stop(), 0))
	qt.Check(t, qt.Matches(r.Stderr(), `(?s).*; [1-9]\d\d answers of DNS lost, --buffer takes .*`))
	qt.Check(t, qt.Equals(r.Account().Lost, 0))
}

// settled is for answers and attempts that come by the perf buffers of different
// CPUs, between which there is no order.
const settled = 300 * time.Millisecond

// one is the only event of a process.
func one(t *testing.T, r *kerneltest.Run, pid int) kerneltest.Event {
	t.Helper()
	events := of(r, pid)
	qt.Assert(t, qt.HasLen(events, 1))
	return events[0]
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
		"192.0.2.99": "", "192.0.2.5": "www-5-2-0-192.test>cdn.test", "192.0.2.6": "big-6-2-0-192.test", "192.0.2.7": "7-2-0-192.test", "2001:db8::7": "any.test",
	}
}

// framed is a message as it goes by TCP: after its length.
func framed(msg []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...)
}
