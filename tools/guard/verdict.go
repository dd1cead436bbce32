package main

import (
	"fmt"
	"strings"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// verdictReport is what guard explain tells, in JSON as one object.
type verdictReport struct {
	Action    string           `json:"action"` // allow or deny
	Told      bool             `json:"told"`   // it is allowed, and told as what would be denied
	Decision  *decisionReport  `json:"decision"`
	Applies   []decisionReport `json:"applies"`
	Operation operationReport  `json:"operation"`
}

// decisionReport is a rule, or a default.
type decisionReport struct {
	Policy  string  `json:"policy"`
	Rule    *string `json:"rule"`
	Default *string `json:"default"` // CLASS of SUBJECT
	Action  string  `json:"action"`
	Mode    string  `json:"mode"`
	Message *string `json:"message"`
	File    string  `json:"file"`
	Line    int     `json:"line"`
	Column  int     `json:"column"`

	pos string
}

// operationReport is what was asked, with links followed. Which fields are there
// depends on the class.
type operationReport struct {
	Exe       string   `json:"exe"`
	Ancestors []string `json:"ancestors,omitempty"`
	UID       uint32   `json:"uid"`
	Cgroup    string   `json:"cgroup"`
	Container string   `json:"container,omitempty"`
	Class     string   `json:"class"`
	Access    string   `json:"access,omitempty"`
	Path      string   `json:"path,omitempty"`
	Addr      string   `json:"addr,omitempty"`
	Port      *uint16  `json:"port,omitempty"`
	Proto     string   `json:"proto,omitempty"`
	Operation string   `json:"operation,omitempty"`
	FSType    string   `json:"fstype,omitempty"`
	Via       string   `json:"via,omitempty"`
	IDs       []uint32 `json:"ids,omitempty"`
	Family    string   `json:"family,omitempty"`
	SockType  string   `json:"sock_type,omitempty"`
}

func newVerdict(op policy.Operation, v policy.Verdict) *verdictReport {
	r := &verdictReport{Action: v.Action.String(), Told: v.Action == policy.Allow && v.Mode == policy.Audit, Applies: []decisionReport{}}
	if v.Decision.Policy != nil {
		d := newDecision(v.Decision)
		r.Decision = &d
	}
	for _, d := range v.Applies {
		r.Applies = append(r.Applies, newDecision(d))
	}
	r.Operation = newOperation(op)
	return r
}

func newDecision(d policy.Decision) decisionReport {
	pos := d.Pos()
	r := decisionReport{
		Policy: d.Policy.Name, Action: d.Action().String(), Mode: policy.Audit.String(),
		File: pos.File, Line: pos.Line, Column: pos.Column, pos: pos.String(),
	}
	if d.Enforced() {
		r.Mode = policy.Enforce.String()
	}
	if d.Rule != nil {
		r.Rule = &d.Rule.ID
		if d.Rule.Message != "" {
			r.Message = &d.Rule.Message
		}
		return r
	}
	what := d.Default.Class.String()
	if d.Default.Class == policy.ClassFile && d.Default.Access != policy.AccessAll {
		what = d.Default.Access.String()
	}
	what += " of " + d.Default.Subject.S
	r.Default = &what
	return r
}

func newOperation(op policy.Operation) operationReport {
	r := operationReport{
		Exe: op.Task.Exe, Ancestors: op.Task.Ancestors, UID: op.Task.UID, Cgroup: op.Task.Cgroup, Container: op.Task.Container,
		Class: op.Class.String(), Path: op.Path,
	}
	switch op.Class {
	case policy.ClassFile, policy.ClassExec:
		r.Access = op.Access.String()
	case policy.ClassConnect, policy.ClassBind:
		if !op.Unix {
			port := op.Addr.Port()
			r.Addr, r.Port, r.Proto = op.Addr.Addr().String(), &port, op.Proto.String()
		}
	case policy.ClassMount:
		r.Operation, r.FSType = op.MountOp.String(), op.FSType
	case policy.ClassSetuid:
		r.Via, r.IDs = op.Via.String(), op.IDs
	case policy.ClassSocket:
		r.Family, r.SockType = policy.FamilyOf(op.Family).String(), op.SocketType
	}
	return r
}

// object is the operation in words.
func (o *operationReport) object() string {
	var words []string
	add := func(s ...string) {
		for _, word := range s {
			if word != "" {
				words = append(words, word)
			}
		}
	}
	switch o.Class {
	case "file", "exec":
		add(o.Access, o.Path)
	case "mount":
		add("mount "+o.Operation, o.FSType, o.Path)
	case "setuid":
		add(o.Via)
		for _, id := range o.IDs {
			add(fmt.Sprintf("to %d", id))
		}
	case "socket":
		add("socket", o.Family+"/"+o.SockType)
	default:
		add(o.Class, o.Path)
		if o.Port != nil {
			add(o.Proto, fmt.Sprintf("%s port %d", o.Addr, *o.Port))
		}
	}
	return strings.Join(words, " ")
}

func (d *decisionReport) name() string {
	if d.Rule != nil {
		return "rule " + *d.Rule
	}
	return "default for " + *d.Default
}

// text prints what was asked, the verdict, and all that applies.
func (r *verdictReport) text(env *command.Env) error {
	var b strings.Builder
	line := func(format string, args ...any) {
		b.Write(output.AppendEscaped(nil, fmt.Appendf(nil, format, args...)))
		b.WriteByte('\n')
	}
	line("%s, uid %d: %s", r.Operation.Exe, r.Operation.UID, r.Operation.object())
	verdict := map[bool]string{true: "allowed", false: "denied"}[r.Action == "allow"]
	if r.Told {
		verdict = "allowed, and told: denied if all were enforced"
	}
	if d := r.Decision; d == nil {
		line("%s: nothing applies", verdict)
	} else {
		line("%s: %s of policy %s, %s", verdict, d.name(), d.Policy, d.pos)
		if d.Message != nil {
			line("message: %s", *d.Message)
		}
	}
	for i, d := range r.Applies {
		if i == 0 {
			line("what applies:")
		}
		line("  %-5s  %-7s  %s of policy %s, %s", d.Action, d.Mode, d.name(), d.Policy, d.pos)
	}
	if _, err := env.Stdout.Write([]byte(b.String())); err != nil {
		return fmt.Errorf("write output: %w", err)
	}
	return nil
}
