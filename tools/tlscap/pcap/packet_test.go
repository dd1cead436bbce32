package pcap

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// serialize makes a packet of layers.
func serialize(t testing.TB, l ...gopacket.SerializableLayer) []byte {
	t.Helper()
	b := gopacket.NewSerializeBuffer()
	qt.Assert(t, qt.IsNil(gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true}, l...)))
	return bytes.Clone(b.Bytes())
}

var (
	macA, macB    = []byte{2, 0, 0, 0, 0, 1}, []byte{2, 0, 0, 0, 0, 2}
	tcp443, udp53 = &layers.TCP{SrcPort: 40000, DstPort: 443}, &layers.UDP{SrcPort: 53, DstPort: 5353}
)

func eth(t layers.EthernetType) *layers.Ethernet {
	return &layers.Ethernet{SrcMAC: macA, DstMAC: macB, EthernetType: t}
}

func ip4(p layers.IPProtocol, src, dst string) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, Protocol: p, SrcIP: netip.MustParseAddr(src).AsSlice(), DstIP: netip.MustParseAddr(dst).AsSlice()}
}

func ip6(p layers.IPProtocol, src, dst string) *layers.IPv6 {
	return &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: p, SrcIP: netip.MustParseAddr(src).AsSlice(), DstIP: netip.MustParseAddr(dst).AsSlice()}
}

func TestParse(t *testing.T) {
	options := ip4(layers.IPProtocolTCP, "192.0.2.1", "192.0.2.2")
	options.Options = []layers.IPv4Option{{OptionType: 7, OptionLength: 7, OptionData: make([]byte, 5)}, {OptionType: 0}}
	fragment := ip4(layers.IPProtocolUDP, "192.0.2.1", "192.0.2.2")
	fragment.FragOffset = 100
	extended := serialize(t, ip6(0, "2001:db8::1", "2001:db8::2"))
	extended = append(extended, 60, 0, 1, 4, 0, 0, 0, 0)                     // hop by hop, then
	extended = append(extended, 44, 1, 1, 4, 0, 0, 0, 0)                     // options for the destination, of 16 bytes, then
	extended = append(extended, make([]byte, 8)...)                          //
	extended = append(extended, 6, 0, 0, 1, 0, 0, 0, 9)                      // a first fragment, then
	extended = append(extended, 0x9c, 0x40, 0x01, 0xbb, 0, 0, 0, 0, 0, 0, 0) // TCP
	for name, test := range map[string]struct {
		link layers.LinkType
		data []byte
		want string
	}{
		"ipv4":     {layers.LinkTypeEthernet, serialize(t, eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolTCP, "192.0.2.1", "192.0.2.2"), tcp443), "800 192.0.2.1:40000 192.0.2.2:443 6 0"},
		"ipv6":     {layers.LinkTypeEthernet, serialize(t, eth(layers.EthernetTypeIPv6), ip6(layers.IPProtocolUDP, "2001:db8::1", "2001:db8::2"), udp53), "86dd [2001:db8::1]:53 [2001:db8::2]:5353 17 0"},
		"options":  {layers.LinkTypeEthernet, serialize(t, eth(layers.EthernetTypeIPv4), options, tcp443), "800 192.0.2.1:40000 192.0.2.2:443 6 0"},
		"vlan":     {layers.LinkTypeEthernet, serialize(t, eth(layers.EthernetTypeDot1Q), &layers.Dot1Q{VLANIdentifier: 7, Type: layers.EthernetTypeIPv4}, ip4(layers.IPProtocolTCP, "192.0.2.1", "192.0.2.2"), tcp443), "800 192.0.2.1:40000 192.0.2.2:443 6 1"},
		"qinq":     {layers.LinkTypeEthernet, serialize(t, eth(layers.EthernetTypeQinQ), &layers.Dot1Q{VLANIdentifier: 7, Type: layers.EthernetTypeDot1Q}, &layers.Dot1Q{VLANIdentifier: 8, Type: layers.EthernetTypeIPv4}, ip4(layers.IPProtocolTCP, "192.0.2.1", "192.0.2.2"), tcp443), "800 192.0.2.1:40000 192.0.2.2:443 6 2"},
		"tun":      {layers.LinkTypeRaw, serialize(t, ip4(layers.IPProtocolTCP, "192.0.2.1", "192.0.2.2"), tcp443), "800 192.0.2.1:40000 192.0.2.2:443 6 0"},
		"tun6":     {layers.LinkTypeRaw, extended, "86dd [2001:db8::1]:40000 [2001:db8::2]:443 6 0"},
		"fragment": {layers.LinkTypeRaw, serialize(t, fragment, udp53), "800 192.0.2.1:0 192.0.2.2:0 17 0"},
	} {
		p := Parse(Link(test.link), test.data, len(test.data))
		got := fmt.Sprintf("%x %v %v %d %d", p.Type, netip.AddrPortFrom(p.Src, p.SrcPort), netip.AddrPortFrom(p.Dst, p.DstPort), p.Protocol, p.Tags)
		qt.Check(t, qt.Equals(got, test.want), qt.Commentf("%s", name))
		qt.Check(t, qt.IsFalse(p.Truncated), qt.Commentf("%s", name))
		qt.Check(t, qt.Equals(p.HasPorts, name != "fragment"))
		for n := range test.data { // cut anywhere
			c := Parse(Link(test.link), test.data[:n], len(test.data))
			qt.Check(t, qt.Equals(c.Length, len(test.data)))
			qt.Check(t, qt.IsTrue(!c.HasPorts || c.SrcPort == p.SrcPort && c.DstPort == p.DstPort))
		}
	}
}

