package main

import (
	"fmt"
	"strings"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/preflight"
)

// formats write a profile as something to use as it is. The lines of a format
// that begin with # are comments in its language.
var formats = map[string]func([]byte, []row) []byte{
	"setcap":  writeSetcap,
	"systemd": writeSystemd,
	"docker":  writeDocker,
	"k8s":     writeK8s,
}

// formatNames lists the values of --format; the first is the table.
func formatNames() []string { return []string{"table", "setcap", "systemd", "docker", "k8s", "json"} }

// writeSetcap writes a line for each executable. A user namespace does not count:
// in it, capabilities come with the namespace and not from the file.
func writeSetcap(b []byte, rows []row) []byte {
	for _, r := range only(rows, byExecutable) {
		if r.userns {
			continue
		}
		name := string(output.AppendEscaped(nil, []byte(r.name)))
		switch least := r.least(); {
		case name != r.name || r.name == "?" || !strings.HasPrefix(r.name, "/"):
			b = fmt.Appendf(b, "# %s: %s: no path that a command line could name\n", name, or(lower(least, "cap_"), "nothing"))
		case least == 0:
			b = fmt.Appendf(b, "# %s needs no capability\n", name)
		default:
			b = fmt.Appendf(b, "setcap %s=ep %s\n", lower(least, "cap_"), quoteShell(r.name))
		}
		b = appendRefused(b, r)
	}
	return b
}

// writeSystemd writes the lines of a drop-in for each unit, and for the command.
func writeSystemd(b []byte, rows []row) []byte {
	for _, r := range only(rows, byCommand, byUnit) {
		if r.userns {
			continue
		}
		list := strings.Join(r.least().Names(), " ")
		b = appendTitle(b, r)
		b = appendRefused(b, r)
		// A scope adopts processes that somebody else has started.
		if r.by == byUnit && strings.HasSuffix(r.name, ".scope") {
			b = fmt.Appendf(b, "# a scope has no such settings: %s\n", or(list, "nothing"))
			continue
		}
		b = fmt.Appendf(b, "[Service]\nCapabilityBoundingSet=%s\nAmbientCapabilities=%s\n", list, list)
	}
	return b
}

// writeDocker writes the flags of docker run for each container, and for the
// command. Inside of a user namespace they are the same.
func writeDocker(b []byte, rows []row) []byte {
	for _, r := range only(rows, byCommand, byContainer) {
		b = appendTitle(b, r)
		b = appendRefused(b, r)
		b = append(b, "--cap-drop ALL"...)
		for _, name := range r.least().Names() {
			b = append(append(b, " --cap-add "...), strings.TrimPrefix(name, "CAP_")...)
		}
		b = append(b, '\n')
	}
	return b
}

// writeK8s writes the securityContext of each container, and for the command.
func writeK8s(b []byte, rows []row) []byte {
	for _, r := range only(rows, byCommand, byContainer) {
		b = appendTitle(b, r)
		b = appendRefused(b, r)
		b = append(b, "securityContext:\n  capabilities:\n    drop: [\"ALL\"]\n"...)
		var add []string
		for _, name := range r.least().Names() {
			add = append(add, `"`+strings.TrimPrefix(name, "CAP_")+`"`)
		}
		b = fmt.Appendf(b, "    add: [%s]\n", strings.Join(add, ", "))
	}
	return b
}

// only keeps the rows about these, those of one about nothing else first.
func only(rows []row, by ...string) []*row {
	var out []*row
	for i := range rows {
		for _, b := range by {
			if rows[i].by == b {
				out = append(out, &rows[i])
			}
		}
	}
	return out
}

func appendTitle(b []byte, r *row) []byte {
	if len(b) > 0 {
		b = append(b, '\n')
	}
	b = append(append(append(b, "# "...), r.by...), ' ')
	b = output.AppendEscaped(b, []byte(r.name))
	if r.userns {
		b = append(b, " (user namespace)"...)
	}
	return append(b, '\n')
}

// appendRefused tells what was asked for in vain: it may be what is missing, or
// what the program does without.
func appendRefused(b []byte, r *row) []byte {
	if r.refused == 0 {
		return b
	}
	return fmt.Appendf(b, "# refused: %s\n", lower(r.refused, "cap_"))
}

// quoteShell quotes a path for a POSIX shell if it needs to be.
func quoteShell(s string) string {
	plain := func(c rune) bool {
		return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.ContainsRune("/._-+@:,=%", c)
	}
	if strings.IndexFunc(s, func(c rune) bool { return !plain(c) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// parseCaps reads the value of --cap.
func parseCaps(s string) (preflight.Set, error) {
	var set preflight.Set
	for part := range strings.SplitSeq(s, ",") {
		c, err := preflight.ParseCapability(strings.TrimSpace(part))
		if err != nil {
			return 0, err
		}
		set = set.With(c)
	}
	return set, nil
}
