package main

import (
	"time"

	"github.com/ringside-tools/ringside/internal/output"
)

// commMax is how many bytes of the name the classic table shows.
const commMax = 12

// columns is the classic table, in the order and the widths of the bcc tool.
func columns(cfg *config) []output.Column[event] {
	var cols []output.Column[event]
	if cfg.timestamp {
		cols = append(cols, output.Column[event]{Head: "TIME(s)", Width: 8,
			Text: func(c *output.Cell, e *event) {
				c.Decimal((e.Time-e.first)/int64(time.Millisecond), 3)
			}})
	}
	if cfg.printUID {
		cols = append(cols, output.Column[event]{Head: "UID", Width: 5, Field: "uid"})
	}
	cols = append(cols,
		output.Column[event]{Head: "PID", Width: 7, Field: "pid"},
		output.Column[event]{Head: "COMM", Width: 12,
			Text: func(c *output.Cell, e *event) { c.Bytes(e.Comm[:min(len(e.Comm), commMax)]) }},
		output.Column[event]{Head: "IP", Width: 2, Field: "ip_version"},
		output.Column[event]{Head: "SADDR", Width: 16, Field: "saddr"})
	if cfg.lport {
		cols = append(cols, output.Column[event]{Head: "LPORT", Width: 6, Field: "sport"})
	}
	cols = append(cols, output.Column[event]{Head: "DADDR", Width: 16, Field: "daddr"})
	if cfg.sport {
		cols = append(cols, output.Column[event]{Head: "SPORT", Width: 6, Field: "sport"})
	}
	cols = append(cols, output.Column[event]{Head: "DPORT", Width: 6, Field: "dport"})
	if cfg.result {
		cols = append(cols,
			output.Column[event]{Head: "RESULT", Width: 11, Field: "result"},
			output.Column[event]{Head: "ERROR", Width: 13, Field: "error"},
			output.Column[event]{Head: "LAT(ms)", Width: 9, Text: func(c *output.Cell, e *event) {
				if e.LatencyNs == 0 {
					c.Text("-")
					return
				}
				c.Decimal(int64(e.LatencyNs)/int64(time.Microsecond), 3)
			}})
	}
	if cfg.dns {
		cols = append(cols, output.Column[event]{Head: "QUERY", Text: query})
	}
	return cols
}

// oldAnswer is the age from which the table tells it.
const oldAnswer = 100 * time.Millisecond

// query is the name of the destination as the classic tool has it.
func query(c *output.Cell, e *event) {
	switch {
	case e.name != nil:
		c.Bytes(e.name.Name)
	case addrOf(e.Version, e.Daddr).IsLoopback():
		c.Text("localhost")
		return
	default:
		c.Text("No DNS Query")
		return
	}
	if age := e.name.Age(e.Time); age > oldAnswer {
		c.Text(" (")
		c.Decimal(age.Microseconds(), 3)
		c.Text("ms)")
	}
}
