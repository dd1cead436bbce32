package command

import (
	"fmt"
	"strings"
)

// help returns the text of --help: usage, flags, examples.
func (c *Command) help(flags []Flag) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s - %s\n\nUSAGE\n  %s [flags]", c.typed(), c.Summary, c.typed())
	if len(c.Subcommands) > 0 {
		b.WriteString(" COMMAND")
	}
	if c.Arguments != "" {
		b.WriteString(" " + c.Arguments)
	}
	b.WriteByte('\n')
	if c.Description != "" {
		fmt.Fprintf(&b, "\n%s\n", c.Description)
	}
	if len(c.Subcommands) > 0 {
		fmt.Fprintf(&b, "\nCOMMANDS (%s COMMAND --help tells more)\n", c.typed())
		for _, s := range c.Subcommands {
			fmt.Fprintf(&b, "  %-10s %s\n", s.Name, s.Summary)
		}
	}
	own := len(c.Flags)
	if own > 0 || len(c.Subcommands) == 0 {
		fmt.Fprintf(&b, "\nFLAGS\n")
		writeFlags(&b, flags[:own])
	}
	fmt.Fprintf(&b, "\nCOMMON FLAGS\n")
	writeFlags(&b, flags[own:])
	writeFlags(&b, []Flag{{Name: "help", Letter: "h", Usage: "print this and exit"}})
	codes := c.ExitCodes
	if codes == "" {
		codes = "0 done, 1 failure, 2 usage, 3 the kernel lacks something, 4 a privilege is missing"
	}
	fmt.Fprintf(&b, "\nEXIT CODES\n  %s\n", codes)
	fmt.Fprintf(&b, "\nEXAMPLES\n")
	for _, e := range c.Examples {
		fmt.Fprintf(&b, "  %-40s # %s\n", e.Line, e.What)
	}
	return b.String()
}

func writeFlags(b *strings.Builder, flags []Flag) {
	for _, f := range flags {
		if f.Hidden {
			continue
		}
		left := "    "
		if f.Letter != "" {
			left = "-" + f.Letter + ", "
		}
		left += "--" + f.Name
		switch {
		case f.MayOmit:
			left += "[=" + f.Value + "]"
		case f.Value != "":
			left += " " + f.Value
		}
		if len(left) > 26 {
			fmt.Fprintf(b, "  %s\n  %26s %s\n", left, "", f.Usage)
			continue
		}
		fmt.Fprintf(b, "  %-26s %s\n", left, f.Usage)
	}
}
