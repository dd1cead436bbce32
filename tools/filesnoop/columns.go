package main

import (
	"strconv"
	"time"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/tools/filesnoop/rules"
)

// columns are the table that was asked for. What has rows of its own has none.
func columns(cfg *config) []output.Column[event] {
	switch cfg.format {
	case "opensnoop":
		return opensnoopColumns(cfg)
	case "filelife":
		return filelifeColumns(cfg)
	case "filegone":
		return filegoneColumns()
	case "classic":
		return classicColumns(cfg)
	}
	cols := leading(cfg)
	cols = append(cols,
		output.Column[event]{Head: "COMM", Width: 16, Field: "comm"},
		output.Column[event]{Head: "OP", Width: 8, Field: "op"})
	if cfg.failures() {
		cols = append(cols, output.Column[event]{Head: "ERROR", Width: 10, Field: "error"})
	}
	if cfg.extended {
		cols = append(cols, extendedColumns()...)
	}
	if ops := cfg.ops(); ops.has(opWrite) || ops.has(opClose) || ops.has(opEncrypt) {
		cols = append(cols, output.Column[event]{Head: "BYTES", Width: 10, Right: true, Field: "bytes"})
	}
	if cfg.entropy {
		cols = append(cols, output.Column[event]{Head: "CONTENT", Width: 7, Field: "content"})
	}
	return append(cols, output.Column[event]{Head: "PATH", Text: pathCell})
}

// pathCell writes the path, and the other one with what it is to the first.
func pathCell(c *output.Cell, e *event) {
	switch {
	case e.op() == opEncrypt && e.name != nil:
		c.Bytes(e.name)
		return
	case e.path != nil:
		c.Bytes(e.path)
	case e.name != nil:
		c.Bytes(e.name)
	default:
		c.Text("?")
	}
	other := e.path2
	if other == nil {
		other = e.name2
	}
	if other == nil {
		return
	}
	switch {
	case e.op() == opRename && e.OpenFlags&renameExchange != 0:
		c.Text(" <> ")
	case e.op() == opSetxattr || e.op() == opRemovexattr:
		c.Text(" ")
	default:
		c.Text(" -> ")
	}
	c.Bytes(other)
}

// leading are the columns that opensnoop has first.
func leading(cfg *config) []output.Column[event] {
	var cols []output.Column[event]
	if cfg.timestamp {
		cols = append(cols, output.Column[event]{Head: "TIME(s)", Width: 14,
			Text: func(c *output.Cell, e *event) { c.Decimal((e.Time-e.started)/int64(time.Nanosecond), 9) }})
	}
	if cfg.printUID {
		cols = append(cols, output.Column[event]{Head: "UID", Width: 6, Field: "uid"})
	}
	if cfg.tid != 0 {
		return append(cols, output.Column[event]{Head: "TID", Width: 6, Field: "tid"})
	}
	return append(cols, output.Column[event]{Head: "PID", Width: 6, Field: "pid"})
}

// extendedColumns are those of opensnoop's -e.
func extendedColumns() []output.Column[event] {
	return []output.Column[event]{
		{Head: "FLAGS", Width: 8, Text: func(c *output.Cell, e *event) {
			if e.Flags&flagOpenFlags == 0 {
				c.Text("n/a")
				return
			}
			text := strconv.FormatUint(uint64(e.OpenFlags), 8)
			for range 8 - len(text) {
				c.Text("0")
			}
			c.Text(text)
		}},
		{Head: "MODE", Width: 4, Text: func(c *output.Cell, e *event) {
			if e.Flags&flagOpenFlags == 0 || !e.hasMode() {
				c.Text("n/a")
				return
			}
			c.Text(octal(e.Mode & permissions))
		}},
	}
}

// opensnoopColumns are those of opensnoop.
func opensnoopColumns(cfg *config) []output.Column[event] {
	cols := append(leading(cfg),
		output.Column[event]{Head: "COMM", Width: 16, Field: "comm"},
		output.Column[event]{Head: "FD", Width: 4, Right: true, Field: "fd"},
		output.Column[event]{Head: "ERR", Width: 3, Right: true,
			Text: func(c *output.Cell, e *event) { c.Int(int64(max(0, -e.Ret))) }})
	if cfg.extended {
		cols = append(cols, extendedColumns()...)
	}
	return append(cols, output.Column[event]{Head: "PATH", Text: func(c *output.Cell, e *event) {
		text := e.shown()
		if cfg.fullPath && e.path != nil {
			text = e.path
		}
		if text == nil {
			c.Text("?")
			return
		}
		c.Bytes(text)
	}})
}

// filelifeColumns are those of filelife. With -F, the full path.
func filelifeColumns(cfg *config) []output.Column[event] {
	return []output.Column[event]{
		{Head: "TIME", Width: 8, Text: func(c *output.Cell, e *event) { c.Clock(e.Time) }},
		{Head: "PID", Width: 7, Field: "pid"},
		{Head: "COMM", Width: 16, Field: "comm"},
		{Head: "AGE(s)", Width: 7, Text: func(c *output.Cell, e *event) { c.Decimal(e.age/int64(10*time.Millisecond), 2) }},
		{Head: "FILE", Text: func(c *output.Cell, e *event) {
			if cfg.fullPath {
				c.Bytes(e.path)
				return
			}
			c.Bytes(lastName(e.path))
		}},
	}
}

// filegoneColumns are those of filegone.
func filegoneColumns() []output.Column[event] {
	return []output.Column[event]{
		{Head: "TIME", Width: 8, Text: func(c *output.Cell, e *event) { c.Clock(e.Time) }},
		{Head: "PID", Width: 7, Field: "pid"},
		{Head: "COMM", Width: 16, Field: "comm"},
		{Head: "ACTION", Width: 6, Text: func(c *output.Cell, e *event) {
			if e.op() == opRename {
				c.Text("RENAME")
				return
			}
			c.Text("DELETE")
		}},
		{Head: "FILE", Text: func(c *output.Cell, e *event) {
			c.Bytes(lastName(e.path))
			if e.op() == opRename {
				c.Text(" > ")
				c.Bytes(lastName(e.path2))
			}
		}},
	}
}

// lastName is the name behind the last slash.
func lastName(p []byte) []byte {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] == '/' {
			return p[i+1:]
		}
	}
	return p
}

// classicType is an op in the words of the founding detector, "" for one that it
// does not have.
func classicType(o op) string {
	switch letterOf(o) {
	case 'O':
		return "Open"
	case 'C':
		return "Crea"
	case 'D':
		return "Del"
	case 'E':
		return "Enc"
	}
	return ""
}

// classicColumns are those of the founding detector.
func classicColumns(cfg *config) []output.Column[event] {
	var cols []output.Column[event]
	if cfg.timestamp {
		cols = leading(cfg)[:1]
	}
	return append(cols,
		output.Column[event]{Head: "PID", Width: 7, Right: true, Field: "pid"},
		output.Column[event]{Head: "TYPE", Width: 4, Text: func(c *output.Cell, e *event) { c.Text(classicType(e.op())) }},
		output.Column[event]{Head: "FLAG", Width: 4, Text: func(c *output.Cell, e *event) { c.Text(rules.Classic[e.verdict.Severity]) }},
		output.Column[event]{Head: "PATT", Width: 5, Text: func(c *output.Cell, e *event) {
			if e.verdict.Match {
				c.Text("Match")
				return
			}
			c.Text("-")
		}},
		output.Column[event]{Head: "TRESH", Width: 5, Text: func(c *output.Cell, e *event) { c.Text(e.verdict.Over) }},
		output.Column[event]{Head: "FILENAME", Text: pathCell})
}
