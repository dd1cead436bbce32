package main

import (
	"bytes"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/internal/trace"
)

// Bits of bpfExecRecord.Flags (execsnoop.h).
const (
	flagArgsCut        = 0x01
	flagArgsUnreadable = 0x02
	flagExeCut         = 0x04
	flagExeDetached    = 0x08
	flagCwdCut         = 0x10
	flagCwdDetached    = 0x20
	flagMemfd          = 0x40
	flagDeleted        = 0x80
	flagUpper          = 0x100
	flagOverlay        = 0x200
	flagAudit          = 0x400
	flagArgcMin        = 0x800
	flagPaths          = 0x2000
)

const (
	kindExec = 1
	kindFail = 2
)

// event is one exec. Its slices belong to the record it was decoded from.
type event struct {
	trace.Head
	bpfExecRecord
	failed   bool
	filename []byte // as asked for; nil if it could not be read
	interp   []byte // nil unless a script
	exe      []byte // full path of the image, nil if not known
	cwd      []byte
	args     [][]byte
	cut      bool   // args are not all, or not whole
	user     []byte // empty if not known
	started  int64  // when tracing began, as Head.Time
	parent   []byte

	line     [][]byte // the words of the ARGS column
	lineMore bool     // and there were more
	fd       [32]byte // scratch for /dev/fd/N
	path     []byte   // scratch for exe and cwd
}

// recordSize is the fixed part of a record; the strings follow after their
// length.
const recordSize = int(unsafe.Sizeof(bpfExecRecord{}))
const stringsOffset = recordSize + 4

// decoder returns the function that reads a record. What the kernel wrote is
// trusted for its layout only: every length is checked against the record.
func decoder(cfg *config, format string) func(*trace.Host, []byte, *event) error {
	maxArgs, maxWords := cfg.maxArgs, cfg.maxArgs
	if maxWords == 0 {
		maxWords = defaultMaxArgs
	}
	return func(h *trace.Host, raw []byte, e *event) error {
		if err := e.decode(h, raw); err != nil {
			return err
		}
		e.limitWords(maxWords)
		if maxArgs > 0 && len(e.args) > maxArgs {
			e.args, e.cut = e.args[:maxArgs], true
		}
		if format != "table" {
			e.user = append(e.user[:0], h.Users.Name(e.UID)...)
		}
		return nil
	}
}

func (e *event) decode(h *trace.Host, raw []byte) error {
	if len(raw) < stringsOffset {
		return trace.ErrShortRecord(len(raw), stringsOffset)
	}
	// The reader's buffer is only known to be aligned to bytes.
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&e.bpfExecRecord)), recordSize), raw)
	r := &e.bpfExecRecord
	e.Head.Decode(h, (*trace.RecordHead)(unsafe.Pointer(&r.Head)))
	e.started = h.Started
	e.failed = r.Head.Kind == kindFail
	e.parent = events.CString(unsafe.Slice((*byte)(unsafe.Pointer(&r.ParentComm[0])), len(r.ParentComm)))

	e.path = e.path[:0]
	s := events.Tail(raw[stringsOffset:])
	e.filename = cstring(s.Take(r.FilenameLen))
	e.interp = cstring(s.Take(r.InterpLen))
	e.args = splitArgs(e.args[:0], s.Take(r.ArgsLen))
	e.exe = e.joinPath(s.Take(r.ExeLen), flagExeCut, flagExeDetached)
	e.cwd = e.joinPath(s.Take(r.CwdLen), flagCwdCut, flagCwdDetached)
	e.ContainerID = h.Containers.ID(events.CString(s.Take(r.ContainerLen)))
	e.cut = r.Flags&flagArgsCut != 0
	if e.filename != nil && r.Dirfd != unix.AT_FDCWD && !bytes.HasPrefix(e.filename, []byte("/")) {
		e.filename = e.fdPath(r.Dirfd, e.filename)
	}
	e.findLine()
	return nil
}

// cstring drops the NUL at the end; nil stays nil for nothing at all.
func cstring(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return events.CString(b)
}

// joinPath makes a path of components that come leaf first, each with its
// NUL. A detached file has a name but no place; a cut path begins with "...".
func (e *event) joinPath(parts []byte, cut, detached uint32) []byte {
	if e.Flags&flagPaths == 0 || e.failed && cut == flagExeCut {
		return nil
	}
	start := len(e.path)
	e.path = events.JoinPath(e.path, parts, e.Flags&cut != 0, e.Flags&detached != 0)
	return e.path[start:len(e.path):len(e.path)]
}

// splitArgs splits strings that each end in NUL; the last may have been cut.
func splitArgs(dst [][]byte, b []byte) [][]byte {
	for len(b) > 0 {
		i := bytes.IndexByte(b, 0)
		if i < 0 {
			return append(dst, b)
		}
		dst = append(dst, b[:i:i])
		b = b[i+1:]
	}
	return dst
}

// fdPath names a file relative to a descriptor as the kernel does when such an
// exec succeeds: /dev/fd/N, or /dev/fd/N/name.
func (e *event) fdPath(fd int32, name []byte) []byte {
	out := strconv.AppendInt(append(e.fd[:0], "/dev/fd/"...), int64(fd), 10)
	if len(name) > 0 {
		out = append(append(out, '/'), name...)
	}
	return out
}

// findLine fills the words of the ARGS column: the file that was asked for and
// the arguments after the caller's argv[0]. For a script the new image's
// arguments begin with the interpreter, its argument, and the script's name in
// place of argv[0]; those are skipped.
func (e *event) findLine() {
	rest := e.args
	if len(rest) > 0 {
		rest = rest[1:]
	}
	if e.interp != nil {
		for i, arg := range rest {
			if bytes.Equal(arg, e.filename) {
				rest = rest[i+1:]
				break
			}
		}
	}
	e.line = append(append(e.line[:0], e.filename), rest...)
	e.lineMore = e.cut || e.Flags&flagArgcMin != 0
}

// limitWords keeps max words of the ARGS column.
func (e *event) limitWords(max int) {
	if len(e.line) > max {
		e.line, e.lineMore = e.line[:max], true
	}
}

// appendLine appends the ARGS column as --line matches it: unquoted and not
// escaped.
func (e *event) appendLine(dst []byte) []byte {
	for i, word := range e.line {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = append(dst, word...)
	}
	if e.lineMore {
		dst = append(dst, " ..."...)
	}
	return dst
}
