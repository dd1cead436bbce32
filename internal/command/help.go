package command

import (
	"fmt"
	"strings"
)

// help returns the text of --help: usage, flags, examples.
func (c *Command) help(flags []Flag) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s - %s\n\nUSAGE\n  %s [flags]", c.Name, c.Summary, c.Name)
	if c.Arguments != "" {
		b.WriteString(" " + c.Arguments)
	}
	b.WriteByte('\n')
	if c.Description != "" {
		fmt.Fprintf(&b, "\n%s\n", c.Description)
	}
	own := len(c.Flags)
	fmt.Fprintf(&b, "\nFLAGS\n")
	writeFlags(&b, flags[:own])
	fmt.Fprintf(&b, "\nCOMMON FLAGS\n")
	writeFlags(&b, flags[own:])
	writeFlags(&b, []Flag{{Name: "help", Letter: "h", Usage: "print this and exit"}})
	fmt.Fprintf(&b, "\nEXIT CODES\n  0 done, 1 failure, 2 usage, 3 the kernel lacks something, 4 a privilege is missing\n")
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
