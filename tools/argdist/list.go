package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
)

// list prints what can be probed: functions of the kernel (PATTERN), tracepoints
// (t:PATTERN), functions of a program (LIBRARY:PATTERN), its static probes
// (u:LIBRARY:PATTERN).
func (s *session) list() error {
	kind, rest, ok := strings.Cut(s.cfg.list, ":")
	var lines []string
	var err error
	switch {
	case !ok:
		lines, err = s.host.ListFunctions(kind)
	case kind == "p" || kind == "r":
		library, pattern, ok := strings.Cut(rest, ":")
		if !ok {
			return command.Usagef("--list: want %s::PATTERN or %s:LIBRARY:PATTERN", kind, kind)
		}
		if library == "" {
			lines, err = s.host.ListFunctions(pattern)
		} else {
			lines, err = s.host.ListSymbols(library, pattern)
		}
	case kind == "t":
		lines, err = s.host.ListTracepoints(rest)
	case kind == "u":
		library, pattern, ok := strings.Cut(rest, ":")
		if !ok {
			library, pattern = rest, "*"
		}
		lines, err = s.host.ListStatic(library, pattern)
	default:
		lines, err = s.host.ListSymbols(kind, rest)
	}
	if err != nil {
		return err
	}
	slices.Sort(lines)
	for _, l := range slices.Compact(lines) {
		if _, err := fmt.Fprintf(s.env.Stdout, "%s\n", output.AppendEscaped(nil, []byte(l))); err != nil {
			return err
		}
	}
	return nil
}
