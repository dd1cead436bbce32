package output

import (
	"fmt"
	"io"
	"strconv"
)

// Writer writes events in one format. Lines are gathered and written in large blocks that end at the end of a line;
// Flush writes what is there. The first error of the underlying writer is returned by every later call: after it,
// nothing more is written.
//
// A Writer serves one goroutine at a time.
type Writer[E any] interface {
	Header() error   // the head line of a table or CSV; JSON has none
	Event(*E) error  // one line
	Lost(Loss) error // one line in JSON; table and CSV have no place for it, the caller tells stderr
	Flush() error    // must be called at the end, too
}

// Loss says how many events were lost by a moment, and how.
type Loss struct {
	Time   int64 // nanoseconds since 1970 UTC
	Counts []Count
}

// Count is one number of a [Loss]. Its name becomes a JSON key.
type Count struct {
	Name string
	N    uint64
}

// block is how much is gathered before it is written: a whole pipe's worth on Linux.
const block = 64 << 10

// sink is the half of a Writer that all formats share. Formats append a whole line to buf and hand it to endLine.
type sink struct {
	w   io.Writer
	buf []byte
	err error
}

// newSink leaves room for the line that completes the block.
func newSink(w io.Writer) sink {
	return sink{w: w, buf: make([]byte, 0, block+4*MaxLine)}
}

// endLine takes buf back with one more line in it.
func (s *sink) endLine(buf []byte) error {
	s.buf = append(buf, '\n')
	if len(s.buf) < block {
		return nil
	}
	return s.Flush()
}

func (s *sink) Flush() error {
	if s.err != nil || len(s.buf) == 0 {
		return s.err
	}
	n, err := s.w.Write(s.buf)
	if err == nil && n < len(s.buf) {
		err = io.ErrShortWrite
	}
	if err != nil {
		s.err = fmt.Errorf("write output: %w", err)
	}
	s.buf = s.buf[:0]
	if cap(s.buf) > 16*block { // one giant line must not be paid for until the end
		s.buf = make([]byte, 0, block+4*MaxLine)
	}
	return s.err
}

// appendScalar appends a value that has no text in it, the way that table and CSV share.
func appendScalar(dst []byte, v Value, utc *clock) []byte {
	switch v.t {
	case TypeInt:
		return strconv.AppendInt(dst, int64(v.n), 10)
	case TypeUint:
		return strconv.AppendUint(dst, v.n, 10)
	case TypeHex:
		return strconv.AppendUint(append(dst, "0x"...), v.n, 16)
	case TypeTime:
		return utc.appendTime(dst, int64(v.n))
	case TypeJSON:
		return append(dst, v.elem(0)...)
	default:
		return dst
	}
}

// New returns the writer of a format: "json" and "csv", which have the fields, or else the
// table of the columns, below which below may write (nil for nothing). tool is the name
// of the command.
func New[E any](w io.Writer, format, tool string, fields []Field[E], columns []Column[E], below func(*Cell, *E)) (Writer[E], error) {
	switch format {
	case "json":
		return NewJSON(w, tool, fields), nil
	case "csv":
		return NewCSV(w, fields), nil
	}
	return NewTable(w, fields, columns, below)
}
