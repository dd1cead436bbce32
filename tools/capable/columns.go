package main

import "github.com/ringside-tools/ringside/internal/output"

// columns is the classic table, in the order and the widths of the bcc tool;
// VERDICT is that of its libbpf sibling.
func columns(cfg *config) []output.Column[event] {
	cols := []output.Column[event]{
		{Head: "TIME", Width: 9, Text: func(c *output.Cell, e *event) { c.Clock(e.Time) }},
		{Head: "UID", Width: 6, Field: "uid"},
		{Head: "PID", Width: 6, Field: "pid"},
	}
	if cfg.extra {
		cols = append(cols, output.Column[event]{Head: "TID", Width: 6, Field: "tid"})
	}
	cols = append(cols,
		output.Column[event]{Head: "COMM", Width: 16, Field: "comm"},
		output.Column[event]{Head: "CAP", Width: 4, Field: "cap"},
		output.Column[event]{Head: "NAME", Width: 20, Field: "cap_name", Null: "?"},
		output.Column[event]{Head: "AUDIT", Width: 6, Text: writeAudit})
	if cfg.extra {
		cols = append(cols,
			output.Column[event]{Head: "INSETID", Width: 7, Text: func(c *output.Cell, e *event) {
				writeFlag(c, e, flagInsetidKnown, flagInsetid)
			}},
			output.Column[event]{Head: "VERDICT", Text: func(c *output.Cell, e *event) {
				if e.Ret == 0 {
					c.Text("allow")
					return
				}
				c.Text("deny")
			}})
	}
	return cols
}

func writeAudit(c *output.Cell, e *event) { writeFlag(c, e, flagAuditKnown, flagAudit) }

// writeFlag writes 1, 0, or - where it is not known. A question mark stands
// behind what was inferred.
func writeFlag(c *output.Cell, e *event, known, bit uint32) {
	c.Value(e.flag(known, bit))
	if flags := e.bpfCapRecord.Flags; flags&known != 0 && flags&flagAuditInferred != 0 {
		c.Text("?")
	}
}

// below writes the stacks below a line, as the bcc tool does.
func below(cfg *config) func(*output.Cell, *event) {
	return func(c *output.Cell, e *event) {
		if cfg.kstack {
			writeStack(c, e.kstack, "    [Missed Kernel Stack]")
		}
		if cfg.ustack {
			writeStack(c, e.ustack, "    [Missed User Stack]")
		}
	}
}

func writeStack(c *output.Cell, stack [][]byte, missed string) {
	if len(stack) == 0 {
		c.Text(missed)
		c.EndLine()
	}
	for _, frame := range stack {
		c.Text("        ")
		c.Bytes(frame)
		c.EndLine()
	}
}
