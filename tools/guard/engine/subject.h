/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Who the current task is: the set of subjects that it is one of.
 *
 * What a task executes is written down when it executes (label.h) and not read
 * from its memory map, which it can change. Users and cgroups are looked up at
 * each decision, because they change in between.
 */
#pragma once

#include "tables.h"

#define PF_KTHREAD 0x00200000
#define CGROUP_LEVELS 32 /* that a policy's can be deep; the engine knows */

struct label {
	struct set exe; /* subjects whose executable it is, or descends from */
};

/* Tasks that have a label; the others have none of those subjects. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 17);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u64); /* task_struct */
	__type(value, struct label);
} labels SEC(".maps");

/* What is not decided where memory is short; told by status. */
struct doubts {
	u64 no_memory;  /* for a decision or a label */
	u64 unresolved; /* paths that could not be found out */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct doubts);
} doubts SEC(".maps");

#define DOUBT(field)                                                          \
	do {                                                                  \
		u32 zero_ = 0;                                                \
		struct doubts *d_ = bpf_map_lookup_elem(&doubts, &zero_);     \
		if (d_)                                                       \
			__sync_fetch_and_add(&d_->field, 1);                  \
	} while (0)

/*
 * The task that acts: the current one, but for a worker of io_uring before 5.12,
 * which is a thread of the kernel with the memory of whom it works for. NULL for
 * threads of the kernel that work for nobody.
 */
static __always_inline struct task_struct *actor(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (!(BPF_CORE_READ(task, flags) & PF_KTHREAD))
		return task;
	struct mm_struct *mm = BPF_CORE_READ(task, mm);

	if (mm && bpf_core_field_exists(mm->owner))
		return BPF_CORE_READ(mm, owner);
	return NULL;
}

/* When the current process was started, by a clock that only tells processes apart. */
static __always_inline u64 process_start(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return BPF_CORE_READ(task, group_leader, start_time);
}

/* The process that loads policies, as long as it is that. */
static __always_inline bool is_agent(const struct control_block *c)
{
	return bpf_get_current_pid_tgid() >> 32 == c->agent && process_start() == c->agent_started;
}

static __always_inline struct label *label_of(struct task_struct *task)
{
	u64 key = (u64)task;

	return bpf_map_lookup_elem(&labels, &key);
}

static __always_inline void add_found(struct set *to, u32 slot, u32 *id)
{
	if (!id)
		return;
	struct set *set = lookup(&sets, slot, id);

	if (set)
		add_set(to, set);
}

enum { USER_SUBJECT, USER_RULE };

static __always_inline void add_user(struct set *to, u32 slot, u32 space, u32 id)
{
	struct user_key key = { .prefix = 64, .space = bpf_htonl(space), .id = bpf_htonl(id) };

	add_found(to, slot, lookup(&users, slot, &key));
}

/* Takes tasks out of the subjects that except them. */
static __always_inline void remove_exceptions(struct set *out, const struct generation *g)
{
	for (int i = 0; i < EXCEPTIONS && i < g->exceptions; i++) {
		const struct exception *e = &g->exception[i];

		if (meets(out, &e->to))
			out->w[(e->bit >> 6) & (WORDS - 1)] &= ~(1ull << (e->bit & 63));
	}
}

/*
 * The subjects without a definition. A decision of a network takes process 1 for a
 * task like others, since it binds what other processes ask it to.
 */
static __always_inline u64 builtin(struct task_struct *task, u32 pid, u32 kinds)
{
	if (!task)
		return 1 << SUBJECT_KERNEL;
	if (pid != 1)
		return 1 << SUBJECT_ALL;
	return kinds & (IS(CONNECT) | IS(BIND)) ? 1 << SUBJECT_ALL | 1 << SUBJECT_INIT :
						  1 << SUBJECT_INIT;
}

/* The subjects of the current task, quickly: some more, by cgroup, user and exception. */
static __always_inline void who_at_most(struct set *out, const struct generation *g, u32 kinds)
{
	struct task_struct *task = actor();

	__builtin_memset(out, 0, sizeof(*out));
	if (task && g->flags & HAS_NAMED) {
		struct label *label = g->flags & HAS_EXE ? label_of(task) : NULL;

		*out = g->no_exe;
		if (label)
			add_set(out, &label->exe);
		out->w[0] &= ~0xfull;
	}
	out->w[0] |= builtin(task, bpf_get_current_pid_tgid() >> 32, kinds);
}
