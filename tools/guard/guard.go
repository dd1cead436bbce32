package main

import (
	"github.com/ringside-tools/ringside/internal/command"
	"github.com/ringside-tools/ringside/internal/output"
	"github.com/ringside-tools/ringside/internal/trace"
)

func newCommand() *command.Command {
	return &command.Command{
		Name:    "guard",
		Summary: "enforce policies in the kernel: who may use which files, programs, addresses, mounts and identities",
		Description: `Policies are files of YAML: see guard(8). check and explain look at them and need no
privilege. run enforces them in the kernel's security hooks, learn writes them. status,
reload and detach are about those that run --persist has put in force.`,
		Subcommands: []*command.Command{checkCommand(), explainCommand(), runCommand(), statusCommand(), reloadCommand(), detachCommand(), learnCommand()},
		Common:      []string{"json", "check", "btf", "version"},
		Examples: []command.Example{
			{Line: "guard check web.yaml", What: "look for mistakes"},
			{Line: "guard explain --exe /usr/bin/cat --open /etc/shadow web.yaml", What: "would it be denied, and why?"},
			{Line: "guard run -p web.yaml --mode audit", What: "refuse nothing, and tell what would be"},
			{Line: "guard run -p web.yaml", What: "enforce"},
			{Line: "guard status", What: "what is in force without a guard that runs?"},
			{Line: "guard learn -e /usr/sbin/nginx >nginx.yaml", What: "write a policy for a program"},
			{Line: "guard --check", What: "can this kernel enforce policies, and as whom?"},
		},
		Documents: map[string]func() []byte{
			"schema":     schema,
			"fields":     func() []byte { return output.ManFields(fields) },
			"privileges": func() []byte { return trace.Privileges("guard", modes()) },
		},
		Run: checkHost,
	}
}
