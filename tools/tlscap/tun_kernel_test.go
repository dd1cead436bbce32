//go:build kernel

package main

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/go-quicktest/qt"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"golang.org/x/sys/unix"
)

// tunDevice makes an interface whose other end is this test: of IP (IFF_TUN) or Ethernet (IFF_TAP). It is up, and has
// the address 192.0.2.1/24.
func tunDevice(t testing.TB, name string, kind uint16) *os.File {
	t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil { // in a machine of the matrix, nobody makes the node
		_ = os.MkdirAll("/dev/net", 0o755)
		qt.Assert(t, qt.IsNil(unix.Mknod("/dev/net/tun", unix.S_IFCHR|0o600, int(unix.Mkdev(10, 200)))))
		fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	}
	qt.Assert(t, qt.IsNil(err))
	f := os.NewFile(uintptr(fd), name)
	t.Cleanup(func() { f.Close() })
	ifr, err := unix.NewIfreq(name)
	qt.Assert(t, qt.IsNil(err))
	ifr.SetUint16(kind | unix.IFF_NO_PI)
	qt.Assert(t, qt.IsNil(unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr)))

	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	qt.Assert(t, qt.IsNil(err))
	defer unix.Close(socket)
	setAddress(t, socket, name, unix.SIOCSIFADDR, []byte{192, 0, 2, 1})
	setAddress(t, socket, name, unix.SIOCSIFNETMASK, []byte{255, 255, 255, 0})
	ifr, err = unix.NewIfreq(name)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(unix.IoctlIfreq(socket, unix.SIOCGIFFLAGS, ifr)))
	ifr.SetUint16(ifr.Uint16() | unix.IFF_UP)
	qt.Assert(t, qt.IsNil(unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, ifr)))
	return f
}

func setAddress(t testing.TB, socket int, name string, request uint, addr []byte) {
	t.Helper()
	ifr, err := unix.NewIfreq(name)
	qt.Assert(t, qt.IsNil(err))
	qt.Assert(t, qt.IsNil(ifr.SetInet4Addr(addr)))
	qt.Assert(t, qt.IsNil(unix.IoctlIfreq(socket, request, ifr)))
}

// datagram is a packet of UDP, with what the link puts before it.
func datagram(t testing.TB, from, to string, before ...gopacket.SerializableLayer) []byte {
	t.Helper()
	src, dst := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	udp := &layers.UDP{SrcPort: layers.UDPPort(src.Port()), DstPort: layers.UDPPort(dst.Port())}
	var ip gopacket.SerializableLayer
	if src.Addr().Is4() {
		ip4 := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}
		qt.Assert(t, qt.IsNil(udp.SetNetworkLayerForChecksum(ip4)))
		ip = ip4
	} else {
		ip6 := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolUDP, SrcIP: src.Addr().AsSlice(), DstIP: dst.Addr().AsSlice()}
		qt.Assert(t, qt.IsNil(udp.SetNetworkLayerForChecksum(ip6)))
		ip = ip6
	}
	b := gopacket.NewSerializeBuffer()
	all := append(slices.Clone(before), ip, udp, gopacket.Payload("what is said"))
	qt.Assert(t, qt.IsNil(gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, all...)))
	return slices.Clone(b.Bytes())
}

// On an interface without Ethernet packets begin with IP, in both directions, and the process that they are from or to
// is known.
//
//vmrun:kernels 6.12
func TestPacketsTun(t *testing.T) {
	for _, rung := range packetRungsHere() {
		ownNetwork(t)
		tun := tunDevice(t, "tun7", unix.IFF_TUN)
		sender := udpSender(t, "192.0.2.2", 5353, 13, 5)
		other := udpSender(t, "192.0.2.3", 5353, 5, 5)
		r, path := startPackets(t, "--rung", rung, "-i", "tun7", "udp")
		own, ownFile := startPackets(t, "--rung", rung, "-p", itoa(sender.cmd.Process.Pid))
		sender.finish(t)
		other.finish(t)
		for range 7 {
			_, err := tun.Write(datagram(t, "192.0.2.2:5353", "192.0.2.1:99"))
			qt.Assert(t, qt.IsNil(err))
		}
		in, out := 0, 0
		for _, p := range stopPackets(t, r, path) {
			qt.Check(t, qt.Equals(p.iface, "tun7"))
			qt.Check(t, qt.Equals(p.data[0], byte(0x45)))
			if p.out {
				out++
				qt.Check(t, qt.StringContains(p.comment, "from python3, pid "))
			} else {
				in++
				qt.Check(t, qt.Equals(p.comment, ""))
			}
		}
		qt.Check(t, qt.Equals(out, 13+5))
		qt.Check(t, qt.Equals(in, 7))
		got := stopPackets(t, own, ownFile)
		qt.Check(t, qt.Equals(len(got), 13))
		for _, p := range got { // of all interfaces, this one
			qt.Check(t, qt.Equals(p.comment, fmt.Sprintf("from python3, pid %d, uid 0", sender.cmd.Process.Pid)))
			qt.Check(t, qt.Equals(p.iface, "tun7"))
		}
	}
}

// On Ethernet, the tag of a VLAN is where it was, although the kernel takes it out of the packet.
//
//vmrun:kernels 6.12
func TestPacketsVLAN(t *testing.T) {
	ownNetwork(t)
	tap := tunDevice(t, "tap7", unix.IFF_TAP)
	ether := func(kind layers.EthernetType) gopacket.SerializableLayer {
		return &layers.Ethernet{SrcMAC: []byte{2, 0, 0, 0, 0, 1}, DstMAC: []byte{2, 0, 0, 0, 0, 2}, EthernetType: kind}
	}
	plain := datagram(t, "192.0.2.2:1", "192.0.2.1:9", ether(layers.EthernetTypeIPv4))
	six := datagram(t, "[2001:db8::2]:1", "[2001:db8::1]:9", ether(layers.EthernetTypeDot1Q), &layers.Dot1Q{VLANIdentifier: 7, Priority: 3, Type: layers.EthernetTypeIPv6})
	twice := datagram(t, "192.0.2.2:1", "192.0.2.1:9", ether(layers.EthernetTypeQinQ), &layers.Dot1Q{VLANIdentifier: 9, Type: layers.EthernetTypeDot1Q},
		&layers.Dot1Q{VLANIdentifier: 7, Type: layers.EthernetTypeIPv4})
	r, path := startPackets(t, "-i", "tap7", "udp port 9")
	tagged, taggedFile := startPackets(t, "-i", "tap7", "-s", "64", "vlan", "7", "and", "udp")
	for _, f := range [][]byte{plain, six, twice, plain} {
		_, err := tap.Write(f)
		qt.Assert(t, qt.IsNil(err))
	}
	time.Sleep(50 * time.Millisecond)
	var got []string
	for _, p := range stopPackets(t, r, path) {
		got = append(got, p.data)
	}
	qt.Check(t, qt.DeepEquals(got, []string{string(plain), string(six), string(twice), string(plain)}))
	all := stopPackets(t, tagged, taggedFile)
	qt.Assert(t, qt.Equals(len(all), 2))
	qt.Check(t, qt.Equals(all[0].data, string(six[:64])))
	qt.Check(t, qt.Equals(all[0].length, len(six)))
}
