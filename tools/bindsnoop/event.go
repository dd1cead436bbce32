package main

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/trace"
)

// Kinds of records (bindsnoop.h).
const (
	kindBind   = 1
	kindListen = 2
)

// Bits of bpfBindRecord.Flags (bindsnoop.h). The lowest five are the letters of
// the OPTS column.
const (
	flagFreebind    = 0x01
	flagTransparent = 0x02
	flagNoPort      = 0x04
	flagReuseaddr   = 0x08
	flagReuseport   = 0x10
	flagAddr        = 0x20
	flagPort        = 0x40
	flagChosen      = 0x80
	flagV6only      = 0x100
	flagSocketV6    = 0x200
	flagExe         = 0x400
	flagExeCut      = 0x800
	flagExeDetached = 0x1000
	flagBacklog     = 0x2000

	flagOptions = flagFreebind | flagTransparent | flagNoPort | flagReuseaddr | flagReuseport
)

// recordSize is the fixed part of a record; the strings follow after their
// length.
const (
	recordSize    = int(unsafe.Sizeof(bpfBindRecord{}))
	stringsOffset = recordSize + 4
)

// privilegedPorts are those below this one.
const privilegedPorts = 1024

// event is one bind() or listen(), or a listener that was there before. Its
// slices belong to the record it was decoded from.
type event struct {
	trace.Head
	bpfBindRecord
	addr     netip.Addr // the zero Addr if not known
	addrText []byte
	exe      []byte // nil if not known or not asked for
	user     []byte
	started  int64  // when tracing began, as Head.Time
	existing bool   // was there when tracing began
	inode    uint64 // of the socket, if existing
	owned    bool   // the process is known
	ifname   []byte

	path []byte // scratch for exe
}

// decoder reads records. What the kernel wrote is trusted for its layout only:
// every length is checked against the record.
type decoder struct {
	details    bool
	interfaces *interfaces
}

func (d *decoder) decode(h *trace.Host, raw []byte, e *event) error {
	if len(raw) < stringsOffset {
		return trace.ErrShortRecord(len(raw), stringsOffset)
	}
	// The reader's buffer is only known to be aligned to bytes.
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&e.bpfBindRecord)), recordSize), raw)
	r := &e.bpfBindRecord
	e.Head.Decode(h, (*trace.RecordHead)(unsafe.Pointer(&r.Head)))
	e.started, e.existing, e.owned = h.Started, false, true
	e.setAddr()

	s := events.Tail(raw[stringsOffset:])
	exe := s.Take(r.ExeLen)
	e.ContainerID = h.Containers.ID(events.CString(s.Take(r.ContainerLen)))
	e.exe = nil
	if r.Flags&flagExe != 0 {
		e.path = events.JoinPath(e.path[:0], exe, r.Flags&flagExeCut != 0, r.Flags&flagExeDetached != 0)
		e.exe = e.path
	}
	if d.details {
		e.enrich(h, d.interfaces)
	}
	return nil
}

// setAddr makes an address of the record's bytes.
func (e *event) setAddr() {
	e.addr, e.addrText = netip.Addr{}, e.addrText[:0]
	switch {
	case e.Flags&flagAddr == 0:
		return
	case e.Family == unix.AF_INET:
		e.addr = netip.AddrFrom4([4]byte(e.Addr[:4]))
	default:
		e.addr = netip.AddrFrom16(e.Addr)
	}
	e.addrText = e.addr.AppendTo(e.addrText)
}

// enrich adds the names that are not in the record.
func (e *event) enrich(h *trace.Host, known *interfaces) {
	e.user = append(e.user[:0], h.Users.Name(e.UID)...)
	e.ifname = append(e.ifname[:0], known.name(e.BoundIf, e.Netns)...)
}

// privileged reports whether the port is one of those that ordinary users may not
// have.
func (e *event) privileged() bool {
	return e.Flags&flagPort != 0 && e.Port != 0 && e.Port < privilegedPorts
}

// protocol is the name of the protocol.
func (e *event) protocol() string {
	if e.Protocol == unix.IPPROTO_UDP {
		return "udp"
	}
	return "tcp"
}