// traffic is many packets, of few kinds of everything, so that each filter takes some and leaves some.
func traffic(t testing.TB) (out [][]byte) {
	r := rand.New(rand.NewPCG(1, 2))
	v4 := []string{"192.0.2.1", "192.0.2.2", "10.1.2.3", "10.200.0.1"}
	v6 := []string{"2001:db8::1", "2001:db8::2", "fe80::1"}
	ports := []uint16{22, 53, 80, 443, 8443, 1500, 40000}
	for range 997 {
		var l []gopacket.SerializableLayer
		port := func() uint16 { return ports[r.IntN(len(ports))] }
		proto := []layers.IPProtocol{layers.IPProtocolTCP, layers.IPProtocolUDP, layers.IPProtocolICMPv4}[r.IntN(3)]
		payload := gopacket.Payload(make([]byte, r.IntN(200)))
		if r.IntN(2) == 0 {
			l = append(l, eth(layers.EthernetTypeIPv4), ip4(proto, v4[r.IntN(4)], v4[r.IntN(4)]))
		} else {
			if proto == layers.IPProtocolICMPv4 {
				proto = layers.IPProtocolICMPv6
			}
			l = append(l, eth(layers.EthernetTypeIPv6), ip6(proto, v6[r.IntN(3)], v6[r.IntN(3)]))
		}
		if r.IntN(9) == 0 {
			l[0].(*layers.Ethernet).SrcMAC = []byte{2, 0, 0, 0, 0, 9}
		}
		switch proto {
		case layers.IPProtocolTCP:
			l = append(l, &layers.TCP{SrcPort: layers.TCPPort(port()), DstPort: layers.TCPPort(port())})
		case layers.IPProtocolUDP:
			l = append(l, &layers.UDP{SrcPort: layers.UDPPort(port()), DstPort: layers.UDPPort(port())})
		}
		out = append(out, serialize(t, append(l, payload)...))
	}
	return out
}

var expressions = []string{
	"tcp", "udp", "ip", "ip6", "icmp", "icmp6", "arp", "tcp port 443", "port 443", "udp port domain", "src port 443", "dst port 443",
	"src or dst port 443", "src and dst port 443", "tcp src port 443", "tcp port 443 or 8443", "portrange 1000-2000", "tcp portrange 80-443",
	"dst portrange 400-500", "host 192.0.2.1", "src host 192.0.2.1", "dst 192.0.2.1", "host 192.0.2.1 or 192.0.2.2",
	"host 2001:db8::1", "src host 2001:db8::1", "ip6 host 2001:db8::1", "net 10.0.0.0/8", "src net 10.0.0.0/8", "net 10", "net 10.1",
	"net 10.0.0.0 mask 255.0.0.0", "net 2001:db8::/32", "ip net 10.0.0.0/8",
	"not tcp", "! tcp", "not port 22 and tcp", "tcp and not port 22", "not (tcp or udp)", "(tcp or udp) and port 53", "tcp && port 443 || udp",
	"udp or tcp and port 443", "tcp or udp and port 443", "host 192.0.2.1 and tcp port 443", "src host 192.0.2.1 and dst port 443",
	"less 100", "greater 100", "ip proto 6", "ip6 proto 17", "proto 6", "ip proto \\udp", "ether proto 0x86dd", "ether host 02:00:00:00:00:09",
	"ether src 02:00:00:00:00:09", "tcp or (udp and not (port 53 or port 80)) and net 10.0.0.0/8", "port https", "ip and tcp and port 22",
	"tcp dst port 80 or tcp src port 443", "not host 192.0.2.1 and port 80", "icmp or icmp6", "vlan", "vlan 7", "ip host 10.1.2.3",
}

