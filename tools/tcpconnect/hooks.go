package main

import (
	"slices"

	"github.com/ringside-tools/ringside/internal/dns"
	"github.com/ringside-tools/ringside/internal/loader"
)

// hooks are the ladders. -d has one more.
func hooks(cfg *config) []loader.Hook {
	hooks := []loader.Hook{
		{
			Name:  "attempts and their outcome",
			Rungs: []loader.Rung{{Name: "raw_tp", Attach: interrupted(copies("state_change"))}},
		},
		{Name: "attempts that fail at once", Rungs: []loader.Rung{fexitRung(), rawRung()}},
	}
	if cfg.dns {
		hooks = append(hooks, dns.Hook())
	}
	return hooks
}

// fexitRung stands on the functions that can refuse a connection, whoever asks
// for it. Only who connects runs through them.
func fexitRung() loader.Rung {
	return loader.Rung{
		Name: "fexit",
		Attach: slices.Concat(
			copies("v4_enter"), copies("v4_exit"),
			// A kernel may lack IPv6, BPF in cgroups, or security modules.
			optional(slices.Concat(
				copies("v6_enter"), copies("v6_exit"),
				[]loader.Attachment{
					{Program: "pre_connect_exit"},
					{Program: "pre_connect_exit", To: "tcp_v6_pre_connect"},
					{Program: "security_exit"},
				})),
		),
	}
}

// rawRung stands on the entry and exit of all system calls, which connect may
// or may not come by.
func rawRung() loader.Rung {
	return loader.Rung{
		Name:   "raw_tp",
		Attach: slices.Concat(copies("sys_enter"), copies("sys_exit")),
		Blind:  []string{"attempts that fail at once (no route, forbidden) and were made with io_uring, by sendto with MSG_FASTOPEN, or by the kernel itself"},
		Costs:  "a hundred nanoseconds for every system call of the machine",
	}
}

// copies attaches a program and its backups. A cheap test comes before their mark.
func copies(program string) []loader.Attachment {
	return []loader.Attachment{
		{Program: program, Backed: true, Sieved: true},
		{Program: program + "_backup", Backup: true},
		{Program: program + "_backup2", Backup: true},
	}
}

// interrupted says that answers from the network come by as well.
func interrupted(attach []loader.Attachment) []loader.Attachment {
	for i := range attach {
		attach[i].Interrupts = true
	}
	return attach
}

// optional leaves out what the kernel lacks.
func optional(attach []loader.Attachment) []loader.Attachment {
	for i := range attach {
		attach[i].Optional = true
	}
	return attach
}
