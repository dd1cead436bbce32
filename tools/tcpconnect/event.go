package main

import (
	"fmt"
	"net/netip"
	"unsafe"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/dns"
	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/trace"
)

// kindConnect is the kind of a record that is an attempt (tcpconnect.h).
const kindConnect = 1

// Values of bpfConnectRecord.Result (tcpconnect.h).
const (
	resultNone        = 0
	resultEstablished = 1
	resultRefused     = 2
	resultTimeout     = 3
	resultUnreachable = 4
	resultReset       = 5
	resultAborted     = 6
	resultError       = 7
)

// results are their names, as fields and flags have them.
var results = [...]string{"", "established", "refused", "timeout", "unreachable", "reset", "aborted", "error"}

// Bits of bpfConnectRecord.Flags (tcpconnect.h).
const (
	flagBlocking    = 0x01
	flagNonblocking = 0x02
	flagMptcp       = 0x04
	flagFastopen    = 0x08
	flagSaddr       = 0x10
)

// event is one attempt. Its slices belong to the record it was decoded from.
type event struct {
	trace.Head
	bpfConnectRecord
	saddr, daddr []byte    // text; saddr is nil if not known
	name         *dns.Name // of the destination; nil if not known, and without -d
	first        int64     // Head.Time of the first event of this run

	saddrText, daddrText [addrTextMax]byte
}

// addrTextMax is the room for the longest address: eight groups of four digits,
// or the last two of them as IPv4.
const addrTextMax = 46

// containerOffset is where the name of the container's cgroup begins; a record
// ends with it.
const containerOffset = int(unsafe.Offsetof(bpfConnectRecord{}.Container))

// decoder returns the function that reads a record, of an attempt or of DNS. What
// the kernel wrote is trusted for its layout only.
func decoder() func(*trace.Host, []byte, *event) error {
	var first int64
	var names *dns.Cache // nil until an answer was seen
	return func(h *trace.Host, raw []byte, e *event) error {
		if dns.Is(raw) {
			if names == nil {
				names = dns.New(h.Clock)
			}
			if err := names.Add(raw); err != nil {
				return err
			}
			return trace.ErrNoEvent
		}
		if err := e.decode(h, raw); err != nil {
			return err
		}
		e.name = nil
		if names != nil {
			e.name = names.Lookup(addrOf(e.Version, e.Daddr), e.Time)
		}
		if first == 0 {
			first = e.Time
		}
		e.first = first
		return nil
	}
}

func (e *event) decode(h *trace.Host, raw []byte) error {
	if len(raw) < containerOffset {
		return trace.ErrShortRecord(len(raw), containerOffset)
	}
	// The reader's buffer is only known to be aligned to bytes.
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&e.bpfConnectRecord)), containerOffset), raw)
	r := &e.bpfConnectRecord
	if r.Head.Kind != kindConnect {
		return fmt.Errorf("decode record: unknown kind %d", r.Head.Kind)
	}
	e.Head.Decode(h, (*trace.RecordHead)(unsafe.Pointer(&r.Head)))
	if name := raw[containerOffset:]; int(r.ContainerLen) <= len(name) {
		e.ContainerID = h.Containers.ID(events.CString(name[:r.ContainerLen]))
	}
	e.daddr = appendAddr(e.daddrText[:0], r.Version, r.Daddr)
	e.saddr = nil
	if r.Flags&flagSaddr != 0 {
		e.saddr = appendAddr(e.saddrText[:0], r.Version, r.Saddr)
	}
	if int(r.Result) >= len(results) {
		r.Result = resultError
	}
	return nil
}

// appendAddr appends an address as text.
func appendAddr(dst []byte, version uint8, addr [16]uint8) []byte {
	return addrOf(version, addr).AppendTo(dst)
}

func addrOf(version uint8, addr [16]uint8) netip.Addr {
	if version == 4 {
		return netip.AddrFrom4([4]byte(addr[:4]))
	}
	return netip.AddrFrom16(addr)
}

// unfinished hands over the attempts that have no outcome yet.
func unfinished(maps map[string]*ebpf.Map, record func([]byte) error) error {
	var sk uint64
	var r bpfConnectRecord
	it := maps["pending"].Iterate()
	for it.Next(&sk, &r) {
		size := containerOffset + min(int(r.ContainerLen), len(r.Container))
		if err := record(unsafe.Slice((*byte)(unsafe.Pointer(&r)), size)); err != nil {
			return err
		}
	}
	return it.Err()
}
