package main

import (
	"errors"
	"fmt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/tools/argdist/check"
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/gen"
	"github.com/ringside-tools/ringside/tools/argdist/probe"
	"github.com/ringside-tools/ringside/tools/argdist/report"
	"github.com/ringside-tools/ringside/tools/argdist/spec"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// plan is a specifier that is understood: what is probed, and what is gathered.
type plan struct {
	wanted
	checked *check.Checked
	place   *probe.Place
	request probe.Request
}

// understand makes a plan of a specifier, and tells what it should be warned of. It
// shows where in the text an error is.
func understand(w wanted, cfg *config, env *command.Env, h *probe.Host) (*plan, error) {
	p, err := newPlan(w, cfg, env, h)
	if err != nil {
		return nil, pointed(env, err)
	}
	for _, warning := range append(p.place.Warnings, p.checked.Warnings...) {
		fmt.Fprintf(env.Stderr, "%s: warning: %s\n", env.Name, output.AppendEscaped(nil, []byte(warning.Msg)))
	}
	return p, nil
}

// pointed shows where in a specifier an error is, if it is in one. That is a mistake
// of the user's then.
func pointed(env *command.Env, err error) error {
	var e *spec.Error
	if !errors.As(err, &e) {
		return err
	}
	fmt.Fprint(env.Stderr, e.Excerpt())
	return &command.UsageError{Err: err}
}

func newPlan(w wanted, cfg *config, env *command.Env, h *probe.Host) (*plan, error) {
	s, err := spec.Parse(w.text, check.IsType(h.Names()))
	if err != nil {
		return nil, err
	}
	var pid uint32
	if len(env.Filter.PIDs) > 0 {
		pid = env.Filter.PIDs[0]
	}
	p := &plan{wanted: w}
	if p.place, err = h.Find(s, pid, cfg.size); err != nil {
		return nil, err
	}
	if p.checked, err = check.Check(s, &p.place.Scope); err != nil {
		return nil, err
	}
	if err := p.measures(s); err != nil {
		return nil, err
	}
	p.request = probe.Request{
		Table: p.table(cfg), Keys: uint32(cfg.keys),
		Registers: p.checked.Context && s.Kind != spec.Tracepoint,
	}
	if !env.Filter.Follow { // probes of programs are then put into these processes alone
		p.request.PIDs = env.Filter.PIDs
	}
	return p, nil
}

// measures checks that what is measured is there, and a number.
func (p *plan) measures(s *spec.Spec) error {
	if p.kind == report.Count {
		return nil
	}
	exprs := p.checked.Exprs
	if len(exprs) == 0 {
		return s.At(s.Name.Range, "say what of, as in :size_t:size", "there is nothing to measure in that")
	}
	last := exprs[len(exprs)-1]
	at := s.Name.Range
	if len(s.Exprs) > 0 {
		at = s.Exprs[len(s.Exprs)-1].Span()
	}
	in, isInput := last.Node.(*tree.Input)
	if last.IsText() || isInput && (in.Source == tree.Stack || in.Source == tree.UserStack) {
		return s.At(at, "count it: -C", "%s is no number that could be measured", last.Text)
	}
	return nil
}

// table is what the program gathers, of all events.
func (p *plan) table(cfg *config) *gen.Table {
	t := &gen.Table{
		Kind: gathers(p.kind), Scale: gen.Scale(cfg.linear), Filter: p.checked.Filter,
		Saved: p.checked.Saved, Latency: p.checked.Latency,
	}
	for _, e := range p.checked.Exprs {
		t.Exprs = append(t.Exprs, e.Node)
	}
	return t
}

// signed reports whether what is measured can be negative.
func (p *plan) signed() bool {
	n := len(p.checked.Exprs)
	return n > 0 && ctype.IsSigned(p.checked.Exprs[n-1].Type)
}
