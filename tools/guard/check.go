package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/preflight"
	"github.com/ringside-tools/ringside/tools/guard/engine"
	"github.com/ringside-tools/ringside/tools/guard/policy"
)

// checkConfig is what the flags of guard check say.
type checkConfig struct {
	strict bool
	kernel *policy.Version
	probe  bool
	format string
	root   string
	from   string
	quiet  bool
}

func checkCommand() *command.Command {
	cfg := new(checkConfig)
	return &command.Command{
		Name:      "check",
		Summary:   "look for mistakes in policies, without a privilege",
		Arguments: "FILE...",
		Description: `Reads policies that are enforced together, as guard run would, and tells mistakes
with their places; then which hooks of the kernel they take, from which kernel on
all of that is there, and what no kernel sees. With --from ebpfguard, FILE is one
of ebpfguard, and the policy that says the same is printed.`,
		Common: []string{"json", "btf"},
		Flags: []command.Flag{
			command.Bool("strict", "s", "warnings are errors, and so is what is not on this machine", &cfg.strict),
			command.Parsed("kernel", "k", "X.Y", "what would a kernel of this version lack?", &cfg.kernel, func(s string) (*policy.Version, error) {
				v, err := policy.ParseVersion(s)
				return &v, err
			}),
			command.Bool("probe", "", "what does the running kernel lack?", &cfg.probe),
			command.Text("root", "", "PATH", "look for files, users and cgroups below this directory, not /", &cfg.root),
			command.Choice("output", "o", []string{"text", "json"}, "format of what is told", &cfg.format),
			command.Bool("quiet", "q", "print mistakes, and nothing if there are none", &cfg.quiet),
			command.Parsed("from", "", "ebpfguard", "convert files of another program", &cfg.from, func(s string) (string, error) {
				if s != "ebpfguard" {
					return "", fmt.Errorf("want ebpfguard")
				}
				return s, nil
			}),
		},
		ExitCodes: "0 no errors (and no warnings with --strict), 2 there are some, or a wrong flag",
		Examples: []command.Example{
			{Line: "guard check web.yaml", What: "mistakes, hooks, kernels"},
			{Line: "guard check --strict *.yaml", What: "for scripts: no warnings either"},
			{Line: "guard check --probe web.yaml", What: "can this kernel enforce it?"},
			{Line: "guard check --kernel 5.10 web.yaml", What: "could that one?"},
			{Line: "guard check --root /mnt web.yaml", What: "for a machine that is mounted there"},
			{Line: "guard check --json web.yaml", What: "as one object"},
			{Line: "guard check --from ebpfguard old.yaml", What: "convert a file"},
		},
		Run: cfg.run,
	}
}

func (cfg *checkConfig) run(_ context.Context, env *command.Env) error {
	if env.Format == "json" {
		cfg.format = "json"
	}
	files, err := filesOf(env)
	switch {
	case err != nil:
		return err
	case cfg.probe && cfg.kernel != nil:
		return command.Usagef("--probe: not with --kernel: it is one kernel or the other")
	case env.BTF != "" && !cfg.probe:
		return command.Usagef("--btf: only with --probe")
	case cfg.from != "":
		if cfg.format == "json" {
			return command.Usagef("--from: prints a policy, which has no other format")
		}
		return cfg.convert(env, files)
	}
	policies, findings, err := readPolicies(files)
	if err != nil {
		return err
	}
	return cfg.report(env, files, policies, findings)
}

// report checks policies and tells all of it.
func (cfg *checkConfig) report(env *command.Env, files []string, policies []*policy.Policy, findings []policy.Finding) error {
	r := &checkReport{Files: files}
	if len(policies) > 0 {
		more, err := cfg.look(env, policies, r)
		if err != nil {
			return err
		}
		findings = append(findings, more...)
	}
	inOrder(findings, files)
	r.fill(policies, findings)
	r.OK = r.Errors == 0 && (r.Warnings == 0 || !cfg.strict)
	write := func() error { return r.text(env, cfg.quiet) }
	if cfg.format == "json" {
		write = func() error { return writeJSON(env, r) }
	}
	if err := write(); err != nil {
		return err
	}
	if !r.OK {
		return answer{code: exitFindings}
	}
	return nil
}

