package main

import (
	"time"

	"github.com/ringside-tools/ringside/internal/output"
)

// columns is the classic table, in the order and the widths of the bcc tool.
func columns(cfg *config) []output.Column[event] {
	var cols []output.Column[event]
	if cfg.time {
		cols = append(cols, output.Column[event]{Head: "TIME", Width: 8,
			Text: func(c *output.Cell, e *event) { c.Clock(e.Time) }})
	}
	if cfg.timestamp {
		cols = append(cols, output.Column[event]{Head: "TIME(s)", Width: 8,
			Text: func(c *output.Cell, e *event) {
				c.Decimal((e.Time-e.started)/int64(time.Millisecond), 3)
			}})
	}
	if cfg.printUID {
		cols = append(cols, output.Column[event]{Head: "UID", Width: 6, Field: "uid"})
	}
	name := "PCOMM" // what bcc calls the new name, since before it showed the parent's
	if cfg.parent {
		name = "COMM"
	}
	cols = append(cols,
		output.Column[event]{Head: name, Width: 16, Field: "comm"},
		output.Column[event]{Head: "PID", Width: 6, Field: "pid"})
	if cfg.parent {
		cols = append(cols, output.Column[event]{Head: "PCOMM", Width: 16, Field: "parent_comm"})
	}
	cols = append(cols, output.Column[event]{Head: "PPID", Width: 6, Field: "ppid"})
	if cfg.cpu {
		cols = append(cols, output.Column[event]{Head: "CPU", Width: 4, Field: "cpu"})
	}
	return append(cols,
		output.Column[event]{Head: "RET", Width: 3, Right: true, Field: "ret"},
		output.Column[event]{Head: "ARGS", Text: func(c *output.Cell, e *event) { e.writeLine(c, cfg.quote) }})
}

// writeLine writes the ARGS column.
func (e *event) writeLine(c *output.Cell, quote bool) {
	for i, word := range e.line {
		if i > 0 {
			c.Text(" ")
		}
		switch {
		case i == 0 && word == nil:
			c.Text("?")
		case quote:
			c.Quoted(word)
		default:
			c.Bytes(word)
		}
	}
	if e.lineMore {
		c.Text(" ...")
	}
}
