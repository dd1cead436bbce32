package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/loader"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// runConfig is what the flags of guard run say.
type runConfig struct {
	files []string
	mode  *policy.Mode // for all policies, whatever they say

	persist bool
	protect bool
	pinDir  string // "" where no flag names one
	pinned  bool   // the policies stay in force

	machine machine
	reload  chan os.Signal // nil for SIGHUP
}

func runCommand() *command.Command { return runCommandOf(&runConfig{machine: thisMachine()}) }

func runCommandOf(cfg *runConfig) *command.Command {
	return &command.Command{
		Name:      "run",
		Summary:   "enforce policies until Ctrl-C, and print a line for everything that they deny",
		Arguments: "[FILE...]",
		Description: `All policies of all files are in force together, from the line "tracing" on and until
the end; then nothing of them stays, but with --persist all of it does, until guard
detach takes it away or the next guard run --persist takes it over. SIGHUP reads the
files again: if they are right, the new policies replace the old ones at one moment;
if not, the old ones stay.`,
		Common: []string{"output", "json", "count", "duration", "quiet", "verbose", "check", "btf", "buffer", "fail-on-loss"},
		Flags: []command.Flag{
			command.Texts("policy", "p", "FILE", "a file with policies; repeatable, and more may follow the flags", &cfg.files),
			command.Parsed("mode", "m", "audit|enforce", "tell only, or refuse as well, whatever the policies say", &cfg.mode, func(s string) (*policy.Mode, error) {
				for _, mode := range []policy.Mode{policy.Audit, policy.Enforce} {
					if mode.String() == s {
						return &mode, nil
					}
				}
				return nil, fmt.Errorf("want one of audit, enforce")
			}),
			command.Bool("persist", "", "the policies stay in force when the command ends, however it ends", &cfg.persist),
			command.Bool("self-protect", "", "with --persist: nobody takes them away but guard, run by root; root's other programs neither", &cfg.protect),
			pinDirFlag(&cfg.pinDir),
		},
		Examples: []command.Example{
			{Line: "guard run -p web.yaml", What: "as the policy says"},
			{Line: "guard run -p web.yaml --mode audit", What: "refuse nothing, and tell what would be"},
			{Line: "guard run --mode enforce web.yaml base.yaml", What: "two files, enforced"},
			{Line: "guard run -p web.yaml --json | jq -c '[.rule, .exe, .path]'", What: "for a pipeline"},
			{Line: "guard run -p web.yaml --duration 1h -o csv", What: "for an hour"},
			{Line: "guard run -p web.yaml --persist", What: "for longer than it runs itself"},
			{Line: "guard run -p web.yaml --persist --self-protect", What: "and kill, bpftool and rm do not end it"},
			{Line: "guard run -p web.yaml --check", What: "could it run? nothing is enforced"},
			{Line: "kill -HUP $(pidof guard)", What: "read the files again"},
		},
		Run: cfg.run,
	}
}

func (cfg *runConfig) run(ctx context.Context, env *command.Env) error {
	if len(env.Args) > 0 {
		more, err := filesOf(env)
		if err != nil {
			return err
		}
		cfg.files = append(cfg.files, more...)
	}
	if len(cfg.files) == 0 && !env.Check {
		return command.Usagef("no policies: want --policy FILE")
	}
	if err := cfg.pins(env); err != nil {
		return err
	}
	if cfg.reload == nil {
		cfg.reload = make(chan os.Signal, 1)
		signal.Notify(cfg.reload, syscall.SIGHUP)
		defer signal.Stop(cfg.reload)
	}
	set, err := cfg.load(env)
	if err != nil {
		return err
	}
	e, err := cfg.machine.begin(env)
	if env.Check {
		return cfg.machine.check(env, e, set, err)
	}
	if err != nil {
		return err
	}
	err = cfg.enforce(ctx, env, e, set)
	if closed := e.Close(); err == nil {
		err = closed
	}
	cfg.tellStay(env)
	return err
}

// enforce puts the policies in force and tells what they deny, until the end.
func (cfg *runConfig) enforce(ctx context.Context, env *command.Env, e enforcer, set *policySet) error {
	if err := cfg.mayPin(); err != nil {
		return err
	}
	w, err := newWatch(env, e)
	if err != nil {
		return err
	}
	ready := loader.WhileLoading()
	err = set.put(e)
	ready()
	if err != nil {
		return inForce(env, err)
	}
	if cfg.persist {
		if err := e.Pin(cfg.pinDir); err != nil {
			return pinError(err)
		}
		cfg.pinned, w.stay = true, true
		if cfg.protect {
			if err := e.Protect(); err != nil {
				return fmt.Errorf("protect what enforces: %w", err)
			}
		}
	}
	if err := cfg.machine.drop(); err != nil {
		return err
	}
	if env.Verbose {
		set.describe(env)
	}
	if !env.Quiet {
		until := "Ctrl-C to end"
		if cfg.pinned {
			until = "pinned at " + escaped(cfg.pinDir)
			if cfg.protect {
				until += " and protected"
			}
		}
		fmt.Fprintf(env.Stderr, "%s: %s, %s\n%s: tracing, Ctrl-C to end\n", env.Name, set, until, env.Name)
	}
	if env.Duration > 0 { // from here on: loading is not enforcing
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, env.Duration)
		defer cancel()
	}
	if err := w.changed(set, nil); err != nil {
		return err
	}
	return w.follow(ctx, cfg.reload, func() error { return cfg.again(env, w) })
}

