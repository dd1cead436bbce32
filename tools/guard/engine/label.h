/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Labels: which subjects' executable a task runs, or descends from. */
#pragma once

#include "hooks.h"
#include "ask.h"

/* Adds the sets that the walked path of an executable found. */
__noinline int add_matches(void)
{
	struct scratch *s = scratch_of_task();

	if (!s)
		return 0;
	for (int i = 0; i < MATCHES; i++) {
		if (i >= s->count)
			break;
		add_found(&s->picked, s->slot, &s->id[i]);
	}
	return 0;
}

/* Which subjects an executable makes: left in scratch.picked. */
static __always_inline void match_executable(struct scratch *s, struct file *file)
{
	s->mnt = (u64)BPF_CORE_READ(file, f_path.mnt);
	s->dentry = (u64)BPF_CORE_READ(file, f_path.dentry);
	s->inode = (u64)BPF_CORE_READ(file, f_inode);
	find(SPACE_EXE, generation_flags(s->slot));
	__builtin_memset(&s->picked, 0, sizeof(s->picked));
	add_matches();
	if (s->walk & WALK_UNFINISHED)
		DOUBT(unresolved);
}

struct task_struct___traced {
	unsigned int ptrace; /* flags, 0 where nobody traces it */
} __attribute__((preserve_access_index));

/* Which subjects a task is one of by what it executes: one that is traced is not us. */
static __always_inline void take_executable(struct set *exe, const struct scratch *s, u64 task)
{
	struct task_struct___traced *traced = (void *)task;

	*exe = s->picked;
	if (BPF_CORE_READ(traced, ptrace))
		exe->w[0] &= ~(1ull << SUBJECT_GUARD);
}

/* What stays of a label when the task executes something else. */
static __always_inline void keep_descendants(struct set *to, const struct set *from, u32 slot)
{
	struct generation *g = bpf_map_lookup_elem(&generations, &slot);

	if (!g)
		return;
#pragma unroll
	for (int i = 0; i < WORDS; i++)
		to->w[i] |= from->w[i] & g->descendants.w[i];
}

static __always_inline long put_label(u64 task, const struct set *exe)
{
	struct label label = { .exe = *exe };

	if (!meets(exe, exe)) {
		bpf_map_delete_elem(&labels, &task);
		return 0;
	}
	long err = bpf_map_update_elem(&labels, &task, &label, BPF_ANY);

	if (err)
		DOUBT(no_memory);
	return err;
}

SEC("lsm/bprm_committed_creds")
int BPF_PROG(bprm_committed_creds, struct linux_binprm *bprm)
{
	u64 task = bpf_get_current_task();
	u32 zero = 0;
	struct control_block *c = bpf_map_lookup_elem(&control, &zero);

	if (!c)
		return 0;
	u32 slot = c->label_slot;
	struct scratch *s = new_scratch(HOOK_NONE, slot);
	struct label *old = bpf_map_lookup_elem(&labels, &task);

	if (!s)
		return 0; /* counted; the label that it has stays */
	match_executable(s, bprm->file);
	struct set exe;

	take_executable(&exe, s, task);
	if (old)
		keep_descendants(&exe, &old->exe, slot);
	put_label(task, &exe);
	end();
	return 0;
}

/* A child is what its parent is, until it executes. Without a label there is no child. */
SEC("lsm/task_alloc")
int BPF_PROG(task_alloc, struct task_struct *child, unsigned long clone_flags)
{
	struct task_struct *task = actor();
	struct label *label = task ? label_of(task) : NULL;

	if (label && put_label((u64)child, &label->exe))
		return -12; /* ENOMEM */
	return 0;
}

SEC("lsm/task_free")
int BPF_PROG(task_free, struct task_struct *task)
{
	u64 key = (u64)task;

	bpf_map_delete_elem(&labels, &key);
	return 0;
}

/* A pass over the running tasks. */
struct seeding {
	u64 changed;      /* labels */
	u64 clean;        /* take new subjects away: their bits were those of others */
	struct set fresh; /* subjects that are new: nobody has been one of them yet */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct seeding);
} seeding SEC(".maps");

struct bpf_iter__task___ringside {
	struct task_struct *task;
} __attribute__((preserve_access_index));

/*
 * Gives running tasks the labels of new subjects that they would have if the policy had
 * been there before them, as far as their parents still run. What was written down
 * of the other subjects stays: a task can change what it seems to execute.
 */
SEC("iter/task")
int seed(struct bpf_iter__task___ringside *ctx)
{
	struct task_struct *task = ctx->task;
	u32 zero = 0;
	struct control_block *c = bpf_map_lookup_elem(&control, &zero);
	struct seeding *pass = bpf_map_lookup_elem(&seeding, &zero);

	if (!task || !c || !pass)
		return 0;
	struct file *file = BPF_CORE_READ(task, mm, exe_file);

	if (!file)
		return 0;
	u32 slot = c->label_slot;
	struct scratch *s = new_scratch(HOOK_NONE, slot);

	if (!s)
		return 0;
	match_executable(s, file);
	struct set exe;

	take_executable(&exe, s, (u64)task);
	struct label *parent = label_of(BPF_CORE_READ(task, real_parent));
	struct label *old = label_of(task);
	u64 more = 0;

	if (parent)
		keep_descendants(&exe, &parent->exe, slot);
#pragma unroll
	for (int i = 0; i < WORDS; i++) {
		u64 had = old ? old->exe.w[i] : 0, fresh = pass->fresh.w[i];

		exe.w[i] = pass->clean ? had & ~fresh : had | (exe.w[i] & fresh);
		more |= exe.w[i] ^ had;
	}
	if (more && !put_label((u64)task, &exe))
		pass->changed += 1;
	end();
	return 0;
}
