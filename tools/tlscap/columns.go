package main

import (
	"bytes"
	"strconv"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/tools/tlscap/http"
)

type column = output.Column[event]

// columns are the head of an event in the table. What was said is below it.
func columns(cfg *config) []column {
	cols := []column{
		{Head: "TIME", Width: 8, Text: func(c *output.Cell, e *event) { c.Clock(e.Time) }},
		{Head: "PID", Width: 7, Right: true, Field: "pid"},
		{Head: "TID", Width: 7, Right: true, Field: "tid"},
		{Head: "COMM", Width: 15, Field: "comm"},
		{Head: "LIB", Width: 14, Text: func(c *output.Cell, e *event) { c.Text(orDash(e.libraryName())) }},
	}
	if cfg.wantsSecrets() {
		return append(cols,
			column{Head: "SECRET", Width: 31, Field: "label"},
			column{Head: "CLIENT_RANDOM", Field: "client_random"})
	}
	return append(cols,
		column{Head: "OP", Width: 5, Field: "op"},
		column{Head: "LEN", Width: 7, Right: true, Text: writeLength},
		column{Head: "CONN", Text: writeConnection})
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// writeLength writes the bytes of this piece, and of the call if that carried more.
func writeLength(c *output.Cell, e *event) {
	if e.kind == kindMessage {
		c.Uint(e.message.BodyBytes)
		return
	}
	if e.Flags&flagNoData == 0 {
		c.Uint(uint64(len(e.data)))
	}
	if uint64(len(e.data)) != uint64(e.Total) {
		c.Text("/" + strconv.FormatUint(uint64(e.Total), 10))
	}
}

// writeConnection writes the number, both ends, and what is wrong.
func writeConnection(c *output.Cell, e *event) {
	c.Uint(e.conn)
	if e.local.IsValid() {
		arrow := " <- "
		if e.op() == "write" {
			arrow = " -> "
		}
		c.Text(" ")
		c.Escaped(e.local.AppendTo)
		c.Text(arrow)
		c.Escaped(e.remote.AppendTo)
	}
	if e.Fd >= 0 {
		c.Text(" fd ")
		c.Int(int64(e.Fd))
	}
	if e.missing > 0 {
		c.Text(" (" + strconv.FormatUint(e.missing, 10) + " bytes before this were lost)")
	}
	if e.Flags&flagUnreadable != 0 {
		c.Text(" (unreadable)")
	}
}

// below writes what was said, as text or as a hex dump.
func below(cfg *config) func(*output.Cell, *event) {
	if cfg.hex {
		return writeHex
	}
	return writeText
}

// writeText writes lines as they are, with everything escaped that is not text.
func writeText(c *output.Cell, e *event) {
	if e.kind == kindMessage {
		writeMessage(c, e.message)
		return
	}
	for line := range bytes.Lines(e.data) {
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		c.Text("    ")
		c.Bytes(line)
		c.EndLine()
	}
}

// maxShown is how much of a body the table shows.
const maxShown = 4096

// writeMessage writes a message for eyes.
func writeMessage(c *output.Cell, m *http.Message) {
	c.Escaped(func(dst []byte) []byte { return m.AppendText(dst, "    ", maxShown) })
}

// writeHex writes sixteen bytes a line: where they are in the call, the bytes, the same
// as text.
func writeHex(c *output.Cell, e *event) {
	const digits = "0123456789abcdef"
	for at := 0; at < len(e.data); at += 16 {
		row := e.data[at:min(at+16, len(e.data))]
		line := make([]byte, 0, 80)
		line = append(line, "    "...)
		for shift := 28; shift >= 0; shift -= 4 {
			line = append(line, digits[(e.at+uint32(at))>>shift&15])
		}
		for i := range 16 {
			if i%8 == 0 {
				line = append(line, ' ')
			}
			if i < len(row) {
				line = append(line, ' ', digits[row[i]>>4], digits[row[i]&15])
			} else {
				line = append(line, "   "...)
			}
		}
		line = append(line, "  |"...)
		for _, b := range row {
			if b < 0x20 || b >= 0x7f {
				b = '.'
			}
			line = append(line, b)
		}
		c.Bytes(append(line, '|'))
		c.EndLine()
	}
}
