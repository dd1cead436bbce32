package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/tc"
	"github.com/ringside-tools/ringside/tools/tlscap/pcap"
)

// netInterface is one that packets are captured on. Its number in the file is its place in the list.
type netInterface struct {
	name     string
	index    int
	link     pcap.Link
	loopback bool
	up       bool
	gone     bool   // it was taken away
	lost     uint64 // packets, of one that is gone
}

// anyInterface stands for all that are up.
const anyInterface = "any"

// maxInterfaces is INTERFACES_MAX.
const maxInterfaces = 1024

// findInterfaces looks up names in the network namespace of this process.
func findInterfaces(names []string) ([]netInterface, error) {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("look up interfaces: %w", err)
	}
	defer unix.Close(socket)
	var found []netInterface
	for _, name := range names {
		if name == anyInterface {
			if len(names) > 1 {
				return nil, fmt.Errorf("%s has all the others", anyInterface)
			}
			return allInterfaces(socket)
		}
		n, err := inspectInterface(socket, name)
		if err != nil {
			return nil, err
		}
		if !n.up {
			return nil, fmt.Errorf("%s is down: ip link set %s up", name, name)
		}
		for _, other := range found {
			if other.index == n.index {
				return nil, fmt.Errorf("%s is given twice", name)
			}
		}
		found = append(found, n)
	}
	return found, nil
}

// errLink says that we do not know how packets of an interface begin.
var errLink = errors.New("its packets are neither of Ethernet nor of IP")

// allInterfaces are those that are up. What we cannot read the packets of is left out.
func allInterfaces(socket int) ([]netInterface, error) {
	found, err := inspectInterfaces(socket)
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(n netInterface) bool { return !n.up })
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("no interface is up")
	case len(found) > maxInterfaces:
		return nil, fmt.Errorf("%d interfaces are up, at most %d can be captured on: name them", len(found), maxInterfaces)
	}
	return found, nil
}

// everyInterface is all of them, up or not.
func everyInterface() ([]netInterface, error) {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(socket)
	return inspectInterfaces(socket)
}

func inspectInterfaces(socket int) (found []netInterface, err error) {
	names, err := interfaceNames()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		n, err := inspectInterface(socket, name)
		switch {
		case errors.Is(err, errLink), errors.Is(err, unix.ENODEV):
		case err != nil:
			return nil, err
		default:
			found = append(found, n)
		}
	}
	return found, nil
}

// interfaceNames are those of our network namespace, in the order of /proc/net/dev, which needs no sysfs.
func interfaceNames() (names []string, err error) {
	text, err := os.ReadFile("/proc/thread-self/net/dev")
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if name, _, ok := strings.Cut(line, ":"); ok {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names, nil
}

// inspectInterface looks up one.
func inspectInterface(socket int, name string) (n netInterface, err error) {
	n.name = name
	ask := func(request uint) (*unix.Ifreq, error) {
		ifr, err := unix.NewIfreq(name)
		if err != nil {
			return nil, fmt.Errorf("no interface %q", name) // too long
		}
		err = unix.IoctlIfreq(socket, request, ifr)
		if errors.Is(err, unix.ENODEV) {
			return nil, fmt.Errorf("no interface %q: %w", name, err)
		}
		return ifr, err
	}
	ifr, err := ask(unix.SIOCGIFINDEX)
	if err != nil {
		return n, err
	}
	n.index = int(ifr.Uint32())
	if ifr, err = ask(unix.SIOCGIFFLAGS); err != nil {
		return n, err
	}
	flags := ifr.Uint16()
	n.loopback, n.up = flags&unix.IFF_LOOPBACK != 0, flags&unix.IFF_UP != 0
	if ifr, err = ask(unix.SIOCGIFHWADDR); err != nil {
		return n, err
	}
	// The address begins with the type of the link, where others have their family.
	var ok bool
	if n.link, ok = pcap.LinkType(ifr.Uint16()); !ok {
		return n, fmt.Errorf("%s has a link of type %d: %w", name, ifr.Uint16(), errLink)
	}
	return n, nil
}

// wantedFunction is the function of the programs that a filter takes the place of.
const wantedFunction = "packet_wanted"

// setFilter puts the code of a filter into the programs for packets.
func setFilter(spec *ebpf.CollectionSpec, code asm.Instructions) error {
	if code == nil {
		return nil
	}
	for _, name := range []string{"packet_in", "packet_out"} {
		p := spec.Programs[name]
		begin := slices.IndexFunc(p.Instructions, func(i asm.Instruction) bool { return i.Symbol() == wantedFunction })
		if begin < 0 {
			return fmt.Errorf("program %s has no function %s", name, wantedFunction)
		}
		end := begin + 1
		for end < len(p.Instructions) && p.Instructions[end].Symbol() == "" {
			end++
		}
		own := slices.Clone(code)
		// The first instruction says what function it is.
		own[0].Metadata = p.Instructions[begin].Metadata
		p.Instructions = slices.Concat(p.Instructions[:begin], own, p.Instructions[end:])
	}
	return nil
}

// linkEthernet is LINK_ETHERNET: the bytes before the header of the network.
const linkEthernet = 14

// attachPackets puts the programs on the interfaces. Where all are wanted, one that has gone meanwhile is none of them.
func attachPackets(l *loader.Loaded, found []netInterface, how tc.Attacher, all bool) error {
	l.Own(how)
	for number, n := range found {
		if err := capturePackets(l, n, number, how); err != nil && !(all && errors.Is(err, unix.ENODEV)) {
			return fmt.Errorf("capture on %s: %w", n.name, err)
		}
	}
	return nil
}

// capturePackets puts the programs on one, whose packets then come with its number.
func capturePackets(l *loader.Loaded, n netInterface, number int, how tc.Attacher) error {
	state := bpfPacketInterface{Number: uint32(number)}
	if n.link == pcap.LinkEthernet {
		state.LinkLen = linkEthernet
	}
	if n.loopback {
		state.Loopback = 1
	}
	if err := l.Maps["packet_interfaces"].Put(uint32(n.index), state); err != nil {
		return fmt.Errorf("tell the programs: %w", err)
	}
	return attachTo(l, n, how)
}

// attachTo attaches in both directions. What the loopback sends it receives at once: that is captured once.
func attachTo(l *loader.Loaded, n netInterface, how tc.Attacher) error {
	if err := how.Attach(n.index, tc.Ingress, l.Programs["packet_in"]); err != nil {
		return err
	}
	if n.loopback {
		return nil
	}
	return how.Attach(n.index, tc.Egress, l.Programs["packet_out"])
}

// ownNamespace is the number of our network namespace.
func ownNamespace() (uint32, error) {
	text, err := os.Readlink("/proc/thread-self/ns/net") // net:[4026531840]
	if err != nil {
		return 0, fmt.Errorf("look up own network namespace: %w", err)
	}
	_, number, _ := strings.Cut(text, "[")
	n, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("look up own network namespace: %q: %w", text, err)
	}
	return uint32(n), nil
}
