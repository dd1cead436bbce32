package main

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unsafe"

	"github.com/go-quicktest/qt"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/tooltest"
	"github.com/ringside-tools/ringside/internal/trace"
	"github.com/ringside-tools/ringside/tools/tlscap/pcap"
)

// t4 is an end of TCP over IPv4.
func t4(host byte) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, host}), 40000+uint16(host))
}

// frame is a packet of TCP.
func frame(from, to netip.AddrPort) []byte {
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true},
		&layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: layers.EthernetTypeIPv4},
		&layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: from.Addr().AsSlice(), DstIP: to.Addr().AsSlice()},
		&layers.TCP{SrcPort: layers.TCPPort(from.Port()), DstPort: layers.TCPPort(to.Port())})
	if err != nil {
		panic(err)
	}
	return slices.Clone(b.Bytes())
}

// packetRecord is what the BPF program sends of a packet.
func packetRecord(data []byte, edit func(*bpfPacketRecord)) []byte {
	r := new(bpfPacketRecord)
	r.Head.Kind, r.Head.TimeNs = kindPacket, 1000
	r.Length, r.Len = uint32(len(data)), uint32(len(data))
	if edit != nil {
		edit(r)
	}
	raw := bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(r)), packetSize))
	return append(append(raw, data...), "what was in the ring before"...)
}

// ownerRecord is what it sends when a process uses a socket.
func ownerRecord(local, remote netip.AddrPort, pid uint32, passes bool) []byte {
	r := new(bpfOwnerRecord)
	r.Head.Kind, r.Head.Pid, r.Head.Uid = kindOwner, pid, 1000
	tooltest.SetName(&r.Head.Comm, "c\x1b;, pid 1, u")
	r.End.Protocol = protoTCP
	r.End.Local, r.End.LocalPort = local.Addr().As16(), local.Port()
	r.End.Remote, r.End.RemotePort = remote.Addr().As16(), remote.Port()
	if passes {
		r.Passes = 1
	}
	return bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(r)), ownerSize))
}

// testCapture writes on an interface of Ethernet and the loopback.
func testCapture(t testing.TB) *capture {
	t.Helper()
	filter, err := pcap.Compile("tcp")
	qt.Assert(t, qt.IsNil(err))
	cfg := &config{pcapFile: filepath.Join(t.TempDir(), "f"), filter: filter, snaplen: maxSnaplen,
		found: []netInterface{{name: "eth0", link: pcap.LinkEthernet}, {name: "lo", link: pcap.LinkEthernet, loopback: true}}}
	c, err := newCapture(cfg, &command.Env{})
	qt.Assert(t, qt.IsNil(err))
	return c
}

// feed lets the capture have a record, and says whether it is kept.
func feed(t *testing.T, c *capture, raw []byte) bool {
	t.Helper()
	d := &decoder{probes: testProbes(), capture: c}
	var e event
	err := d.decode(tooltest.Host(t), raw, &e)
	if err == trace.ErrNoEvent {
		return false
	}
	qt.Assert(t, qt.IsNil(err))
	if !c.keep(&e) {
		return false
	}
	qt.Assert(t, qt.IsNil(c.expand(&e, func(*event) error { return nil })))
	return true
}

// comments are those of the packets in the file, "" for none.
func comments(t *testing.T, c *capture) (all []string) {
	t.Helper()
	qt.Assert(t, qt.IsNil(c.w.Close(0)))
	f, err := os.Open(c.file.Name())
	qt.Assert(t, qt.IsNil(err))
	defer f.Close()
	r, err := pcapgo.NewNgReader(f, pcapgo.NgReaderOptions{WantMixedLinkType: true})
	qt.Assert(t, qt.IsNil(err))
	for {
		_, _, options, err := r.ReadPacketDataWithOptions()
		if err != nil {
			return all
		}
		all = append(all, firstOf(options.Comments))
	}
}

