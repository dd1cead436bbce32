package main

import "github.com/ringside-tools/ringside/internal/loader"

// hooks are the ladder: binds and listens have the same, so that one rung sees
// both in the order in which they happen.
func hooks() []loader.Hook {
	return []loader.Hook{{
		Name:  "binds and listens",
		Rungs: []loader.Rung{fexitRung(), rawRung()},
	}}
}

// fexitRung stands on the functions that every bind and listen of a TCP or UDP
// socket ends in, whoever asks for it. Only those calls pay for it.
func fexitRung() loader.Rung {
	var attach []loader.Attachment
	for _, program := range []string{"bound", "bound6", "listening"} {
		attach = append(attach, copies(program, false)...)
	}
	// A kernel without MPTCP has none of these.
	for _, program := range []string{"mptcp_bound", "mptcp_listening"} {
		attach = append(attach, copies(program, true)...)
	}
	attach = append(attach,
		// Nor one without security modules for sockets of these. They are rare
		// enough to go without copies.
		loader.Attachment{Program: "bind_refused", Optional: true},
		loader.Attachment{Program: "listen_refused", Optional: true})
	return loader.Rung{Name: "fexit", Attach: attach}
}

// rawRung stands on the exit of all system calls.
func rawRung() loader.Rung {
	attach := copies("call_done", false)
	attach[0].Sieved = true // next to all system calls are others
	return loader.Rung{
		Name:   "raw_tp",
		Attach: attach,
		Blind: []string{
			"binds and listens that are no system call: of io_uring (6.11) and of the kernel itself",
			"calls whose descriptor another thread gave to another file before they ended",
		},
		Costs: "some ten nanoseconds, three times, for every system call of the machine",
	}
}

// copies are a program and its backups.
func copies(program string, optional bool) []loader.Attachment {
	return []loader.Attachment{
		{Program: program, Backed: true, Optional: optional},
		{Program: program + "_backup", Backup: true, Optional: optional},
		{Program: program + "_backup2", Backup: true, Optional: optional},
	}
}
