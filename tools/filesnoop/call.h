/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A system call that has ended, as a job. */
#pragma once

#include "record.h"
#include "write.h"
#include "../../internal/bpf/syscall.h"

/*
 * Which ops are to be taken from system calls: with rung raw_tp all, otherwise
 * those that no other function tells of.
 */
const volatile u64 call_successes = ~0ULL;
const volatile u64 call_failures = ~0ULL;

static __always_inline bool call_wanted(struct call_desc *desc, s64 ret)
{
	u64 ops = ret < 0 && ret >= -MAX_ERRNO ? call_failures : call_successes;

	return (ops & (1ULL << (desc->op & 63))) && result_wanted(ret);
}

/* What the call that the registers belong to does, or NULL if it is none of ours. */
static __always_inline struct call_desc *call_of(struct pt_regs *regs, bool compat)
{
	u32 nr = syscall_number(regs) & ~X32_SYSCALL_BIT;
	struct call_desc *desc;

	if (compat)
		desc = bpf_map_lookup_elem(&compat_calls, &nr);
	else
		desc = bpf_map_lookup_elem(&calls, &nr);
	return desc && desc->op != OP_NONE ? desc : NULL;
}

static __always_inline void read_arguments(struct job *job, struct pt_regs *regs, bool compat)
{
	for (int i = 0; i < 5; i++)
		job->args[i] = syscall_arg(regs, i, compat);
}

/* An argument by its place in the description; 0 where it has none. */
static __always_inline u64 argument(struct job *job, s8 at)
{
	return at < 0 ? 0 : job->args[at & 7];
}

/*
 * Where a name as given begins: the root of the caller, its working directory,
 * or the directory that a descriptor is.
 */
static __always_inline void job_base(struct job *job, u32 which, s8 dirfd, struct task_struct *task)
{
	struct fs_struct___ringside *fs = (void *)BPF_CORE_READ(task, fs);
	struct place *at = &job->at[which];
	char first = 0;
	s32 fd = dirfd < 0 ? AT_FDCWD : (s32)argument(job, dirfd);

	bpf_probe_read_user(&first, sizeof(first), (void *)job->name[which]);
	job->flags |= which ? F_BASE2 : F_BASE;
	if (first == '/') {
		at->dentry = BPF_CORE_READ(fs, root.dentry);
		at->mnt = BPF_CORE_READ(fs, root.mnt);
	} else if (fd == AT_FDCWD) {
		at->dentry = BPF_CORE_READ(fs, pwd.dentry);
		at->mnt = BPF_CORE_READ(fs, pwd.mnt);
	} else {
		struct file *file = file_of_fd(task, fd);

		at->dentry = BPF_CORE_READ(file, f_path.dentry);
		at->mnt = BPF_CORE_READ(file, f_path.mnt);
	}
}

/* The flags and the mode of a call that has them. */
static __always_inline void job_flags(struct job *job, struct call_desc *desc)
{
	if (desc->how) {
		struct open_how___ringside *how = (void *)argument(job, desc->flags);

		/* The layout is that of user space: no field of it moves. */
		bpf_probe_read_user(&job->open_flags, sizeof(job->open_flags), how);
		bpf_probe_read_user(&job->mode, sizeof(job->mode), (void *)how + sizeof(u64));
	} else {
		job->open_flags = argument(job, desc->flags);
		job->mode = argument(job, desc->mode);
	}
	if (desc->flags >= 0 || desc->mode >= 0 || desc->op == OP_RENAME)
		job->flags |= F_OPEN_FLAGS;
}

/* Whether anybody looks at more of it than the name as given. */
static __always_inline bool job_asks_file(u32 op)
{
	return want_files || op != OP_OPEN;
}

/* An open that succeeded: what it is, and where. */
static __always_inline void job_opened(struct job *job, struct file *file)
{
	if (BPF_CORE_READ(file, f_mode) & FMODE_CREATED)
		job->op = OP_CREATE;
	else if (job->open_flags & O_TMPFILE)
		job->op = OP_TMPFILE;
	job_file(job, file);
}

/* Fills the job with what the call says; false if it is no event after all. */
static __always_inline bool job_of_call(struct job *job, struct call_desc *desc,
					struct task_struct *task, s64 ret)
{
	bool failed = ret < 0 && ret >= -MAX_ERRNO;

	job->name[0] = argument(job, desc->name);
	job->name[1] = argument(job, desc->name2);
	job_flags(job, desc);
	if (desc->op == OP_DELETE && (job->open_flags & AT_REMOVEDIR))
		job->op = OP_RMDIR;
	if (desc->size >= 0) {
		job->bytes = argument(job, desc->size);
		job->flags |= F_SIZE;
	}
	if (desc->user >= 0) {
		job->owner = argument(job, desc->user);
		job->group = argument(job, desc->user + 1);
	}
	if (desc->op == OP_OPEN || desc->op == OP_MEMFD) {
		job->fd = failed ? -1 : ret;
		job->flags |= F_FD;
		if (!failed) {
			struct file *file = job_asks_file(desc->op) ? file_of_fd(task, ret) : NULL;

			if (file) { /* or another thread has closed it */
				if (desc->op == OP_OPEN)
					job_opened(job, file);
				else
					job_file(job, file);
				return true;
			}
		}
		if (desc->op == OP_MEMFD)
			return true;
	}
	if (desc->fd >= 0) {
		struct file *file;

		job->fd = argument(job, desc->fd);
		job->flags |= F_FD;
		file = file_of_fd(task, job->fd);
		if (!file)
			return true;
		job_file(job, file);
		return true;
	}
	if (desc->name >= 0 && job_asks_file(desc->op))
		job_base(job, 0, desc->dirfd, task);
	/* The target of a symbolic link and the name of an attribute are in no directory. */
	if (desc->op == OP_RENAME || desc->op == OP_LINK)
		job_base(job, 1, desc->dirfd2, task);
	return true;
}

static __always_inline bool mapping_counts(struct job *job)
{
	u32 type = job->open_flags & MAP_TYPE;

	return (job->mode & PROT_WRITE) && (type == MAP_SHARED || type == MAP_SHARED_VALIDATE) && job->at[0].dentry;
}

/* A call that ended, by its description. slot is the program's own. */
static __always_inline int call_ended(void *ctx, struct pt_regs *regs, s64 ret, u32 slot,
				      struct call_desc *desc, bool compat)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct job *job = job_begin(slot, desc->op, ret);

	if (!job)
		return 0;
	read_arguments(job, regs, compat);
	if (desc->op == OP_WRITE) {
		struct source from = { .at = argument(job, desc->name), .len = SAMPLE_MAX };

		if (desc->how)
			from = first_vector((void *)from.at, compat);
		return written_by_call(ctx, slot, file_of_fd(task, argument(job, desc->fd)), ret, from);
	}
	if (!job_of_call(job, desc, task, ret))
		return 0;
	if (desc->op == OP_MMAP) {
		if (!mapping_counts(job))
			return 0;
		job->ret = ret < 0 && ret >= -MAX_ERRNO ? ret : 0;
	}
	if (!op_wanted(job->op))
		return 0;
	return report(ctx, slot);
}
