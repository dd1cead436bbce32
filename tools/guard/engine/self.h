/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Programs that keep what enforces policies from being taken away: the process that
 * loads them, the programs and their maps. Guard's own program, run by root, may;
 * so may process 1 and the kernel, which end everything when the machine goes down.
 * Links need no program: the kernel takes none of these away while somebody has it,
 * and whoever opens one has it, too.
 */
#pragma once

#include "switch.h"

#define SIGCONT 18
#define PTRACE_MODE_ATTACH 2

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct bpf_map {
	u32 id;
};

struct bpf_prog_aux {
	u32 id;
};

struct bpf_prog {
	struct bpf_prog_aux *aux;
};
#pragma clang attribute pop

enum { OWN_MAP = 1, OWN_PROGRAM };

struct own_key {
	u32 kind;
	u32 id;
};

/* Our maps and programs. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 14);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct own_key);
	__type(value, u32);
} own SEC(".maps");

/* Whether a task is of the process that loads policies. */
static __always_inline bool is_of_agent(struct task_struct *task)
{
	u32 zero = 0;
	struct control_block *c = bpf_map_lookup_elem(&control, &zero);

	return c && c->agent && BPF_CORE_READ(task, tgid) == c->agent &&
	       BPF_CORE_READ(task, group_leader, start_time) == c->agent_started;
}

/* Signals of processes; those of the terminal and of the kernel do not come here. */
SEC("lsm/task_kill")
int BPF_PROG(task_kill, struct task_struct *task, void *info, int sig)
{
	if (!sig || sig == SIGCONT || !is_of_agent(task))
		return 0;
	return verdict(decide_self(HOOK_TASK_KILL, IS_SELF_SIGNAL, 0, 0));
}

/*
 * Tracing, memory and descriptors of a process. Not only of the one that loads policies:
 * whoever traces another of guard's processes may what that may.
 */
SEC("lsm/ptrace_access_check")
int BPF_PROG(ptrace_access_check, struct task_struct *child, unsigned int mode)
{
	struct label *label = label_of(child);

	if (!(mode & PTRACE_MODE_ATTACH) ||
	    !(is_of_agent(child) || (label && has_bit(&label->exe, SUBJECT_GUARD))))
		return 0;
	return verdict(decide_self(HOOK_PTRACE_ACCESS_CHECK, IS_SELF_TRACE, 0, 0));
}

static __always_inline bool is_own_object(u32 kind, u32 id)
{
	struct own_key key = { .kind = kind, .id = id };

	return bpf_map_lookup_elem(&own, &key) != NULL;
}

/* A descriptor of a map or of a program: by its id, or by where it is pinned. */
SEC("lsm/bpf_map")
int BPF_PROG(bpf_map, struct bpf_map *map)
{
	if (!is_own_object(OWN_MAP, map->id))
		return 0;
	return verdict(decide_self(HOOK_BPF_MAP, IS_SELF_MAP, 0, 0));
}

SEC("lsm/bpf_prog")
int BPF_PROG(bpf_prog, struct bpf_prog *prog)
{
	if (!is_own_object(OWN_PROGRAM, BPF_CORE_READ(prog, aux, id)))
		return 0;
	return verdict(decide_self(HOOK_BPF_PROG, IS_SELF_PROGRAM, 0, 0));
}
