package main

import (
	"bytes"
	"path"
	"unsafe"

	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/trace"
	"github.com/ringside-tools/ringside/tools/filesnoop/rules"
)

// Bits of bpfFileRecord.Flags (filesnoop.h).
const (
	flagPath          = 0x01
	flagPathCut       = 0x02
	flagPathDetached  = 0x04
	flagBase          = 0x08
	flagPath2         = 0x10
	flagPath2Cut      = 0x20
	flagPath2Detached = 0x40
	flagBase2         = 0x80
	flagName          = 0x100
	flagName2         = 0x200
	flagUnreadable    = 0x400
	flagExe           = 0x800
	flagExeCut        = 0x1000
	flagExeDetached   = 0x2000
	flagInode         = 0x4000
	flagOpenFlags     = 0x8000
	flagSize          = 0x10000
	flagFd            = 0x20000
	flagDetails       = 0x40000
	flagKernel        = 0x80000
)

// recordSize is the fixed part of a record; the strings follow after their
// length.
const (
	recordSize    = int(unsafe.Sizeof(bpfFileRecord{}))
	stringsOffset = recordSize + 4
)

// event is one thing that happened to a file. Its slices belong to the record it
// was decoded from, or to the event.
type event struct {
	trace.Head
	bpfFileRecord
	name, name2 []byte // as given; nil if not known
	path, path2 []byte // nil if not known
	exe         []byte
	entropy     int // of what was written, in thousandths of a bit for each byte; -1: not known
	content     rules.Content
	user        []byte
	started     int64 // when tracing began, as Head.Time
	age         int64 // nanoseconds since it was made; -1: not known

	passed  bool // the filters of user space
	verdict rules.Verdict

	buf []byte // scratch for the paths
}

func (e *event) op() op { return op(e.bpfFileRecord.Head.Kind) }

// decoder reads records. What the kernel wrote is trusted for its layout only:
// every length is checked against the record.
type decoder struct {
	details bool
	life    *life // nil: ages are not asked for
	judge   *judge
	probes  *probes // nil: without --crypto
}

func (d *decoder) decode(h *trace.Host, raw []byte, e *event) error {
	if len(raw) < stringsOffset {
		return trace.ErrShortRecord(len(raw), stringsOffset)
	}
	// The reader's buffer is only known to be aligned to bytes.
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&e.bpfFileRecord)), recordSize), raw)
	r := &e.bpfFileRecord
	e.Head.Decode(h, (*trace.RecordHead)(unsafe.Pointer(&r.Head)))
	e.started = h.Started
	e.user = e.user[:0]

	s := events.Tail(raw[stringsOffset:])
	name, first := s.Take(r.NameLen), s.Take(r.PathLen)
	name2, second := s.Take(r.Name2Len), s.Take(r.Path2Len)
	exe := s.Take(r.ExeLen)
	e.ContainerID = h.Containers.ID(events.CString(s.Take(r.ContainerLen)))
	e.entropy, e.content = lookAt(s.Take(r.SampleLen))

	e.name = known(name, r.Flags&flagName)
	e.name2 = known(name2, r.Flags&flagName2)
	e.buf = e.buf[:0]
	e.path = e.text(first, e.name, r.Flags, flagPath, flagPathCut, flagPathDetached, flagBase)
	e.path2 = e.text(second, e.name2, r.Flags, flagPath2, flagPath2Cut, flagPath2Detached, flagBase2)
	e.exe = e.text(exe, nil, r.Flags, flagExe, flagExeCut, flagExeDetached, 0)
	if e.op() == opSymlink {
		e.path2 = e.name2 // the target is text, whatever is there
	}
	if d.details {
		e.user = append(e.user, h.Users.Name(e.UID)...)
	}
	if d.probes != nil {
		d.probes.see(e)
		if e.op() == opEncrypt && r.Flags&flagKernel == 0 {
			p := d.probes.name(r.Probe)
			e.path, e.name = []byte(p.library), []byte(p.function)
		}
	}
	e.age = -1
	if d.life != nil {
		e.age = d.life.see(e)
	}
	d.judge.see(e)
	return nil
}

// known drops the NUL of a name that was read; nil for one that was not.
func known(b []byte, flag uint32) []byte {
	if flag == 0 {
		return nil
	}
	return events.CString(b)
}

// text makes a path of what the kernel sent: a path, or the directory that the
// name as given begins at. A detached file has a name but no place; a cut path
// begins with "...". nil if it is not known.
func (e *event) text(b, name []byte, flags, known, cut, detached, base uint32) []byte {
	if flags&known == 0 || flags&base != 0 && name == nil {
		return nil
	}
	start := len(e.buf)
	switch {
	case flags&detached != 0:
		e.buf = append(e.buf, bytes.TrimPrefix(b, []byte("/"))...)
	case flags&cut != 0:
		e.buf = append(append(e.buf, "..."...), b...)
	case len(b) == 0:
		e.buf = append(e.buf, '/')
	default:
		e.buf = append(e.buf, b...)
	}
	if flags&base != 0 {
		// The kernel follows links within the name, which are not known here.
		joined := path.Clean(string(e.buf[start:]) + "/" + string(name))
		e.buf = append(e.buf[:start], joined...)
	}
	return e.buf[start:len(e.buf):len(e.buf)]
}

// shown is the name that the classic tables have: as given, or the path of what
// was given by a descriptor or by the kernel itself.
func (e *event) shown() []byte {
	if e.name != nil {
		return e.name
	}
	return e.path
}
