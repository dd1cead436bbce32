package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/trace"
	"github.com/ringside-tools/ringside/tools/guard/engine"
)

// hostReport is what --check tells, in JSON as one object.
type hostReport struct {
	trace.Verdict
	Hooks        []string           `json:"hooks"`   // that this kernel has
	Lacks        []string           `json:"lacking"` // that other kernels have
	Capabilities []trace.Capability `json:"capabilities"`
}

// checkHost is guard --check: could guard run run here, whatever the policies?
func checkHost(_ context.Context, env *command.Env) error {
	m := thisMachine()
	e, err := m.begin(env)
	return m.check(env, e, new(policySet), err)
}

// check tells what begin found, goes on up to attaching, takes all of it away, and
// returns what a real run would return.
func (m *machine) check(env *command.Env, e enforcer, set *policySet, err error) error {
	if err == nil {
		err = e.AttachFor(set.policies...) // which are not in force by that
		err = errors.Join(err, e.Close())
	}
	r := m.report(env, err)
	lines := []string{fmt.Sprintf("security hooks: %d of %d", len(r.Hooks), len(r.Hooks)+len(r.Lacks))}
	for _, h := range r.Lacks {
		lines = append(lines, "lacks the security hook "+h)
	}
	if writeErr := trace.WriteCheck(env.Stdout, env.Format, r, &r.Verdict, r.Capabilities, lines); writeErr != nil {
		return writeErr
	}
	return err
}

func (m *machine) report(env *command.Env, err error) *hostReport {
	r := &hostReport{
		Verdict: trace.NewVerdict(env.Name, err), Hooks: []string{}, Lacks: []string{},
		Capabilities: trace.HeldCapabilities(needs()),
	}
	kernel, _ := m.probe(env.BTF)
	for _, h := range engine.Hooks() {
		if kernel.HasHook != nil && kernel.HasHook(string(h)) {
			r.Hooks = append(r.Hooks, string(h))
		} else {
			r.Lacks = append(r.Lacks, string(h))
		}
	}
	return r
}
