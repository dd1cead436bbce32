package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/tools/guard/engine"
)

// hostReport is what --check tells, in JSON as one object.
type hostReport struct {
	Tool         string             `json:"tool"`
	Kernel       string             `json:"kernel"`
	OK           bool               `json:"ok"`
	ExitCode     int                `json:"exit_code"`
	Error        *string            `json:"error"`
	Remedy       *string            `json:"remedy"`
	Hooks        []string           `json:"hooks"`   // that this kernel has
	Lacks        []string           `json:"lacking"` // that other kernels have
	Capabilities []capabilityReport `json:"capabilities"`
}

type capabilityReport struct {
	Name string `json:"name"`
	Why  string `json:"why"`
	Have bool   `json:"have"`
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
	if env.Format == "json" {
		if jsonErr := writeJSON(env, r); jsonErr != nil {
			return jsonErr
		}
		return err
	}
	can := "can run"
	if err != nil {
		can = "cannot run"
	}
	fmt.Fprintf(env.Stdout, "%s %s on kernel %s\n", r.Tool, can, r.Kernel)
	for _, c := range r.Capabilities {
		have := "missing"
		if c.Have {
			have = "held"
		}
		fmt.Fprintf(env.Stdout, "  capability %s (to %s): %s\n", c.Name, c.Why, have)
	}
	fmt.Fprintf(env.Stdout, "  security hooks: %d of %d\n", len(r.Hooks), len(r.Hooks)+len(r.Lacks))
	for _, h := range r.Lacks {
		fmt.Fprintf(env.Stdout, "  lacks the security hook %s\n", h)
	}
	return err
}

func (m *machine) report(env *command.Env, err error) *hostReport {
	r := &hostReport{
		Tool: env.Name, Kernel: preflight.Release(), OK: err == nil, ExitCode: command.ExitCode(err),
		Hooks: []string{}, Lacks: []string{}, Capabilities: []capabilityReport{},
	}
	if err != nil {
		r.Error, r.Remedy = output.VisibleOrNil(err.Error()), output.VisibleOrNil(command.Remedy(err))
	}
	for _, s := range preflight.Status(needs()) {
		r.Capabilities = append(r.Capabilities, capabilityReport{s.Cap.String(), s.Why, s.Have})
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
