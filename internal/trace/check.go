package trace

import (
	"encoding/json"
	"fmt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/preflight"
)

// report is what --check tells.
type report struct {
	Tool         string             `json:"tool"`
	Kernel       string             `json:"kernel"`
	OK           bool               `json:"ok"`
	ExitCode     int                `json:"exit_code"`
	Error        *string            `json:"error"`
	Remedy       *string            `json:"remedy"`
	Transport    *string            `json:"transport"`
	Hooks        []hookReport       `json:"hooks"`
	Capabilities []capabilityReport `json:"capabilities"`
}

type hookReport struct {
	Name    string   `json:"name"`
	Rung    *string  `json:"rung"`
	Refused []string `json:"refused"`
	Blind   []string `json:"cannot_see"`
	Costs   *string  `json:"costs"`
}

type capabilityReport struct {
	Name string `json:"name"`
	Why  string `json:"why"`
	Have bool   `json:"have"`
}

// check tells what load found, and returns what a real run would return.
// Everything that was loaded to find out is taken away by the caller.
func (s *session[E]) check(err error) error {
	r := s.report(err)
	if s.env.Format == "json" {
		b, jsonErr := json.Marshal(r)
		if jsonErr != nil {
			return fmt.Errorf("encode report: %w", jsonErr)
		}
		fmt.Fprintf(s.env.Stdout, "%s\n", b)
		return err
	}
	answer := "can run"
	if err != nil {
		answer = "cannot run"
	}
	fmt.Fprintf(s.env.Stdout, "%s %s on kernel %s\n", r.Tool, answer, r.Kernel)
	for _, c := range r.Capabilities {
		have := "missing"
		if c.Have {
			have = "held"
		}
		fmt.Fprintf(s.env.Stdout, "  capability %s (to %s): %s\n", c.Name, c.Why, have)
	}
	for _, line := range s.describe() {
		fmt.Fprintf(s.env.Stdout, "  %s\n", output.AppendEscaped(nil, []byte(line)))
	}
	return err
}

func (s *session[E]) report(err error) *report {
	r := &report{
		Tool: s.env.Name, Kernel: preflight.Release(), OK: err == nil, ExitCode: command.ExitCode(err),
		Hooks: []hookReport{}, Capabilities: []capabilityReport{},
	}
	if err != nil {
		r.Error = output.VisibleOrNil(err.Error())
		r.Remedy = output.VisibleOrNil(command.Remedy(err))
	}
	if s.loaded != nil {
		r.Transport = output.VisibleOrNil(s.opts.Transport.String())
	}
	if s.kernel != nil {
		for _, st := range preflight.Status(s.needs()) {
			r.Capabilities = append(r.Capabilities, capabilityReport{st.Cap.String(), st.Why, st.Have})
		}
	}
	for _, c := range s.choices {
		h := hookReport{Name: c.Hook.Name, Refused: append([]string{}, c.Refused...), Blind: []string{}}
		if c.Rung != nil {
			h.Rung, h.Costs = output.VisibleOrNil(c.Rung.Name), output.VisibleOrNil(c.Rung.Costs)
			h.Blind = append(h.Blind, c.Rung.Blind...)
		} else {
			h.Blind = append(h.Blind, c.Hook.Without)
		}
		r.Hooks = append(r.Hooks, h)
	}
	return r
}

// describe tells in lines where the command stands, for --verbose and --check.
func (s *session[E]) describe() []string {
	var lines []string
	for _, c := range s.choices {
		rung := "none"
		if c.Rung != nil {
			rung = c.Rung.Name
		}
		lines = append(lines, fmt.Sprintf("%s: %s", c.Hook.Name, rung))
		for _, r := range c.Refused {
			lines = append(lines, "  refused "+r)
		}
		if c.Rung == nil {
			lines = append(lines, "  cannot see: "+c.Hook.Without)
			continue
		}
		for _, b := range c.Rung.Blind {
			lines = append(lines, "  cannot see: "+b)
		}
		if c.Rung.Costs != "" {
			lines = append(lines, "  costs: "+c.Rung.Costs)
		}
	}
	if s.loaded != nil {
		lines = append(lines, fmt.Sprintf("transport: %s of %d bytes", s.opts.Transport, s.env.Buffer))
	}
	return lines
}
