package main

import (
	"unsafe"

	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/symbol"
	"github.com/ringside-tools/ringside/internal/syscallname"
	"github.com/ringside-tools/ringside/internal/trace"
)

// Kinds of records (capable.h).
const (
	kindCheck   = 1
	kindSubject = 2
)

// Bits of bpfCapRecord.Flags and bpfSubjectRecord.Flags (capable.h).
const (
	flagAudit         = 0x01
	flagAuditKnown    = 0x02
	flagAuditInferred = 0x04
	flagInsetid       = 0x08
	flagInsetidKnown  = 0x10
	flagOverridden    = 0x20
	flagCompat        = 0x40
	flagExeCut        = 0x80
	flagExeDetached   = 0x100
)

// Sizes of the records' fixed parts. What follows the length of struct buffer is
// variable; a record without details has not even that.
const (
	recordSize = int(unsafe.Sizeof(bpfCapRecord{}))
	lengthSize = 4
)

// event is one check. Its slices belong to the record it was decoded from.
type event struct {
	trace.Head
	bpfCapRecord
	syscall string
	kstack  [][]byte // nil unless asked for
	ustack  [][]byte

	text   []byte // of the stacks
	frames []symbol.Frame
	users  []symbol.UserFrame
	path   []byte
}

// decoder reads records. What the kernel wrote is trusted for its layout only:
// every length is checked against the record.
type decoder struct {
	kernel *symbol.Kernel // nil unless kernel stacks are shown
	users  *symbol.Users  // nil unless user stacks are
	names  *subjects      // of a profile, or nil
}

func (d *decoder) decode(h *trace.Host, raw []byte, e *event) error {
	if len(raw) < recordSize {
		return trace.ErrShortRecord(len(raw), recordSize)
	}
	// The reader's buffer is only known to be aligned to bytes.
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&e.bpfCapRecord)), recordSize), raw)
	if e.bpfCapRecord.Head.Kind == kindSubject && d.names != nil {
		if err := d.names.add(h, raw); err != nil {
			return err
		}
		return trace.ErrNoEvent
	}
	r := &e.bpfCapRecord
	e.Head.Decode(h, (*trace.RecordHead)(unsafe.Pointer(&r.Head)))
	e.syscall = syscallname.Name(int(r.Syscall), r.Flags&flagCompat != 0)

	s := events.Tail(raw[min(recordSize+lengthSize, len(raw)):])
	kstack, ustack := s.Take(r.KstackLen), s.Take(r.UstackLen)
	exe := s.Take(r.ExeLen)
	e.ContainerID = h.Containers.ID(events.CString(s.Take(r.ContainerLen)))
	e.text, e.kstack, e.ustack = e.text[:0], e.kstack[:0], e.ustack[:0]
	if d.kernel != nil {
		e.kernelStack(d.kernel, kstack)
	}
	if d.users != nil {
		e.path = events.JoinPath(e.path[:0], exe, r.Flags&flagExeCut != 0, r.Flags&flagExeDetached != 0)
		e.userStack(d.users, ustack, string(e.path))
	}
	return nil
}