// again reads the files again and puts what they say in force, or tells why not.
func (cfg *runConfig) again(env *command.Env, w *watch) error {
	set, err := cfg.load(env)
	if err == nil {
		err = inForce(env, set.put(w.enforcer))
	}
	if err != nil {
		fmt.Fprintf(env.Stderr, "%s: the new policies are refused, and the old ones stay: %s\n", env.Name, output.AppendEscaped(nil, []byte(err.Error())))
	} else if !env.Quiet {
		fmt.Fprintf(env.Stderr, "%s: new policies: %s\n", env.Name, set)
	}
	if set == nil {
		set = &policySet{files: cfg.files}
	}
	return w.changed(set, err)
}

// inForce tells the mistakes in files that come to light only when their policies are put
// in force, and returns the error for what is left to say.
func inForce(env *command.Env, err error) error {
	findings := syntax(err)
	if findings == nil {
		return err
	}
	for i := range findings {
		findings[i].Code = "not-here"
	}
	tell(env, findings)
	return refusal(findings)
}

// refusal is the error for policies that are not as they should be. They are told
// already, and the first is repeated.
func refusal(findings []policy.Finding) error {
	for _, f := range findings {
		if f.Severity != policy.Fatal {
			continue
		}
		text := f.Pos.String() + ": " + f.Msg
		if fatal, _ := count(findings); fatal > 1 {
			text += fmt.Sprintf(" (and %d more)", fatal-1)
		}
		return answer{exitFindings, "policies are not enforced: " + text}
	}
	return nil
}

// policySet are the policies of some files, ready to be enforced.
type policySet struct {
	files    []string
	policies []*policy.Policy
	kernel   policy.Kernel // without HasHook where it cannot be told
}

// load reads the policies and looks for mistakes. Errors end it, warnings are told.
func (cfg *runConfig) load(env *command.Env) (*policySet, error) {
	set := &policySet{files: cfg.files}
	if len(cfg.files) == 0 {
		return set, nil
	}
	policies, findings, err := readPolicies(cfg.files)
	if err != nil {
		return nil, err
	}
	for _, p := range policies {
		if cfg.mode != nil {
			p.Mode = *cfg.mode
		}
	}
	set.policies = policies
	if policies != nil {
		findings = append(findings, policy.Check(policies, policy.Options{System: cfg.machine.system, Guard: ownPath()})...)
		findings = append(findings, set.weaknesses(cfg.machine.probe(env.BTF))...)
	}
	inOrder(findings, cfg.files)
	if env.Quiet {
		findings = slices.DeleteFunc(findings, func(f policy.Finding) bool { return f.Severity != policy.Fatal })
	}
	tell(env, findings)
	if err := refusal(findings); err != nil {
		return nil, err
	}
	return set, nil
}

// weaknesses is what this kernel sees less of than others, or nothing. What it must see
// and does not is for the engine to refuse, which knows what it has a program for.
func (s *policySet) weaknesses(kernel policy.Kernel, _ error) (findings []policy.Finding) {
	if kernel.HasHook == nil {
		return nil
	}
	s.kernel = kernel
	for _, f := range policy.Covers(policy.Needs(s.policies), kernel) {
		if f.Severity == policy.Warning {
			findings = append(findings, f)
		}
	}
	return findings
}

// put puts the policies in force.
func (s *policySet) put(e enforcer) error {
	if err := e.AttachFor(s.policies...); err != nil {
		return err
	}
	return e.Set(s.policies...)
}

// rules returns how many rules are enforced, and how many are only told.
func (s *policySet) rules() (enforced, audited int) {
	for _, p := range s.policies {
		for _, r := range p.Rules {
			if p.Mode == policy.Enforce && !r.Audit {
				enforced++
			} else {
				audited++
			}
		}
	}
	return enforced, audited
}

// String is what the banner says.
func (s *policySet) String() string {
	enforced, audited := s.rules()
	audits := !slices.ContainsFunc(s.policies, func(p *policy.Policy) bool { return p.Mode == policy.Enforce })
	of := " of " + plural(len(s.policies), "policy")
	switch {
	case audits:
		return "auditing " + plural(audited, "rule") + of
	case audited > 0:
		return "enforcing " + plural(enforced, "rule") + " and auditing " + fmt.Sprint(audited) + of
	}
	return "enforcing " + plural(enforced, "rule") + of
}

// describe tells which hooks see what the policies deny.
func (s *policySet) describe(env *command.Env) {
	if s.kernel.HasHook == nil {
		return
	}
	var told []string
	for _, n := range policy.Needs(s.policies) {
		if slices.Contains(told, n.What) {
			continue
		}
		told = append(told, n.What)
		hooks := s.kernel.Hooks([]policy.Need{n})
		if len(hooks) == 0 {
			hooks = []string{"no hook"}
		}
		fmt.Fprintf(env.Stderr, "%s: %s: %s\n", env.Name, n.What, strings.Join(hooks, ", "))
	}
}

// errLoss makes --fail-on-loss exit with 1.
var errLoss = errors.New("alerts were lost (--fail-on-loss)")
