package trace

import (
	"fmt"
	"strings"

	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/preflight"
)

// Mode is a way to run a command that differs from others in what it needs.
type Mode struct {
	Name  string
	Needs []preflight.Need
	Hooks []loader.Hook
}

// Privileges returns rows of a Markdown table: command, mode, hooks with their
// rungs, and the capabilities by kernel version. It is made from the values
// that are checked when the command runs.
func Privileges(command string, modes []Mode) []byte {
	var b strings.Builder
	for _, m := range modes {
		var hooks []string
		for _, h := range m.Hooks {
			var rungs []string
			for _, r := range h.Rungs {
				rungs = append(rungs, r.Name)
			}
			text := h.Name + ": " + strings.Join(rungs, ", else ")
			if h.Optional {
				text += ", else none"
			}
			hooks = append(hooks, text)
		}
		now := preflight.NeedsAt(m.Needs, preflight.Era511)
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s | %s | %s |\n", command, m.Name, strings.Join(hooks, "; "),
			names(now),
			names(preflight.NeedsAt(m.Needs, preflight.Era58)),
			names(preflight.NeedsAt(m.Needs, preflight.EraOld)))
	}
	return []byte(b.String())
}

func names(needs []preflight.Need) string {
	var out []string
	for _, n := range needs {
		out = append(out, "`"+n.Cap.String()+"`")
	}
	return strings.Join(out, ", ")
}
