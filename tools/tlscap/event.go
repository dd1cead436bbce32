package main

import (
	"net/netip"
	"path"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/trace"
	"github.com/ringside-tools/ringside/tools/tlscap/http"
	"github.com/ringside-tools/ringside/tools/tlscap/library"
	"github.com/ringside-tools/ringside/tools/tlscap/pcap"
)

// Kinds of records (tlscap.h).
const (
	kindPiece  = 1
	kindDerive = 2
	kindExec   = 3
	kindEnd    = 4
	kindLogged = 5
	kindPacket = 6
	kindOwner  = 7
	kindBound  = 8

	kindMessage = 1 << 16 // not a record: what pieces were understood as
)

// Directions.
const (
	dirRead  = 0
	dirWrite = 1
)

// Bits of bpfTlsRecord.Flags (tlscap.h).
const (
	flagPeek       = 0x01
	flagNoData     = 0x02
	flagUnreadable = 0x04
	flagLimited    = 0x08
	flagSocket     = 0x10
)

// pieceMax is PIECE_MAX: the most that one record carries.
const pieceMax = 65536

// Sizes of the fixed parts of records.
const (
	headSize   = int(unsafe.Sizeof(trace.RecordHead{}))
	recordSize = int(unsafe.Sizeof(bpfTlsRecord{}))
	deriveSize = int(unsafe.Sizeof(bpfDeriveRecord{}))
	endSize    = int(unsafe.Sizeof(bpfEndRecord{}))
	packetSize = int(unsafe.Sizeof(bpfPacketRecord{}))
	ownerSize  = int(unsafe.Sizeof(bpfOwnerRecord{}))
)

// event is a piece of what a call carried, a message that pieces made, a secret, or a packet. Its slices belong to the record it
// was decoded from.
type event struct {
	trace.Head
	bpfTlsRecord
	kind    uint32
	probe   probe
	conn    uint64 // number of the connection, from 1
	missing uint64 // bytes before this piece that were lost
	local   netip.AddrPort
	remote  netip.AddrPort
	data    []byte
	at      uint32 // where data begins in the call
	more    bool   // the call carried more, that follows

	secret  secret
	packet  pcap.Record
	message *http.Message // nil if there is none
}

// op names what happened.
func (e *event) op() string {
	switch {
	case e.kind == kindDerive:
		return "secret"
	case e.message != nil && e.message.Dir == http.Sent:
		return "write"
	case e.message != nil:
		return "read"
	case e.Flags&flagPeek != 0:
		return "peek"
	case e.Flags&flagNoData != 0:
		return "sendfile"
	case e.Dir == dirWrite:
		return "write"
	}
	return "read"
}

// libraryName is the name of the file.
func (e *event) libraryName() string {
	if e.probe.library == "" {
		return ""
	}
	return path.Base(e.probe.library)
}

// decoder reads records. What the kernel wrote is trusted for its layout only: every length
// is checked against the record.
type decoder struct {
	probes      *probes
	discovery   *discovery
	connections connections
	waiting     *waitingPieces // nil where nothing that is said is captured
	capture     *capture       // nil in other modes
}

func (d *decoder) decode(h *trace.Host, raw []byte, e *event) error {
	if len(raw) < headSize {
		return trace.ErrShortRecord(len(raw), headSize)
	}
	var head trace.RecordHead
	// The reader's buffer is only known to be aligned to bytes.
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&head)), headSize), raw)
	e.kind = head.Kind
	switch head.Kind {
	case kindExec:
		d.discovery.execed(head.PID)
		return trace.ErrNoEvent
	case kindDerive, kindLogged:
		return d.decodeDerive(h, &head, raw, e)
	case kindEnd:
		return d.decodeEnd(raw)
	case kindPacket:
		return d.decodePacket(h, raw, e)
	case kindOwner:
		return d.decodeOwner(h, &head, raw)
	}
	if len(raw) < recordSize {
		return trace.ErrShortRecord(len(raw), recordSize)
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&e.bpfTlsRecord)), recordSize), raw)
	r := &e.bpfTlsRecord
	e.Head.Decode(h, &head)
	e.message = nil
	name := unsafe.Slice((*byte)(unsafe.Pointer(&r.Container[0])), len(r.Container))
	e.ContainerID = h.Containers.ID(events.CString(name[:min(int(r.ContainerLen), len(name))]))
	e.probe = d.probes.get(r.Probe)
	e.data = raw[recordSize:][:min(int(r.Len), len(raw)-recordSize)]
	e.at = r.At
	e.more = uint64(r.At)+uint64(len(e.data)) < uint64(r.Total) && r.Flags&(flagLimited|flagNoData|flagUnreadable) == 0
	e.local, e.remote = endpoint(r, r.Local.Addr, r.Local.Port), endpoint(r, r.Remote.Addr, r.Remote.Port)
	d.connections.place(e)
	if r.Flags&flagSocket != 0 && (e.kind == kindBound || e.probe.function.Family == library.Rustls) {
		e.conn = d.connections.onSocket(e)
	}
	if e.kind == kindBound {
		if d.waiting != nil {
			d.waiting.bound(e)
		}
		return trace.ErrNoEvent
	}
	return nil
}

// decodeEnd forgets a connection.
func (d *decoder) decodeEnd(raw []byte) error {
	if len(raw) < endSize {
		return trace.ErrShortRecord(len(raw), endSize)
	}
	var r bpfEndRecord
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&r)), endSize), raw)
	d.connections.end(connectionKey{r.Head.Pid, r.Object, r.BornNs})
	return trace.ErrNoEvent
}

// endpoint is one end of the connection; the zero AddrPort if it is not known.
func endpoint(r *bpfTlsRecord, addr [16]uint8, port uint16) netip.AddrPort {
	switch {
	case r.Flags&flagSocket == 0:
	case r.Family == unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(addr[:4])), port)
	case r.Family == unix.AF_INET6:
		return netip.AddrPortFrom(netip.AddrFrom16(addr), port)
	}
	return netip.AddrPort{}
}
