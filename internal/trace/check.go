package trace

import (
	"fmt"

	"github.com/ringside-tools/ringside/internal/output"
)

// report is what --check tells.
type report struct {
	Verdict
	Transport    *string      `json:"transport"`
	Hooks        []hookReport `json:"hooks"`
	Capabilities []Capability `json:"capabilities"`
}

type hookReport struct {
	Name    string   `json:"name"`
	Rung    *string  `json:"rung"`
	Refused []string `json:"refused"`
	Blind   []string `json:"cannot_see"`
	Costs   *string  `json:"costs"`
}

// check tells what load found, and returns what a real run would return.
// Everything that was loaded to find out is taken away by the caller.
func (s *session[E]) check(err error) error {
	r := s.report(err)
	if writeErr := WriteCheck(s.env.Stdout, s.env.Format, r, &r.Verdict, r.Capabilities, s.describe()); err == nil {
		return writeErr
	}
	return err
}

func (s *session[E]) report(err error) *report {
	r := &report{Verdict: NewVerdict(s.env.Name, err), Hooks: []hookReport{}, Capabilities: []Capability{}}
	if s.loaded != nil {
		r.Transport = output.VisibleOrNil(s.opts.Transport.String())
	}
	if s.kernel != nil {
		r.Capabilities = HeldCapabilities(s.needs())
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
