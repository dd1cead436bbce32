package main

import (
	"runtime"

	"github.com/ringside-tools/ringside/internal/loader"
)

// hooks are the ladders for a configuration.
func hooks(cfg *config, format string) []loader.Hook {
	success := loader.Hook{
		Name: "successful execs",
		Rungs: []loader.Rung{{
			Name: "raw_tp",
			Attach: []loader.Attachment{
				{Program: "exec_done", Backed: true},
				{Program: "exec_done_backup", Backup: true},
				{Program: "exec_done_backup2", Backup: true},
			},
		}},
	}
	switch {
	case cfg.fails:
		return []loader.Hook{success, {
			Name:  "failed execs",
			Rungs: []loader.Rung{fexitRung(), rawRung()},
		}}
	case format != "table":
		// Only to know how long an exec took, which is not worth a hook on
		// every system call.
		return []loader.Hook{success, {
			Name:     "duration of execs",
			Rungs:    []loader.Rung{fexitRung()},
			Optional: true,
			Without:  "duration_ns is null; with -x it is known on every kernel",
		}}
	}
	return []loader.Hook{success}
}

// fexitRung stands on the functions behind the system calls, native and
// 32-bit, which only exec runs through.
func fexitRung() loader.Rung {
	prefix, compat := "__x64_sys_", "__ia32_compat_sys_"
	if runtime.GOARCH == "arm64" {
		prefix, compat = "__arm64_sys_", "__arm64_compat_sys_"
	}
	return loader.Rung{
		Name: "fexit",
		Attach: []loader.Attachment{
			{Program: "execve_enter", To: prefix + "execve"},
			{Program: "execve_enter", To: prefix + "execveat"},
			{Program: "execve_exit", To: prefix + "execve"},
			{Program: "execveat_exit", To: prefix + "execveat"},
			// A kernel without 32-bit support has none of these.
			{Program: "execve_enter", To: compat + "execve", Optional: true},
			{Program: "execve_enter", To: compat + "execveat", Optional: true},
			{Program: "compat_execve_exit", To: compat + "execve", Optional: true},
			{Program: "compat_execveat_exit", To: compat + "execveat", Optional: true},
		},
	}
}

// rawRung stands on the entry and exit of all system calls. It is as complete
// and needs no tracefs, but every system call of the machine passes it.
func rawRung() loader.Rung {
	return loader.Rung{
		Name: "raw_tp",
		Attach: []loader.Attachment{
			{Program: "sys_enter"},
			{Program: "sys_exit"},
		},
		Costs: "a few tens of nanoseconds for every system call of the machine",
	}
}