// TestFilterOracle: tcpdump takes the same packets.
func TestFilterOracle(t *testing.T) {
	if _, err := exec.LookPath("tcpdump"); err != nil {
		t.Skip("no tcpdump")
	}
	packets := traffic(t)
	path := filepath.Join(t.TempDir(), "traffic.pcap")
	var file bytes.Buffer
	w := pcapgo.NewWriter(&file)
	qt.Assert(t, qt.IsNil(w.WriteFileHeader(65536, layers.LinkTypeEthernet)))
	for _, p := range packets {
		qt.Assert(t, qt.IsNil(w.WritePacket(gopacket.CaptureInfo{CaptureLength: len(p), Length: len(p)}, p)))
	}
	qt.Assert(t, qt.IsNil(os.WriteFile(path, file.Bytes(), 0o644)))
	some := 0
	for _, expression := range expressions {
		f, err := Compile(expression)
		if !qt.Check(t, qt.IsNil(err), qt.Commentf("%s", expression)) {
			continue
		}
		taken := filepath.Join(filepath.Dir(path), "taken.pcap")
		if out, err := exec.Command("tcpdump", "-r", path, "-w", taken, expression).CombinedOutput(); err != nil {
			t.Errorf("tcpdump %s: %s", expression, out)
			continue
		}
		b, err := os.ReadFile(taken)
		qt.Assert(t, qt.IsNil(err))
		r, err := pcapgo.NewReader(bytes.NewReader(b))
		qt.Assert(t, qt.IsNil(err))
		var want [][]byte
		for {
			data, _, err := r.ReadPacketData()
			if err != nil {
				break
			}
			want = append(want, data)
		}
		var got [][]byte
		for _, data := range packets {
			if p := Parse(LinkEthernet, data, len(data)); f.Match(&p) {
				got = append(got, data)
			}
		}
		if len(got) > 0 && len(got) < len(packets) {
			some++
		}
		qt.Check(t, qt.Equals(len(got), len(want)), qt.Commentf("%s", expression))
		qt.Check(t, qt.IsTrue(bytes.Equal(bytes.Join(got, nil), bytes.Join(want, nil))), qt.Commentf("%s", expression))
	}
	qt.Check(t, qt.IsTrue(some > len(expressions)-6))
}

// TestFilterVLAN: a tag is looked behind, and can be asked for.
func TestFilterVLAN(t *testing.T) {
	data := serialize(t, eth(layers.EthernetTypeDot1Q), &layers.Dot1Q{VLANIdentifier: 7, Type: layers.EthernetTypeIPv4}, ip4(layers.IPProtocolTCP, "192.0.2.1", "192.0.2.2"), tcp443)
	p := Parse(LinkEthernet, data, len(data))
	for expression, want := range map[string]bool{"": true, "tcp port 443": true, "vlan": true, "vlan 7": true, "vlan 8": false, "vlan 7 and tcp": true, "not vlan": false} {
		f, err := Compile(expression)
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(f.Match(&p), want), qt.Commentf("%q", expression))
	}
}

