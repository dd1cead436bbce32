//go:build kernel

package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/go-quicktest/qt"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/kerneltest"
)

// Packets of interfaces that come up later are captured as well, each once and under the name of its interface, also
// where one that is gone had the name before; but not if interfaces are named.
//
//vmrun:kernels 6.12
func TestNewInterfaces(t *testing.T) {
	const port = "5353"
	for _, rung := range packetRungsHere() {
		ownNetwork(t)
		before := kerneltest.Loaded(t)
		r, path := startPackets(t, "--verbose", "--rung", rung, "udp", "port", port)
		named, namedFile := startPackets(t, "--rung", rung, "-i", "lo", "udp", "port", port)
		captured := 0
		late := func(name string, packets int) *os.File {
			tun := tunDevice(t, name, unix.IFF_TUN)
			captured++
			waitFor(t, func() bool { return strings.Count(r.Stderr(), " is captured on as well\n") == captured })
			qt.Check(t, qt.StringContains(r.Stderr(), "tlscap: "+name+" is captured on as well\n"))
			for range packets {
				_, err := tun.Write(datagram(t, "192.0.2.2:"+port, "192.0.2.1:99"))
				qt.Assert(t, qt.IsNil(err))
			}
			udpSender(t, "192.0.2.2", atoi(port), 11, 5).finish(t)
			return tun
		}
		first := late("late0", 101)
		qt.Assert(t, qt.IsNil(first.Close()))
		second := late("late1", 13)
		qt.Assert(t, qt.IsNil(second.Close()))
		again := late("late0", 7)
		udpSender(t, "127.0.0.1", atoi(port), 3, 5).finish(t) // what was there at the beginning is still captured on
		counts := make(map[string]int)
		for _, p := range stopPackets(t, r, path) {
			counts[fmt.Sprintf("%s %v", p.iface, p.out)]++
		}
		qt.Check(t, qt.DeepEquals(counts, map[string]int{
			"late0 false": 101 + 7, "late0 true": 11 + 11, "late1 false": 13, "late1 true": 11, "lo false": 3,
		}))
		qt.Check(t, qt.Equals(r.Account().Lost, 0))
		qt.Check(t, qt.HasLen(stopPackets(t, named, namedFile), 3))
		kerneltest.NothingLeft(t, before)
		again.Close()
	}
}

// As an ordinary user, with the capabilities that are left after the beginning.
//
//vmrun:kernels 6.12
func TestNewInterfacesPrivilege(t *testing.T) {
	for _, rung := range packetRungsHere() {
		ownNetwork(t)
		cmd := kerneltest.Command(t, "tlscap", "--mode", "pcapng", "--pcap-file", "-", "--verbose", "--rung", rung, "udp port 5353")
		kerneltest.OrdinaryUser(t, cmd, packetCapabilities("")...)
		r := kerneltest.StartCmd(t, cmd)
		tun := tunDevice(t, "late0", unix.IFF_TUN)
		waitFor(t, func() bool { return strings.Contains(r.Stderr(), "late0 is captured on as well") })
		for range 13 {
			_, err := tun.Write(datagram(t, "192.0.2.2:5353", "192.0.2.1:99"))
			qt.Assert(t, qt.IsNil(err))
		}
		qt.Assert(t, qt.Equals(r.Stop(), 0), qt.Commentf("%s", r.Stderr()))
		qt.Check(t, qt.HasLen(readPackets(t, []byte(r.Stdout())), 13))
		tun.Close()
	}
}
