// Package dns knows what names addresses have, from the answers of DNS that
// arrive at this machine (internal/bpf/dns.h).
//
//	record -> [Cache.Add] -> message -> names by address -> [Cache.Lookup]
//
// Whoever can send a packet to this machine can send an answer. What it says is
// taken for what it is: the newest thing that somebody said of an address. It is
// bounded in every direction: names, records, chains, streams, addresses.
package dns

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/cilium/ebpf"

	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/trace"
)

// Kind is that of the records (KIND_DNS).
const Kind = 0x444e53

// Hook is the ladder for answers. It is optional: without it names are unknown.
// The second rung takes no further privilege, and sees much less.
func Hook() loader.Hook {
	return loader.Hook{
		Name: "answers of DNS",
		Rungs: []loader.Rung{
			{
				Name:   "cgroup_skb",
				Attach: []loader.Attachment{{Program: "dns_received"}},
				Needs:  []preflight.Need{{Cap: preflight.NetAdmin, Why: "see answers of DNS as they arrive"}},
				Costs:  "some thirty nanoseconds for every packet that a socket of this machine receives",
			},
			{
				Name:   "raw_tp",
				Attach: []loader.Attachment{{Program: "dns_arrived"}},
				Blind: []string{
					"answers by TCP, nearly all, and answers by UDP that the network driver did not put into the linear part of a packet, as some do with all but the shortest",
					"answers in fragments",
				},
				Costs: "some eighty nanoseconds for every packet that arrives at this machine",
			},
		},
		Optional: true,
		Without:  "names: no address has one",
	}
}

// Remark tells how many answers found no room, for the account: they are no
// events, and counted in a map of their own.
func Remark(maps map[string]*ebpf.Map) (string, error) {
	var perCPU []uint64
	if err := maps["dns_lost"].Lookup(uint32(0), &perCPU); err != nil {
		return "", fmt.Errorf("read lost answers: %w", err)
	}
	var lost uint64
	for _, n := range perCPU {
		lost += n
	}
	if lost == 0 {
		return "", nil
	}
	return fmt.Sprintf("%d answers of DNS lost, --buffer takes a larger size", lost), nil
}

// Record is struct dns_record of internal/bpf/dns.h; the payload follows it.
type Record struct {
	Head     trace.RecordHead // time and kind; the rest is zero
	Saddr    [16]byte         // of IPv4 the first four
	Daddr    [16]byte
	Seq      uint32 // of TCP: that of the first byte
	Sport    uint16 // host byte order
	Dport    uint16
	Len      uint16 // bytes of payload
	Version  uint8  // 4 or 6
	Protocol uint8  // IPPROTO_UDP or IPPROTO_TCP
	Flags    uint8
	Reserved [11]byte
}

const (
	recordSize = int(unsafe.Sizeof(Record{}))
	offsetKind = int(unsafe.Offsetof(Record{}.Head) + unsafe.Offsetof(trace.RecordHead{}.Kind))
)

// Bits of the flags (DNS_*).
const (
	flagFIN = 0x01
	flagSYN = 0x02
	flagRST = 0x04
)

// Is reports whether a record is one of DNS.
func Is(record []byte) bool {
	return len(record) >= recordSize && binary.NativeEndian.Uint32(record[offsetKind:]) == Kind
}

// packet is a decoded record. Its payload belongs to the record.
type packet struct {
	time    uint64 // of the kernel's clock
	conn    connection
	tcp     bool
	seq     uint32
	flags   uint8
	payload []byte
}

// connection is where a packet came from and went to.
type connection struct {
	saddr, daddr [16]byte
	sport, dport uint16
	version      uint8
}

func decode(record []byte) (packet, error) {
	if !Is(record) {
		return packet{}, fmt.Errorf("decode answer of DNS: %d bytes are none", len(record))
	}
	var r Record
	// The reader's buffer is only known to be aligned to bytes.
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&r)), recordSize), record)
	p := packet{
		time:  r.Head.TimeNs,
		conn:  connection{saddr: r.Saddr, daddr: r.Daddr, sport: r.Sport, dport: r.Dport, version: r.Version},
		tcp:   r.Protocol == protocolTCP,
		seq:   r.Seq,
		flags: r.Flags,
	}
	payload := record[recordSize:]
	if n := int(r.Len); n < len(payload) {
		payload = payload[:n] // the ring and perf buffers pad
	}
	p.payload = payload
	return p, nil
}

// protocolTCP is IPPROTO_TCP.
const protocolTCP = 6