// TestFilterRefused: what is not known is an error that names it, never a filter that takes something else.
func TestFilterRefused(t *testing.T) {
	for expression, want := range map[string]string{
		"tcp[13] & 2 != 0":          `.*"tcp\[13\]": bytes of a packet cannot be compared.*`,
		"len > 100":                 `.*">": bytes of a packet cannot be compared.*`,
		"host example.org":          `.*"example.org" is no address; names are not looked up`,
		"port 70000":                `.*"70000" is no port`,
		"port nosuchservice":        `.*"nosuchservice" is no port`,
		"net 10.0.0.1/8":            `.*has bits behind its mask: 10.0.0.0/8 is meant\?`,
		"tcp and":                   `.*ends where something is to follow`,
		"(tcp":                      `.*closing parenthesis is missing`,
		"tcp)":                      `.*"\)" not expected`,
		"tcp port":                  `.*a value is missing behind "tcp port"`,
		"src":                       `.*a value is missing behind "src"`,
		"ether broadcast":           `.*"broadcast" is no.*`,
		"wlan host 1.2.3.4":         `.*"wlan" is not known here`,
		"192.0.2.1":                 `.*"192.0.2.1" is not known here`,
		"frobnicate":                `.*"frobnicate" is not known here`,
		"icmp port 5":               `.*"icmp" has no ports`,
		"tcp host 192.0.2.1":        `.*"tcp" has no host`,
		"tcp udp":                   `.*`,
		"port 5 port 6":             `.*"port" not expected`,
		"vlan 99999":                `.*"99999" is no VLAN`,
		"less x":                    `.*"x" is no length`,
		"tcp & udp":                 `.*"&" not expected`,
		"host 192.0.2.1/24":         `.*is no address.*`,
		"net 10.0.0.0 mask 1.2.3.4": `.*is no mask`,
		strings.Repeat("(", 100):    `.*nested too deeply`,
		"portrange 5-x":             `.*"x" is no port`,
		"proto 300":                 `.*"300" is no protocol`,
	} {
		_, err := Compile(expression)
		qt.Check(t, qt.ErrorMatches(err, want), qt.Commentf("%s", expression))
	}
}

// TestFilterPlace: an error says where it is, by bytes from 1.
func TestFilterPlace(t *testing.T) {
	for expression, want := range map[string]string{
		"tcp[13] & 2 != 0":             "at 1",
		"  tcp and len > 5":            "at 13",
		"tcp port 443 or port nosuch":  "at 22",
		"net 10.0.0.1/8 or tcp":        "at 5",
		"net 10.0.0.0 mask 1.2.3.4":    "at 19",
		"port 5 port 6":                "at 8",
		"tcp and":                      "at 8",
		"(tcp":                         "at 5",
		"tcp)":                         "at 4",
		"vlan 99999":                   "at 6",
		"not less x":                   "at 10",
		"ip proto 300":                 "at 10",
		"tcp port 443 -i lo":           "at 14",
		"host 192.0.2.1 and host a.bc": "at 25",
	} {
		_, err := Compile(expression)
		qt.Check(t, qt.ErrorMatches(err, "packet filter, "+want+": .*"), qt.Commentf("%s", expression))
	}
}

