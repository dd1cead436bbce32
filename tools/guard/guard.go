package main

import (
	"context"

	"github.com/ringside-tools/ringside/internal/command"
)

func newCommand() *command.Command {
	return &command.Command{
		Name:    "guard",
		Summary: "enforce policies in the kernel: who may use which files, programs, addresses, mounts and identities",
		Subcommands: []*command.Command{
			checkCommand(), explainCommand(),
		},
		Examples: []command.Example{
			{Line: "guard check web.yaml", What: "look for mistakes"},
			{Line: "guard explain --exe /usr/bin/cat --open /etc/shadow web.yaml", What: "would it be denied, and why?"},
		},
		Run: func(context.Context, *command.Env) error { return nil },
	}
}
