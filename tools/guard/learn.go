package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"time"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/events"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// learnConfig is what the flags of guard learn say.
type learnConfig struct {
	exes   []string
	files  []string
	name   string
	write  string
	limits thresholds

	machine machine
	kernel  policy.Kernel // without HasHook where it cannot be told
}

func learnCommand() *command.Command {
	return learnCommandOf(&learnConfig{machine: thisMachine()})
}

func learnCommandOf(cfg *learnConfig) *command.Command {
	cfg.limits = thresholds{files: 5, dirs: 4, addresses: 8, ports: 16}
	return &command.Command{
		Name:    "learn",
		Summary: "watch programs, and write a policy that allows what they did and denies the rest",
		Description: `Nothing is denied meanwhile. With --subject-exe, all that the programs and those that
they start do is learned, and the policy denies everything else; with --policy, what
the defaults of the policies deny, which are written with rules more. Read what was
written before it is enforced: it is as good as what was seen.`,
		Common: []string{"count", "duration", "quiet", "btf", "buffer", "fail-on-loss"},
		Flags: []command.Flag{
			command.Texts("subject-exe", "e", "PATH", "learn what this program does; repeatable", &cfg.exes),
			command.Texts("policy", "p", "FILE", "learn what the defaults of these policies deny; repeatable", &cfg.files),
			command.Text("name", "", "NAME", "with --subject-exe: the name of the policy", &cfg.name),
			command.Text("write", "w", "FILE", "write the policy there, not to stdout", &cfg.write),
			command.Int("files", "", "N", "so many files of one directory become DIR/* (5)", 2, 1<<20, &cfg.limits.files),
			command.Int("dirs", "", "N", "so many directories below one become DIR/** (4)", 2, 1<<20, &cfg.limits.dirs),
			command.Int("addresses", "", "N", "so many addresses with the same port become any address (8)", 2, 1<<20, &cfg.limits.addresses),
			command.Int("ports", "", "N", "so many ports of one address become any port (16)", 2, 1<<16, &cfg.limits.ports),
		},
		Examples: []command.Example{
			{Line: "guard learn --subject-exe /usr/sbin/nginx >nginx.yaml", What: "until Ctrl-C"},
			{Line: "guard learn -e /usr/sbin/nginx --duration 1h -w nginx.yaml", What: "for an hour"},
			{Line: "guard learn -p nginx.yaml -w more.yaml", What: "what a policy still lacks"},
			{Line: "guard learn -e /usr/bin/job --files 2 --dirs 2", What: "a shorter policy that allows more"},
		},
		Run: cfg.run,
	}
}

func (cfg *learnConfig) run(ctx context.Context, env *command.Env) error {
	set, modes, err := cfg.subjects(env)
	if err != nil {
		return err
	}
	var file *os.File
	if cfg.write != "" { // before anything is learned that could not be written
		if file, err = os.OpenFile(cfg.write, os.O_CREATE|os.O_WRONLY, 0o666); err != nil {
			return command.Usagef("--write: %w", err)
		}
		defer file.Close()
	}
	e, err := cfg.machine.begin(env)
	if err != nil {
		return err
	}
	if len(cfg.exes) > 0 {
		cfg.kernel, _ = cfg.machine.probe(env.BTF) // begin has found it good
	}
	school := newSchool(set.policies, cfg.machine.mntns())
	err = cfg.attend(ctx, env, e, set, school)
	if closed := e.Close(); err == nil {
		err = closed
	}
	loss := errors.Is(err, errLoss) // what was learned is written all the same
	if err != nil && !loss {
		return err
	}
	for i, p := range set.policies {
		p.Mode = modes[i]
	}
	text, wrong := cfg.policyOf(school)
	if wrong != nil {
		return wrong
	}
	if file == nil {
		_, wrong = env.Stdout.Write(text)
	} else if wrong = file.Truncate(0); wrong == nil {
		if _, wrong = file.Write(text); wrong == nil {
			wrong = file.Close()
		}
	}
	if wrong != nil {
		return fmt.Errorf("write policy: %w", wrong)
	}
	return err
}

// subjects returns the policies that are learned for, all of them in audit mode, and the
// modes that they have.
func (cfg *learnConfig) subjects(env *command.Env) (*policySet, []policy.Mode, error) {
	switch {
	case len(cfg.exes) == 0 && len(cfg.files) == 0:
		return nil, nil, command.Usagef("whom to learn from? want --subject-exe PATH or --policy FILE")
	case len(cfg.exes) > 0 && len(cfg.files) > 0:
		return nil, nil, command.Usagef("--subject-exe: not with --policy, which says who the subjects are")
	case cfg.name != "" && len(cfg.files) > 0:
		return nil, nil, command.Usagef("--name: not with --policy, which has a name")
	}
	audit := policy.Audit
	if len(cfg.files) > 0 {
		policies, findings, err := readPolicies(cfg.files)
		if err != nil {
			return nil, nil, err
		}
		if findings != nil {
			tell(env, findings)
			return nil, nil, refusal(findings)
		}
		var modes []policy.Mode
		denies := false
		for _, p := range policies {
			modes = append(modes, p.Mode)
			p.Mode = audit
			denies = denies || slices.ContainsFunc(p.Defaults, func(d policy.Default) bool { return d.Action == policy.Deny })
		}
		if !denies {
			return nil, nil, command.Usagef("--policy: no default of these policies denies anything, so that there is nothing to learn")
		}
		return &policySet{files: cfg.files, policies: policies}, modes, nil
	}
	p, err := cfg.denyAll()
	if err != nil {
		return nil, nil, err
	}
	return &policySet{policies: []*policy.Policy{p}}, []policy.Mode{audit}, nil
}

