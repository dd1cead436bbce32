package main

import (
	"net/netip"
	"strconv"
	"strings"
	"unsafe"

	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/trace"
	"github.com/ringside-tools/ringside/tools/tlscap/pcap"
)

// owners are the processes that have the ends of connections on this machine.
type owners struct {
	all  map[end]*owner
	uses uint64
}

// end is one end of a flow. Of UDP there is no remote; local has no address where the socket is for any.
type end struct {
	protocol      uint8
	local, remote netip.AddrPort
}

// owner is a process, and whether it passes the filters.
type owner struct {
	pid, uid  uint32
	comm      string
	container string
	passes    bool
	used      uint64
}

// Protocols that have owners.
const (
	protoTCP = 6
	protoUDP = 17
)

// maxOwners bounds what is remembered. The kernel forgets as many.
const maxOwners = 65536

// decodeOwner notes whose an end is.
func (d *decoder) decodeOwner(h *trace.Host, head *trace.RecordHead, raw []byte) error {
	if len(raw) < ownerSize {
		return trace.ErrShortRecord(len(raw), ownerSize)
	}
	var r bpfOwnerRecord
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&r)), ownerSize), raw)
	name := unsafe.Slice((*byte)(unsafe.Pointer(&r.Container[0])), len(r.Container))
	d.capture.owners.add(end{
		protocol: uint8(r.End.Protocol),
		local:    addrPort(r.End.Local, r.End.LocalPort),
		remote:   addrPort(r.End.Remote, r.End.RemotePort),
	}, &owner{
		pid: head.PID, uid: head.UID, comm: string(events.CString(head.Comm[:])), passes: r.Passes != 0,
		container: h.Containers.ID(events.CString(name[:min(int(r.ContainerLen), len(name))])),
	})
	return trace.ErrNoEvent
}

// addrPort is what the kernel has as ::ffff:a.b.c.d or an address of IPv6; zeros are no address.
func addrPort(addr [16]uint8, port uint16) netip.AddrPort {
	if addr == [16]uint8{} {
		return netip.AddrPortFrom(netip.Addr{}, port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(addr).Unmap(), port)
}

func (o *owners) add(e end, who *owner) {
	o.uses++
	who.used = o.uses
	if o.all == nil {
		o.all = make(map[end]*owner)
	}
	if len(o.all) >= maxOwners {
		o.forget()
	}
	o.all[e] = who
}

// forget drops the half that was not used for the longest time.
func (o *owners) forget() {
	for e, who := range o.all {
		if o.uses-who.used > maxOwners/2 {
			delete(o.all, e)
		}
	}
	if len(o.all) >= maxOwners { // all are as new
		clear(o.all)
	}
}

func (o *owners) get(e end) *owner {
	who := o.all[e]
	if who != nil {
		o.uses++
		who.used = o.uses
	}
	return who
}

// find returns who has an end; here says that it is on this machine for sure.
func (o *owners) find(protocol uint8, local, remote netip.AddrPort, here bool) *owner {
	switch protocol {
	case protoTCP:
		return o.get(end{protocol, local, remote})
	case protoUDP:
		if who := o.get(end{protocol, local, netip.AddrPort{}}); who != nil || !here {
			return who
		}
		return o.get(end{protocol, netip.AddrPortFrom(netip.Addr{}, local.Port()), netip.AddrPort{}})
	}
	return nil
}

// both are the processes that a packet is from and to, as far as they are known.
type both struct{ sender, receiver *owner }

// ends finds whose a packet is. On the loopback both are on this machine.
func (o *owners) ends(p *pcap.Packet, d pcap.Direction, loopback bool) both {
	if !p.HasPorts {
		return both{}
	}
	src, dst := netip.AddrPortFrom(p.Src.Unmap(), p.SrcPort), netip.AddrPortFrom(p.Dst.Unmap(), p.DstPort)
	return both{
		sender:   o.find(p.Protocol, src, dst, loopback || d == pcap.Outbound),
		receiver: o.find(p.Protocol, dst, src, loopback || d == pcap.Inbound),
	}
}

// pass reports whether one of them passes the filters.
func (b both) pass() bool {
	return b.sender != nil && b.sender.passes || b.receiver != nil && b.receiver.passes
}

// comment names them: "from curl, pid 4711, uid 1000; to nginx, pid 812, uid 33".
func (b both) comment() []byte {
	var text []byte
	for _, side := range []struct {
		word string
		who  *owner
	}{{"from ", b.sender}, {"to ", b.receiver}} {
		if side.who == nil {
			continue
		}
		if len(text) > 0 {
			text = append(text, "; "...)
		}
		text = side.who.append(append(text, side.word...))
	}
	return text
}

// punctuation of a comment is escaped in names.
var punctuation = strings.NewReplacer(",", `\x2c`, ";", `\x3b`)

// append writes a process. Its name cannot have what looks like an id: "pid 47," finds process 47 alone.
func (o *owner) append(b []byte) []byte {
	b = append(append(b, punctuation.Replace(o.comm)...), ", pid "...)
	b = append(strconv.AppendUint(b, uint64(o.pid), 10), ", uid "...)
	b = strconv.AppendUint(b, uint64(o.uid), 10)
	if o.container != "" {
		b = append(append(b, ", container "...), o.container...)
	}
	return b
}
