package main

import (
	"fmt"

	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/internal/trace"
)

// needs are the capabilities of all specifiers together.
func (s *session) needs() []preflight.Need {
	needs := trace.BaseNeeds()
	for _, p := range s.plans {
		if p.place.NeedsTracefs() {
			return append(needs, tracefsNeeds()...)
		}
	}
	return needs
}

// tracefsNeeds are what the formats of tracepoints take: tracefs is root's, and where
// it is not mounted, it is mounted for us alone.
func tracefsNeeds() []preflight.Need {
	return []preflight.Need{
		{Cap: preflight.SysAdmin, Why: "mount tracefs for ourselves, which has the formats of tracepoints"},
		{Cap: preflight.DacReadSearch, Why: "read it, as it is root's"},
	}
}

// privileges are rows of the table of privileges.
func privileges() []byte {
	return trace.Privileges("argdist", []trace.Mode{
		{Name: "p, r and u", Needs: trace.BaseNeeds()},
		{Name: "t, wildcards", Needs: append(trace.BaseNeeds(), tracefsNeeds()...)},
	})
}

// checkReport is what --check tells.
type checkReport struct {
	trace.Verdict
	Hooks        []hookReport       `json:"hooks"`
	Capabilities []trace.Capability `json:"capabilities"`
}

type hookReport struct {
	Spec    string   `json:"spec"`
	Rung    string   `json:"rung"`
	Targets int      `json:"targets"`
	Refused []string `json:"refused"`
}

// lines say on what hook a table stands, and why on no better one. They are not
// escaped.
func (h *hookReport) lines() []string {
	line := fmt.Sprintf("%s: %s", h.Spec, h.Rung)
	if h.Targets > 1 {
		line += fmt.Sprintf(" of %d", h.Targets)
	}
	out := []string{line}
	for _, r := range h.Refused {
		out = append(out, "  not "+r)
	}
	return out
}

// check tells what was found, and returns what a real run would return.
func (s *session) check(err error) error {
	r := checkReport{Verdict: trace.NewVerdict(s.env.Name, err), Hooks: []hookReport{}, Capabilities: trace.HeldCapabilities(s.needs())}
	var lines []string
	for _, t := range s.sources {
		h := t.hook()
		r.Hooks = append(r.Hooks, h)
		lines = append(lines, h.lines()...)
	}
	if writeErr := trace.WriteCheck(s.env.Stdout, s.env.Format, &r, &r.Verdict, r.Capabilities, lines); err == nil {
		return writeErr
	}
	return err
}
