package output

import (
	"bytes"
	"io"
	"strconv"
	"unicode/utf8"
)

// csvWriter writes comma-separated values.
type csvWriter[E any] struct {
	sink
	utc    clock
	fields []Field[E]
}

// NewCSV returns a writer of comma-separated values after RFC 4180, with the names of the fields as the head line.
//
// Lines end in a newline alone, and one event is one line: text is escaped as by [AppendEscaped], so that no cell
// contains a line break. Bytes that are not UTF-8 appear as \xff. Unknown values are empty; a text that is known to be
// empty is "". A list is one cell with a JSON array, in which \xff (with the backslash doubled) stands for such a byte.
//
// Cells are not defended against spreadsheets that take text beginning with = + - or @ for a formula. That would
// change the data for every other reader; import columns as text.
func NewCSV[E any](w io.Writer, fields []Field[E]) Writer[E] {
	return &csvWriter[E]{sink: newSink(w), utc: utcClock(), fields: fields}
}

func (c *csvWriter[E]) Header() error {
	if c.err != nil {
		return c.err
	}
	dst := c.buf
	for i, f := range c.fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, f.Name...)
	}
	return c.endLine(dst)
}

func (c *csvWriter[E]) Event(e *E) error {
	if c.err != nil {
		return c.err
	}
	dst := c.buf
	for i := range c.fields {
		if i > 0 {
			dst = append(dst, ',')
		}
		switch v := c.fields[i].Get(e); {
		case v.t == TypeBool:
			dst = strconv.AppendBool(dst, v.n != 0)
		case v.t == TypeJSON:
			start := len(dst)
			dst = quoteCSV(append(dst, v.elem(0)...), start)
		case !v.variable():
			dst = appendScalar(dst, v, &c.utc)
		default:
			dst = appendCSVText(dst, v)
		}
	}
	return c.endLine(dst)
}

// Lost writes nothing: each line of CSV is an event. The caller tells stderr.
func (c *csvWriter[E]) Lost(Loss) error { return c.err }

func appendCSVText(dst []byte, v Value) []byte {
	start := len(dst)
	if !v.isList() {
		dst = AppendEscaped(dst, v.elem(0))
	} else {
		dst = append(dst, '[')
		for i := range v.count() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendJSONEscaped(dst, v.elem(i))
		}
		dst = append(dst, ']')
	}
	return quoteCSV(dst, start)
}

// appendJSONEscaped is appendJSON but for bytes that are not UTF-8, which become the text \xff.
func appendJSONEscaped(dst, b []byte) []byte {
	start := len(dst)
	dst, valid := appendJSON(dst, b)
	if valid {
		return dst
	}
	dst = append(dst[:start], '"')
	for len(b) > 0 {
		n := 0
		for n < len(b) {
			r, size := utf8.DecodeRune(b[n:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			n += size
		}
		mark := len(dst)
		dst, _ = appendJSON(dst, b[:n])
		dst = append(dst[:mark], dst[mark+1:len(dst)-1]...) // without its quotes
		if b = b[n:]; len(b) > 0 {
			dst = appendHexByte(append(dst, '\\'), b[0])
			b = b[1:]
		}
	}
	return append(dst, '"')
}

// quoteCSV quotes the cell that begins at start if it needs to be. Most do not, which is why it looks afterwards.
func quoteCSV(dst []byte, start int) []byte {
	cell := dst[start:]
	quotes := bytes.Count(cell, []byte{'"'})
	if len(cell) > 0 && quotes == 0 && bytes.IndexByte(cell, ',') < 0 && cell[0] != ' ' && cell[len(cell)-1] != ' ' {
		return dst
	}
	for range quotes + 2 {
		dst = append(dst, '"')
	}
	// Move the text to its place from the end, doubling quotes on the way; to stays ahead of from until it is done.
	to := len(dst) - 2
	for from := start + len(cell) - 1; from >= start; from-- {
		dst[to] = dst[from]
		to--
		if dst[from] == '"' {
			dst[to] = '"'
			to--
		}
	}
	dst[start] = '"'
	return dst
}
