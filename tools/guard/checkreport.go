package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// checkReport is what guard check tells, in JSON as one object.
type checkReport struct {
	OK        bool            `json:"ok"` // the exit status is 0
	Errors    int             `json:"errors"`
	Warnings  int             `json:"warnings"`
	Files     []string        `json:"files"`
	Policies  []policyReport  `json:"policies"` // empty where files cannot be read
	Findings  []findingReport `json:"findings"`
	Hooks     []string        `json:"hooks"`          // that are needed, of the kernel that was asked for
	Minimum   *string         `json:"minimum_kernel"` // first version that can enforce all of it
	Kernel    *string         `json:"kernel"`         // that was asked for
	Uncovered []string        `json:"uncovered"`      // operations that no kernel sees
}

type policyReport struct {
	Name     string `json:"name"`
	Mode     string `json:"mode"`
	File     string `json:"file"`
	Rules    int    `json:"rules"`
	Defaults int    `json:"defaults"`
	Subjects int    `json:"subjects"` // with a name
}

type findingReport struct {
	Severity string `json:"severity"`
	Code     string `json:"code"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Message  string `json:"message"`

	line string
}

func (r *checkReport) fill(policies []*policy.Policy, findings []policy.Finding) {
	r.Policies, r.Findings = []policyReport{}, []findingReport{}
	for _, p := range policies {
		subjects := 0
		for _, s := range p.Subjects {
			if !s.Anonymous() {
				subjects++
			}
		}
		r.Policies = append(r.Policies, policyReport{p.Name, p.Mode.String(), p.Pos.File, len(p.Rules), len(p.Defaults), subjects})
	}
	for _, f := range findings {
		r.Findings = append(r.Findings, findingReport{f.Severity.String(), f.Code, f.Pos.File, f.Pos.Line, f.Pos.Column, f.Msg, f.String()})
	}
	r.Errors, r.Warnings = count(findings)
	if r.Hooks == nil {
		r.Hooks = []string{}
	}
	if r.Uncovered == nil {
		r.Uncovered = []string{}
	}
}

// writeJSON prints one object in one line.
func writeJSON(env *command.Env, v any) error {
	e := json.NewEncoder(env.Stdout)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

// text prints the findings, and with --quiet nothing else.
func (r *checkReport) text(env *command.Env, quiet bool) error {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s\n", output.AppendEscaped(nil, []byte(f.line)))
	}
	if !quiet {
		r.summary(&b)
	}
	if _, err := env.Stdout.Write([]byte(b.String())); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}

func (r *checkReport) summary(b *strings.Builder) {
	for _, p := range r.Policies {
		fmt.Fprintf(b, "policy %s: %s, %s, %s, %s\n", p.Name, p.Mode, plural(p.Rules, "rule"), plural(p.Defaults, "default"), plural(p.Subjects, "subject"))
	}
	if len(r.Policies) > 0 {
		writeList(b, "hooks", r.Hooks)
		fmt.Fprintf(b, "kernel: %s or later can enforce all of it\n", *r.Minimum)
		if len(r.Uncovered) > 0 {
			writeList(b, "not covered by any kernel, of what is denied", r.Uncovered)
		}
	}
	fmt.Fprintf(b, "%s, %s\n", plural(r.Errors, "error"), plural(r.Warnings, "warning"))
}

// writeList prints a list in lines of a terminal's width.
func writeList(b *strings.Builder, head string, words []string) {
	line := head + ":"
	if len(words) == 0 {
		line += " none"
	}
	for i, w := range words {
		if i < len(words)-1 {
			w += ","
		}
		if len(line)+1+len(w) > 100 {
			b.WriteString(line + "\n")
			line = " "
		}
		line += " " + w
	}
	b.WriteString(line + "\n")
}
