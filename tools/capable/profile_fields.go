package main

import (
	"strings"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/trace"
)

// profileFields are all that is known of a line of a profile.
var profileFields = append(trace.TotalFields[row]("capable"),
	output.Field[row]{Name: "by", Type: output.TypeText, Enum: byOrder, Doc: "What the line is about: the COMMAND as a whole, an executable, a systemd unit or a container.",
		Get: func(r *row) output.Value { return output.Text(r.by) }},
	output.Field[row]{Name: "name", Type: output.TypeBytes, Doc: "Its name: command line, path, unit, or container id.",
		Get: func(r *row) output.Value { return output.Bytes([]byte(r.name)) }},
	output.Field[row]{Name: "in_userns", Type: output.TypeBool, Doc: "Whether its credentials were those of a user namespace other than the initial one: such capabilities are not the host's.",
		Get: func(r *row) output.Value { return output.Bool(r.userns) }},
	output.Field[row]{Name: "least", Type: output.TypeTextList, Doc: "The least that it needs: used and unaudited, without what another one of them implies.",
		Get: func(r *row) output.Value { return output.TextList(r.least().Names()) }},
	output.Field[row]{Name: "used", Type: output.TypeTextList, Doc: "Capabilities that were asked for and granted.",
		Get: func(r *row) output.Value { return output.TextList(r.used.Names()) }},
	output.Field[row]{Name: "unaudited", Type: output.TypeTextList, Doc: "Capabilities that were granted by checks that are not audited: a refusal is no error, but changes what the program sees. Those of CAP_SYS_ADMIN count for seccomp() only.",
		Get: func(r *row) output.Value { return output.TextList(r.unaudited.Names()) }},
	output.Field[row]{Name: "needless", Type: output.TypeTextList, Doc: "Capabilities that were asked for by calls that succeed, to the same effect, without: setuid() to the own id, capset() that gives up.",
		Get: func(r *row) output.Value { return output.TextList(r.needless.Names()) }},
	output.Field[row]{Name: "refused", Type: output.TypeTextList, Doc: "Capabilities that were asked for and not granted, the needless ones left out.",
		Get: func(r *row) output.Value { return output.TextList(r.refused.Names()) }},
	output.Field[row]{Name: "checks", Type: output.TypeUint, Doc: "How many checks that were.",
		Get: func(r *row) output.Value { return output.Uint(r.checks) }},
)

var profileColumns = []output.Column[row]{
	{Head: "BY", Width: 10, Field: "by"},
	{Head: "NAME", Width: 30, Text: func(c *output.Cell, r *row) {
		c.Text(r.name)
		if r.userns {
			c.Text(" (user namespace)")
		}
	}},
	{Head: "CHECKS", Width: 7, Field: "checks"},
	{Head: "LEAST", Width: 30, Text: func(c *output.Cell, r *row) { c.Text(short(r.least())) }},
	{Head: "REFUSED", Text: func(c *output.Cell, r *row) { c.Text(short(r.refused)) }},
}

// short lists capabilities as setcap does, or - for none.
func short(s preflight.Set) string {
	if s == 0 {
		return "-"
	}
	return lower(s, "")
}

// lower lists capabilities in lower case, separated by commas, with a prefix.
func lower(s preflight.Set, prefix string) string {
	var out []string
	for _, name := range s.Names() {
		out = append(out, prefix+strings.ToLower(strings.TrimPrefix(name, "CAP_")))
	}
	return strings.Join(out, ",")
}
