package main

import (
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// columns are the table.
var columns = []output.Column[event]{
	{Head: "TIME", Width: 8, Text: func(c *output.Cell, e *event) { c.Clock(e.Head.Time) }},
	{Head: "ACTION", Width: 6, Field: "action"},
	{Head: "RULE", Width: 16, Text: func(c *output.Cell, e *event) {
		if e.Rule != "" {
			c.Text(e.Rule)
			return
		}
		c.Text("(" + string(e.Reason) + ")")
	}},
	{Head: "HOOK", Width: 19, Field: "hook"},
	{Head: "PID", Width: 7, Right: true, Field: "pid"},
	{Head: "COMM", Width: 15, Field: "comm"},
	{Head: "OBJECT", Text: func(c *output.Cell, e *event) { e.object(c) }},
}

// object fills the cell with what it was about to be done to.
func (e *event) object(c *output.Cell) {
	o := &e.Object
	if e.Kind == classSelf {
		c.Text(classSelf + " " + o.Operation)
		return
	}
	switch classOf(e.Kind) {
	case policy.ClassFile:
		c.Text(string(e.Kind))
	case policy.ClassExec:
		c.Text(string(e.Kind))
		if o.Operation != "" {
			c.Text(" (" + o.Operation + ")")
		}
	case policy.ClassConnect, policy.ClassBind:
		e.endpoint(c)
		return
	case policy.ClassSocket:
		c.Text(policy.FamilyOf(o.Family).String())
		c.Text("/" + socketTypes[o.SocketType])
		return
	case policy.ClassMount:
		c.Text(o.Operation)
		if o.FSType != "" {
			c.Text(" " + o.FSType)
		}
	case policy.ClassSetuid:
		c.Text(o.Operation + " ")
		c.Uint(uint64(o.OldID))
		if o.NewID != o.OldID {
			c.Text(" to ")
			c.Uint(uint64(o.NewID))
		}
		return
	}
	if o.Path != "" {
		c.Text(" " + o.Path)
	}
}

// endpoint is an address, or a Unix socket.
func (e *event) endpoint(c *output.Cell) {
	o := &e.Object
	switch {
	case o.Addr.IsValid():
		if name := proto(o); name != "" {
			c.Text(name + " ")
		}
		c.Text(o.Addr.String())
	case o.Path != "":
		c.Text("unix " + o.Path)
	default:
		c.Text(policy.FamilyOf(o.Family).String())
	}
}
