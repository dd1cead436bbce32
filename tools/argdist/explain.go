package main

import (
	"fmt"
	"strings"

	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/tools/argdist/ctype"
	"github.com/ringside-tools/ringside/tools/argdist/gen"
	"github.com/ringside-tools/ringside/tools/argdist/report"
	"github.com/ringside-tools/ringside/tools/argdist/tree"
)

// explain prints how a specifier is understood. It attaches nothing: the listing is
// of the best hook that there can be.
func (s *session) explain() error {
	if err := s.resolve(); err != nil {
		return err
	}
	p, err := understand(wanted{s.cfg.explain, report.Count}, s.cfg, s.env, s.host)
	if err != nil {
		return err
	}
	p.request.Table.Sieve = s.sieve
	var b strings.Builder
	fmt.Fprintf(&b, "probe: %s\n", p.place)
	if f := p.place.Scope.Func; f != nil {
		fmt.Fprintf(&b, "known: %s\n", f)
	}
	for _, param := range p.checked.Params {
		if param.Type != nil && len(p.checked.Spec.Params) > 0 {
			fmt.Fprintf(&b, "parameter: %s\n", ctype.Declare(param.Type, param.Name))
		}
	}
	part := func(what string, n tree.Node) {
		b.WriteString(what + "\n")
		for _, line := range tree.Lines(n) {
			b.WriteString("  " + line + "\n")
		}
	}
	for _, e := range p.checked.Exprs {
		part("expression: "+e.Text, e.Node)
	}
	if p.checked.Filter != nil {
		part("filter: "+p.checked.Spec.Source(p.checked.Spec.Filter.Span()), p.checked.Filter)
	}
	rung, hook, err := s.host.Best(p.place, p.request)
	if err != nil {
		return err
	}
	insns, err := gen.Program(hook, p.request.Table)
	if err != nil {
		return err
	}
	fmt.Fprintf(&b, "hook: %s, with %d instructions\n%v", rung, len(insns), insns)
	for line := range strings.Lines(b.String()) {
		fmt.Fprintf(s.env.Stdout, "%s\n", output.AppendEscaped(nil, []byte(strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", "    "))))
	}
	return nil
}
