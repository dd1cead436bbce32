package main

import (
	"syscall"
	"time"

	"github.com/ringside-tools/ringside/internal/output"
)

type column = output.Column[event]

// columns is the classic table, in the order and the widths of the bcc tool. A *
// behind the last column marks a privileged port.
func columns(cfg *config) []column {
	var cols []column
	if cfg.timestamp {
		cols = append(cols, column{Head: "TIME(s)", Width: 9, Text: func(c *output.Cell, e *event) {
			c.Decimal((e.Time-e.started)/int64(time.Microsecond), 6)
		}})
	}
	if cfg.printUID {
		cols = append(cols, column{Head: "UID", Width: 6, Right: true, Field: "uid"})
	}
	pid, addr := 8, 15
	if cfg.wide {
		pid, addr = 10, 39
	}
	if cfg.errors {
		cols = append(cols, resultColumn(cfg.wide))
	}
	cols = append(cols,
		column{Head: "PID", Width: pid, Right: true, Field: "pid"},
		column{Head: "COMM", Width: 12, Field: "comm"})
	if cfg.showsOp() {
		cols = append(cols, column{Head: "OP", Width: 6, Field: "op"})
	}
	return append(cols,
		column{Head: "PROT", Width: 4, Text: func(c *output.Cell, e *event) { c.Text(protocolNames[e.protocol()]) }},
		column{Head: "ADDR", Width: addr, Field: "addr"},
		column{Head: "PORT ", Width: 5, Right: true, Field: "port"},
		column{Head: " OPTS", Width: 5, Text: writeOptions},
		column{Head: "IF", Text: writeInterface})
}

// protocolNames are as the bcc tool writes them.
var protocolNames = map[string]string{"tcp": "TCP", "udp": "UDP"}

// resultColumn is the return value, or in words.
func resultColumn(wide bool) column {
	if !wide {
		return column{Head: "RC", Width: 3, Right: true, Field: "ret"}
	}
	return column{Head: "RC", Width: 25, Text: func(c *output.Cell, e *event) {
		if e.Ret == 0 {
			c.Text("Success")
			return
		}
		c.Text(syscall.Errno(-e.Ret).Error())
	}}
}

func writeOptions(c *output.Cell, e *event) {
	if e.existing {
		c.Text("-")
		return
	}
	for bit, letter := range []string{"F", "T", "N", "R", "r"} {
		if e.Flags&(1<<bit) == 0 {
			letter = "."
		}
		c.Text(letter)
	}
}

// writeInterface writes the index as the last column of two places, and the mark
// of a privileged port behind it.
func writeInterface(c *output.Cell, e *event) {
	if e.BoundIf < 10 {
		c.Text(" ")
	}
	if e.existing {
		c.Text("-")
	} else {
		c.Uint(uint64(e.BoundIf))
	}
	if e.privileged() {
		c.Text(" *")
	}
}