func firstOf(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

// TestOwners: a packet that came before it was known whose it is has its comment all the same, and both ends of it, if
// they are here. Names cannot forge what follows them.
func TestOwners(t *testing.T) {
	c := testCapture(t)
	qt.Check(t, qt.IsTrue(feed(t, c, packetRecord(frame(t4(1), t4(2)), nil))))
	feed(t, c, ownerRecord(t4(1), t4(2), 4711, true))
	feed(t, c, ownerRecord(t4(2), t4(1), 13, false))
	feed(t, c, ownerRecord(t4(9), t4(1), 17, false))
	qt.Check(t, qt.IsTrue(feed(t, c, packetRecord(frame(t4(3), t4(4)), nil))))
	qt.Check(t, qt.DeepEquals(comments(t, c), []string{`from c\x1b\x3b\x2c pid 1\x2c u, pid 4711, uid 1000; to c\x1b\x3b\x2c pid 1\x2c u, pid 13, uid 1000`, ""}))
}

// TestUndecided: what the kernel could not decide is decided when it is written.
func TestUndecided(t *testing.T) {
	c := testCapture(t)
	c.byProcess = true
	undecided := func(r *bpfPacketRecord) { r.Undecided = 1 }
	feed(t, c, packetRecord(frame(t4(1), t4(2)), undecided)) // of one that passes
	feed(t, c, packetRecord(frame(t4(2), t4(1)), undecided)) // to it
	feed(t, c, packetRecord(frame(t4(3), t4(2)), undecided)) // of one that does not
	feed(t, c, packetRecord(frame(t4(5), t4(6)), undecided)) // of nobody
	feed(t, c, packetRecord(frame(t4(7), t4(8)), nil))       // decided
	feed(t, c, ownerRecord(t4(1), t4(2), 2, true))
	feed(t, c, ownerRecord(t4(3), t4(2), 3, false))
	qt.Check(t, qt.Equals(len(comments(t, c)), 3))
	filtered, unread := c.late()
	qt.Check(t, qt.Equals(filtered, 2))
	qt.Check(t, qt.Equals(unread, 0))
}

// TestLate: packets wait for what was sent up to a second after them, also where reading is late.
func TestLate(t *testing.T) {
	c := testCapture(t)
	at := func(second uint64) []byte {
		return packetRecord(frame(t4(1), t4(2)), func(r *bpfPacketRecord) { r.Head.TimeNs = second * 1e9 })
	}
	for _, second := range []uint64{1, 3, 3} { // long ago
		feed(t, c, at(second))
	}
	qt.Assert(t, qt.IsNil(c.rest(false, nil)))
	qt.Check(t, qt.Equals(c.w.Written(), 1))
	qt.Assert(t, qt.IsNil(c.rest(false, nil))) // nothing came meanwhile
	qt.Check(t, qt.Equals(c.w.Written(), 3))
}

// TestLimit: --count ends it, once, and no packet more is in the file.
func TestLimit(t *testing.T) {
	c := testCapture(t)
	c.limit = 3
	for range 5 {
		feed(t, c, packetRecord(frame(t4(1), t4(2)), nil))
	}
	c.latest = 0 // nothing more comes
	qt.Check(t, qt.Equals(c.rest(false, nil), events.ErrStop))
	qt.Check(t, qt.IsNil(c.rest(false, nil)))
	qt.Check(t, qt.Equals(len(comments(t, c)), 3))
	_, unread := c.late()
	qt.Check(t, qt.Equals(unread, 2))
}

// TestPacketRecord: direction, length, and the tag that is beside a packet in the kernel.
func TestPacketRecord(t *testing.T) {
	d := &decoder{capture: testCapture(t)}
	data := frame(t4(1), t4(2))
	var e event
	raw := packetRecord(data, func(r *bpfPacketRecord) {
		r.Outbound, r.VlanProto, r.VlanTci, r.Length = 1, 0x8100, 0x6007, 2000
	})
	qt.Assert(t, qt.IsNil(d.decode(tooltest.Host(t), raw, &e)))
	qt.Check(t, qt.Equals(e.packet.Direction, pcap.Outbound))
	qt.Check(t, qt.Equals(e.packet.Length, 2004))
	want := slices.Concat(data[:12], binary.BigEndian.AppendUint32(nil, 0x81006007), data[12:])
	qt.Check(t, qt.DeepEquals(e.packet.Data, want))
	p := pcap.Parse(pcap.LinkEthernet, e.packet.Data, e.packet.Length)
	qt.Check(t, qt.Equals(p.VLANs[0], 7))
	for n := range packetSize {
		qt.Check(t, qt.ErrorMatches(d.decode(tooltest.Host(t), raw[:n], &e), "decode record: .*"))
	}
	qt.Check(t, qt.IsFalse(feed(t, testCapture(t), packetRecord(data, func(r *bpfPacketRecord) { r.Interface = 2 }))))
}

// TestOwnersBound: what was not used for the longest time is forgotten.
func TestOwnersBound(t *testing.T) {
	var o owners
	at := func(i int) end {
		return end{protocol: protoTCP, local: netip.AddrPortFrom(netip.Addr{}, uint16(i)), remote: netip.AddrPortFrom(netip.Addr{}, uint16(i>>16))}
	}
	for i := range maxOwners {
		o.add(at(i), new(owner))
	}
	qt.Check(t, qt.IsNotNil(o.get(at(0)))) // is used again
	for i := range maxOwners / 2 {
		o.add(at(maxOwners+i), new(owner))
	}
	qt.Check(t, qt.IsTrue(len(o.all) <= maxOwners))
	qt.Check(t, qt.IsNotNil(o.get(at(0))))
	qt.Check(t, qt.IsNil(o.get(at(1))))
	qt.Check(t, qt.IsNotNil(o.get(at(maxOwners+maxOwners/2-1))))
}

// TestPacketFile: a file that has something in it, a link, and a file of others are refused; an empty one is not.
func TestPacketFile(t *testing.T) {
	dir := t.TempDir()
	path := func(name, text string, mode os.FileMode) string {
		p := filepath.Join(dir, name)
		qt.Assert(t, qt.IsNil(os.WriteFile(p, []byte(text), mode)))
		return p
	}
	link := filepath.Join(dir, "link")
	qt.Assert(t, qt.IsNil(os.Symlink(filepath.Join(dir, "target"), link)))
	for _, p := range []string{path("full", "x", 0o600), path("open", "", 0o644), link, dir} {
		_, err := openPacketFile(p)
		qt.Check(t, qt.ErrorMatches(err, "--pcap-file: .*"), qt.Commentf("%s", p))
	}
	for _, p := range []string{path("empty", "", 0o600), filepath.Join(dir, "new")} {
		f, err := openPacketFile(p)
		qt.Assert(t, qt.IsNil(err))
		info, err := f.Stat()
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(info.Mode(), os.FileMode(0o600)))
		f.Close()
	}
}