func TestWriter(t *testing.T) {
	var b bytes.Buffer
	w, err := NewWriter(&b, "ringside", Interface{Name: "lo", Link: LinkEthernet})
	qt.Assert(t, qt.IsNil(err))
	tun, err := w.AddInterface(Interface{Name: "tun0", Link: LinkRaw, Filter: "tcp"})
	qt.Assert(t, qt.IsNil(err))
	const now = int64(1_700_000_000_123_456_789)
	first := serialize(t, eth(layers.EthernetTypeIPv4), ip4(layers.IPProtocolTCP, "192.0.2.1", "192.0.2.2"), tcp443)
	qt.Assert(t, qt.IsNil(w.Packet(Record{Time: now, Data: first, Length: 2000, Direction: Outbound, Comment: []byte("a\x1b\nb, pid 7")})))
	qt.Assert(t, qt.IsNil(w.Packet(Record{Interface: tun, Time: now + 1, Data: first[14:], Direction: Inbound, Drops: 5})))
	qt.Assert(t, qt.IsNil(w.Release(now+Hold.Nanoseconds()-1)))
	secret := []byte("CLIENT_RANDOM aa bb")
	qt.Assert(t, qt.IsNil(w.Secret(secret)))
	qt.Assert(t, qt.IsNil(w.Secret(append(secret, '\n'))))
	qt.Assert(t, qt.IsNil(w.Release(now+Hold.Nanoseconds())))
	qt.Assert(t, qt.IsNil(w.Close(now+7)))
	qt.Check(t, qt.ErrorMatches(w.Packet(Record{Interface: 2}), ".*no interface 2"))

	raw := b.Bytes()
	var kinds []uint32
	for at := 0; at < len(raw); at += int(binary.LittleEndian.Uint32(raw[at+4:])) {
		kinds = append(kinds, binary.LittleEndian.Uint32(raw[at:]))
	}
	// Section, two interfaces, the secret, then packets and statistics.
	qt.Check(t, qt.DeepEquals(kinds, []uint32{0x0a0d0d0a, 1, 1, 0xa, 6, 6, 5, 5}))
	r, err := pcapgo.NewNgReader(bytes.NewReader(raw), pcapgo.NgReaderOptions{WantMixedLinkType: true})
	qt.Assert(t, qt.IsNil(err))
	data, info, options, err := r.ReadPacketDataWithOptions()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.DeepEquals(data, first))
	qt.Check(t, qt.Equals(info.Timestamp.UnixNano(), now))
	qt.Check(t, qt.Equals(info.Length, 2000))
	qt.Check(t, qt.DeepEquals(options.Comments, []string{`a\x1b\nb, pid 7`}))
	qt.Check(t, qt.Equals(options.Flags.Direction, pcapgo.NgEpbFlagDirectionOutbound))
	_, info, options, err = r.ReadPacketDataWithOptions()
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(info.InterfaceIndex, tun))
	qt.Check(t, qt.Equals(*options.DropCount, 5))
	_, _, err = r.ReadPacketData()
	qt.Check(t, qt.IsNotNil(err))
	i, err := r.Interface(tun)
	qt.Assert(t, qt.IsNil(err))
	qt.Check(t, qt.Equals(i.LinkType, layers.LinkTypeRaw))
	qt.Check(t, qt.Equals(i.Statistics.PacketsDropped, 5))
	qt.Check(t, qt.Equals(i.Statistics.PacketsReceived, 6))
}

// TestWriterBound: packets that find no room are written before their time, in order, and counted.
func TestWriterBound(t *testing.T) {
	var b bytes.Buffer
	w, err := NewWriter(&b, "ringside", Interface{Name: "lo", Link: LinkEthernet})
	qt.Assert(t, qt.IsNil(err))
	for i := range 20 {
		qt.Assert(t, qt.IsNil(w.Packet(Record{Time: int64(i), Data: make([]byte, 8<<20)})))
		qt.Assert(t, qt.IsTrue(w.held <= maxHeld))
	}
	qt.Check(t, qt.Equals(w.Early(), 13))
	qt.Assert(t, qt.IsNil(w.Close(20)))
	qt.Check(t, qt.Equals(w.held, 0))
	r, err := pcapgo.NewNgReader(&b, pcapgo.DefaultNgReaderOptions)
	qt.Assert(t, qt.IsNil(err))
	for i := range 20 {
		_, info, err := r.ReadPacketData()
		qt.Assert(t, qt.IsNil(err))
		qt.Check(t, qt.Equals(info.Timestamp.UnixNano(), int64(i)))
	}
}

func FuzzParse(f *testing.F) {
	for _, data := range traffic(f)[:20] {
		f.Add(true, data)
		f.Add(false, data[14:])
	}
	filter, err := Compile("tcp or not (udp and port 53) and net 10.0.0.0/8 or host ::1 or vlan 5 and ether host 02:00:00:00:00:09")
	qt.Assert(f, qt.IsNil(err))
	f.Fuzz(func(t *testing.T, ethernet bool, data []byte) {
		link := LinkRaw
		if ethernet {
			link = LinkEthernet
		}
		p := Parse(link, data, len(data))
		qt.Assert(t, qt.IsTrue(!p.HasPorts || p.Src.IsValid() && !p.Fragment))
		filter.Match(&p)
	})
}

func FuzzCompile(f *testing.F) {
	for _, expression := range expressions {
		f.Add(expression)
	}
	f.Fuzz(func(t *testing.T, expression string) {
		if filter, err := Compile(expression); err == nil {
			filter.Match(&Packet{})
			if code := filter.Code(); code != nil {
				interpret(t, code, new(Flow))
			}
		}
	})
}
