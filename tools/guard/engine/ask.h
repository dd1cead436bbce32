/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Whether there is anything to decide: whom the task is, and whether a rule or a
 * default concerns it. A program that is told so has the scratch for a decision.
 */
#pragma once

#include "verdict.h"

/* What every program reads first; NULL where nothing is to be decided. */
static __always_inline struct control_block *armed(void)
{
	u32 zero = 0;
	struct control_block *c = bpf_map_lookup_elem(&control, &zero);

	return c && c->armed ? c : NULL;
}

/* True if one of the sets, of these kinds, has one of the subjects. */
static __always_inline bool any_of(const struct set sets[KIND_SLOTS], const struct set *subjects, u32 kinds)
{
	for (u32 kind = 0; kind < KINDS; kind++)
		if (kinds & IS(kind) && meets(&sets[kind], subjects))
			return true;
	return false;
}

/* Not 0 if a rule or a default about one of these kinds may concern the task. */
__noinline int concerned(u32 kinds)
{
	struct control_block *c = armed();
	struct set subjects;

	if (!c || is_agent(c))
		return 0;
	u32 slot = c->slot;
	struct generation *g = bpf_map_lookup_elem(&generations, &slot);

	if (!g)
		return 0;
	who_at_most(&subjects, g, kinds);
	return any_of(g->concerned, &subjects, kinds);
}

/* Not 0 if a default may concern the task. */
__noinline int has_default(u32 kinds)
{
	struct control_block *c = armed();
	struct set subjects;

	if (!c)
		return 0;
	u32 slot = c->slot;
	struct generation *g = bpf_map_lookup_elem(&generations, &slot);

	if (!g)
		return 0;
	who_at_most(&subjects, g, kinds);
	return any_of(g->deny, &subjects, kinds) || any_of(g->audit, &subjects, kinds);
}

struct cgroup___ancestors {
	int level;                   /* 0 for the root */
	struct cgroup *ancestors[0]; /* from the root to itself; 6.1 */
};

struct cgroup___ancestor_ids {
	u64 ancestor_ids[0]; /* until 6.0 */
};

/*
 * Fills scratch.found with the subjects by the task's ancestor of a level, and
 * returns 0 if it has none. Counted from the root, so that nobody gets out of a
 * cgroup by going deeper into it.
 */
__noinline int find_cgroup(u32 level)
{
	struct task_struct *task = actor();
	struct scratch *s = scratch_of_task();
	u64 id, at;

	if (!s || !task || level >= CGROUP_LEVELS)
		return 0;
	struct cgroup___ancestors *cg = (void *)BPF_CORE_READ(task, cgroups, dfl_cgrp);

	if (level > (u32)BPF_CORE_READ(cg, level))
		return 0;
	if (bpf_core_field_exists(cg->ancestors)) {
		at = (u64)cg + bpf_core_field_offset(cg->ancestors) + level * sizeof(void *);
		bpf_probe_read_kernel(&at, sizeof(at), (void *)at);
		id = BPF_CORE_READ((struct cgroup *)at, kn, id);
	} else {
		struct cgroup___ancestor_ids *ids = (void *)cg;

		at = (u64)ids + bpf_core_field_offset(ids->ancestor_ids) + level * sizeof(u64);
		bpf_probe_read_kernel(&id, sizeof(id), (void *)at);
	}
	add_found(&s->found, s->slot, lookup(&cgroups, s->slot, &id));
	return 1;
}

/* Adds the subjects that ask for an executable, a cgroup or a user. */
__noinline int identify_named(void)
{
	struct task_struct *task = actor();
	struct scratch *s = scratch_of_task();

	if (!s || !task)
		return 0;
	struct generation *g = bpf_map_lookup_elem(&generations, &s->slot);
	struct set *match = &s->picked;

	if (!g)
		return 0;
#pragma unroll
	for (int i = 0; i < WORDS; i++)
		match->w[i] = ~0ull;
	match->w[0] &= ~0xfull; /* those without a definition */
	if (g->flags & HAS_EXE) {
		struct label *label = label_of(task);

		__builtin_memset(&s->found, 0, sizeof(s->found));
		if (label)
			s->found = label->exe;
		keep_set(match, &s->found, &g->no_exe);
	}
	if (g->flags & HAS_CGROUP) {
		__builtin_memset(&s->found, 0, sizeof(s->found));
		for (u32 i = 0; i < CGROUP_LEVELS; i++)
			if (!find_cgroup(i))
				break;
		keep_set(match, &s->found, &g->no_cgroup);
	}
	if (g->flags & HAS_UID) {
		__builtin_memset(&s->found, 0, sizeof(s->found));
		add_user(&s->found, s->slot, USER_SUBJECT, (u32)bpf_get_current_uid_gid());
		keep_set(match, &s->found, &g->no_uid);
	}
	add_set(&s->who, match);
	__builtin_memset(match, 0, sizeof(*match));
	return 0;
}

/* Fills in scratch.who; not 0 if a rule or a default concerns it. */
__noinline int identify(u32 kinds)
{
	struct scratch *s = scratch_of_task();

	if (!s)
		return 0;
	struct generation *g = bpf_map_lookup_elem(&generations, &s->slot);

	if (!g)
		return 0;
	s->who.w[0] = builtin(actor(), bpf_get_current_pid_tgid() >> 32, kinds);
	if (g->flags & HAS_NAMED)
		identify_named();
	if (!(s->who.w[0] & 1 << SUBJECT_ALL)) {
#pragma unroll
		for (int i = 0; i < WORDS; i++)
			s->who.w[i] &= ~g->of_all.w[i];
	}
	if (g->exceptions)
		remove_exceptions(&s->who, g);
	return any_of(g->concerned, &s->who, kinds);
}

/* What a policy that is strict about paths is strict about without memory, too. */
static __always_inline int refused(u32 slot, u32 kinds)
{
	struct generation *g = bpf_map_lookup_elem(&generations, &slot);
	struct set subjects;

	if (!g)
		return 0;
	who_at_most(&subjects, g, kinds);
	return any_of(g->unresolved_deny, &subjects, kinds) ? -EPERM : 0;
}

/*
 * Asks for a decision: 1 if there is one to make, and the scratch for it has the
 * policy and the subjects; else what the hook returns.
 */
__noinline int ask(u32 hook, u32 kinds)
{
	struct control_block *c = armed();

	if (!c || !concerned(kinds))
		return 0;
	u32 slot = c->slot;

	if (!new_scratch(hook, slot))
		return refused(slot, kinds);
	if (identify(kinds))
		return 1;
	end();
	return 0;
}

static __always_inline struct scratch *asked(int ret)
{
	return ret > 0 ? scratch_of_task() : NULL;
}

/* What a hook may return; the verifier does not know what functions return. */
static __always_inline int verdict(int ret)
{
	barrier_var(ret);
	return ret < 0 ? -EPERM : 0;
}

static __always_inline u32 generation_flags(u32 slot)
{
	struct generation *g = bpf_map_lookup_elem(&generations, &slot);

	return g ? g->flags : 0;
}

/* An argument as a number, which a pointer is not to the verifier. */
static __always_inline u64 number(const void *argument)
{
	u64 n = 0;

	bpf_probe_read_kernel(&n, sizeof(n), argument);
	return n;
}