// look finds what there is to find in policies that were read.
func (cfg *checkConfig) look(env *command.Env, policies []*policy.Policy, r *checkReport) ([]policy.Finding, error) {
	root := cfg.root
	options := policy.Options{Strict: cfg.strict}
	if root == "" {
		root, options.Guard = "/", ownPath()
	} else if _, err := os.Stat(root); err != nil {
		return nil, command.Usagef("--root: %w", err)
	}
	options.System = policy.Root(root)
	findings := policy.Check(policies, options)

	kernel := everyHook
	switch {
	case cfg.kernel != nil:
		kernel = policy.KernelOf(*cfg.kernel)
		r.Kernel = &kernel.Name
	case cfg.probe:
		var err error
		kernel, err = engine.Probe(env.BTF)
		var lacks *preflight.MissingFeature
		switch {
		case errors.As(err, &lacks) && kernel.HasHook != nil:
			findings = append(findings, notBooted(policies, lacks))
		case errors.As(err, &lacks):
			return nil, err
		case err != nil:
			return nil, command.Usagef("--probe: %w", err)
		}
		r.Kernel = &kernel.Name
	}
	needs := policy.Needs(policies)
	r.Hooks = append([]string{}, kernel.Hooks(needs)...)
	minimum := policy.Minimum(policy.Needs(enforcing(policies))).String()
	r.Minimum = &minimum
	for _, n := range needs {
		if n.Blind != "" && !slices.Contains(r.Uncovered, n.What) {
			r.Uncovered = append(r.Uncovered, n.What)
		}
	}
	return append(findings, policy.Covers(needs, kernel)...), nil
}

// everyHook is a kernel that lacks nothing.
var everyHook = policy.Kernel{HasHook: func(string) bool { return true }}

// notBooted is the finding that the running kernel obeys no policy.
func notBooted(policies []*policy.Policy, lacks *preflight.MissingFeature) policy.Finding {
	f := policy.Finding{Severity: policy.Warning, Pos: policies[0].Pos, Code: "no-bpf-lsm", Msg: lacks.Error() + "; " + lacks.Remedy()}
	for _, n := range policy.Needs(policies) {
		if n.Enforced() {
			f.Severity = policy.Fatal
		}
	}
	return f
}

// enforcing returns the policies as they are once nobody only watches.
func enforcing(policies []*policy.Policy) (all []*policy.Policy) {
	for _, p := range policies {
		enforced := *p
		enforced.Mode = policy.Enforce
		all = append(all, &enforced)
	}
	return all
}

// convert prints policies that say what files of another program say, and tells on
// stderr what there is to find in them.
func (cfg *checkConfig) convert(env *command.Env, files []string) error {
	var findings []policy.Finding
	for i, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return command.Usagef("read policy: %w", err)
		}
		converted, err := policy.FromEbpfguard(file, data)
		if mistakes := syntax(err); mistakes != nil {
			findings = append(findings, mistakes...)
			continue
		}
		if err != nil {
			return err
		}
		if i > 0 {
			fmt.Fprintln(env.Stdout, "---")
		}
		if _, err := env.Stdout.Write(converted); err != nil {
			return err
		}
		policies, err := policy.Parse(file+" (converted)", converted)
		if err != nil {
			return fmt.Errorf("read what %s was converted to: %w", file, err)
		}
		more, err := cfg.look(env, policies, new(checkReport))
		if err != nil {
			return err
		}
		inOrder(more, []string{file + " (converted)"})
		findings = append(findings, more...)
	}
	tell(env, findings)
	if fatal, warnings := count(findings); fatal > 0 || warnings > 0 && cfg.strict {
		return answer{code: exitFindings}
	}
	return nil
}
