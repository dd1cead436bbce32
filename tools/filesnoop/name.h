/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Operations on names: delete, rename, link and their like.
 *
 * Before each of them the kernel asks the security modules, with the directory as
 * a path: dentry and mount. Right after that one function does it, whose result
 * is that of the operation. The first is remembered by task, the second reports.
 * What fails before or there is not seen: for that there are the system calls.
 */
#pragma once

#include "call.h"

/*
 * Where the functions have their dentry and, behind their arguments, the result:
 * both moved several times from 5.10 to 7.3. The command finds out by the names of
 * the arguments.
 */
struct shape {
	u32 dentry;
	u32 result;
};

const volatile struct shape unlink_shape = {};
const volatile struct shape link_shape = {};
const volatile struct shape symlink_shape = {};
const volatile struct shape mkdir_shape = {};
const volatile struct shape mknod_shape = {};
const volatile struct shape create_shape = {};
const volatile struct shape truncate_shape = {};
const volatile struct shape memfd_shape = {};

static const struct pending nothing_pending = {};

/* Begins an operation of the current task; the last one that did not end is forgotten. */
static __always_inline struct pending *pending_begin(u32 op, struct dentry *dentry)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u64 key = (u64)task;
	struct pending *p;

	if (!op_wanted(op) || !want_successes)
		return NULL;
	if (bpf_map_update_elem(&pending, &key, &nothing_pending, BPF_ANY))
		return NULL;
	p = bpf_map_lookup_elem(&pending, &key);
	if (!p)
		return NULL;
	p->op = op;
	p->dentry = (u64)dentry;
	return p;
}

static __always_inline void place_in(struct place *at, struct path *dir, struct dentry *dentry)
{
	const unsigned char *name = BPF_CORE_READ(dentry, d_name.name);
	u32 len = BPF_CORE_READ(dentry, d_name.len) & 255;

	at->dentry = BPF_CORE_READ(dir, dentry);
	at->mnt = BPF_CORE_READ(dir, mnt);
	at->leaf_len = len;
	bpf_probe_read_kernel(at->leaf, len, name);
}

/* The names as the caller gave them, if it came by a system call that has them. */
static __always_inline void job_names(struct job *job, struct task_struct *task)
{
	struct pt_regs *regs = user_regs(task);
	bool compat = syscall_is_compat(task);
	struct call_desc *desc;

	if (current_syscall(task, regs) == SYSCALL_NONE)
		return;
	desc = call_of(regs, compat);
	/* unlinkat() deletes files and directories. */
	if (!desc || (desc->op != job->op && !(desc->op == OP_DELETE && job->op == OP_RMDIR)))
		return;
	read_arguments(job, regs, compat);
	job->name[0] = argument(job, desc->name);
	job->name[1] = argument(job, desc->name2);
}

/*
 * Whether the current task is in a system call for names, whose beginning must have
 * been seen: it was forgotten then, for want of room.
 */
static __always_inline bool forgotten(struct task_struct *task)
{
	const u64 names = 1ULL << OP_DELETE | 1ULL << OP_RMDIR | 1ULL << OP_RENAME | 1ULL << OP_LINK |
			  1ULL << OP_SYMLINK | 1ULL << OP_MKDIR | 1ULL << OP_MKNOD;
	struct pt_regs *regs = user_regs(task);
	struct call_desc *desc;

	if (!want_successes || current_syscall(task, regs) == SYSCALL_NONE)
		return false;
	desc = call_of(regs, syscall_is_compat(task));
	return desc && (names & want_ops & (1ULL << (desc->op & 63)));
}

/* The operation on this dentry has ended. Only a success is reported. */
static __always_inline int pending_ends(void *ctx, u32 slot, u64 dentry, s64 ret)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u64 key = (u64)task;
	struct pending *p = bpf_map_lookup_elem(&pending, &key);
	struct job *job;

	if (!p && !ret && forgotten(task)) {
		COUNT(seen);
		COUNT(lost);
	}
	if (!p || p->dentry != dentry)
		return 0;
	if (ret) {
		bpf_map_delete_elem(&pending, &key);
		return 0;
	}
	job = job_begin(slot, p->op, 0);
	if (job) {
		job->at[0] = p->at[0];
		job->at[1] = p->at[1];
		job->kernel_name[1] = p->target;
		job->open_flags = p->flags;
		job->mode = p->mode;
		job->flags = F_OPEN_FLAGS;
		job->dentry = (void *)dentry;
		job_names(job, task);
		if (p->target)
			job->name[1] = 0;
	}
	bpf_map_delete_elem(&pending, &key);
	return job ? report(ctx, slot) : 0;
}

/* A word of the context, by a number that is constant only when the program is loaded. */
#define WORD(n) ({                                                                        \
	u64 word_ = 0;                                                                    \
	asm volatile("%0 = *(u64 *)(%1 + %2)" : "=r"(word_) : "r"(ctx), "i"((n) * 8));    \
	word_; })

static __always_inline u64 word_of(void *ctx, u32 n)
{
	if (n == 0)
		return WORD(0);
	if (n == 1)
		return WORD(1);
	if (n == 2)
		return WORD(2);
	if (n == 3)
		return WORD(3);
	if (n == 4)
		return WORD(4);
	if (n == 5)
		return WORD(5);
	return WORD(6);
}