// denyAll is a policy that allows the programs nothing.
func (cfg *learnConfig) denyAll() (*policy.Policy, error) {
	s := &policy.Subject{Name: nameFrom(path.Base(cfg.exes[0])), Descendants: true}
	if slices.Contains([]string{policy.SubjectAll, policy.SubjectInit, policy.SubjectKernel, policy.SubjectNone}, s.Name) {
		s.Name += "-program"
	}
	for _, exe := range cfg.exes {
		pattern, err := policy.ParsePattern(exe)
		if err != nil {
			return nil, command.Usagef("--subject-exe: %w", err)
		}
		if pattern.Kind == policy.Exact {
			if pattern.Path, err = follow(cfg.machine.system, "subject-exe", exe); err != nil {
				return nil, err
			}
		}
		s.Exe = append(s.Exe, pattern)
	}
	p := &policy.Policy{Name: cfg.name, OnUnresolved: policy.Deny, Subjects: []*policy.Subject{s}}
	if p.Name == "" {
		p.Name = s.Name
	}
	for class := range policy.Classes {
		d := policy.Default{Subject: policy.Text{S: s.Name}, Class: class, Action: policy.Deny}
		if class == policy.ClassFile {
			d.Access = policy.AccessAll
		}
		p.Defaults = append(p.Defaults, d)
	}
	read, err := policy.Parse("learn", policy.Format(p)) // with places, by which alerts are told apart
	if err != nil {
		return nil, command.Usagef("--name: %w", err)
	}
	return read[0], nil
}

// attend learns until the end.
func (cfg *learnConfig) attend(ctx context.Context, env *command.Env, e enforcer, set *policySet, s *school) error {
	if err := set.put(e); err != nil {
		return inForce(env, err)
	}
	if err := cfg.machine.drop(); err != nil {
		return err
	}
	if !env.Quiet {
		fmt.Fprintf(env.Stderr, "%s: learning for %s, Ctrl-C to end\n%s: tracing, Ctrl-C to end\n", env.Name, plural(len(set.policies), "policy"), env.Name)
	}
	if env.Duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, env.Duration)
		defer cancel()
	}
	learned, err := cfg.listen(ctx, env, e, s)
	if err != nil {
		return err
	}
	seen, lost, err := e.Counters()
	if err != nil {
		return err
	}
	return cfg.account(env, s, seen, learned, lost)
}

// listen takes alerts until ctx is done, and then those that are on their way.
func (cfg *learnConfig) listen(ctx context.Context, env *command.Env, e enforcer, s *school) (learned uint64, err error) {
	ticks := time.NewTicker(events.FlushInterval)
	defer ticks.Stop()
	var deadline <-chan time.Time
	done := ctx.Done()
	for {
		select {
		case <-done:
			if err := e.Set(); err != nil {
				return learned, err
			}
			done, deadline = nil, time.After(drainTime)
		case <-deadline:
			return learned, nil
		case a, ok := <-e.Alerts():
			if !ok {
				return learned, fmt.Errorf("read alerts: they ended")
			}
			s.learn(&a)
			if learned++; env.Count > 0 && learned >= uint64(env.Count) {
				return learned, nil
			}
		case <-ticks.C:
			if deadline == nil {
				continue
			}
			seen, lost, err := e.Counters()
			if err != nil || learned+lost >= seen {
				return learned, err
			}
		}
	}
}

// account tells what was learned, and what was not.
func (cfg *learnConfig) account(env *command.Env, s *school, seen, learned, lost uint64) error {
	if !env.Quiet || lost > 0 {
		fmt.Fprintf(env.Stderr, "%s: %d alerts = %d read + %d lost", env.Name, seen, learned, lost)
		if seen > learned+lost {
			fmt.Fprintf(env.Stderr, " + %d unread", seen-learned-lost)
		}
		fmt.Fprintf(env.Stderr, "; %d different operations\n", s.count)
	}
	for _, why := range slices.Sorted(maps.Keys(s.missed)) {
		fmt.Fprintf(env.Stderr, "%s: %d alerts taught nothing: %s\n", env.Name, s.missed[why], why)
	}
	if lost > 0 {
		fmt.Fprintf(env.Stderr, "%s: what was lost is not allowed by what was learned: --buffer takes a larger size than %d\n", env.Name, env.Buffer)
		if env.FailOnLoss {
			return errLoss
		}
	}
	return nil
}
