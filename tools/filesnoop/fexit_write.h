/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Rung "fexit": what changes the content and the length of files. */
#pragma once

#include "name.h"

static __always_inline int truncate_ends(void *ctx, u32 slot, struct dentry *dentry,
					 struct vfsmount *mnt, s64 length, s64 ret)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct job *job;

	if (ret || !want_successes || !op_wanted(OP_TRUNCATE))
		return 0;
	job = job_begin(slot, OP_TRUNCATE, 0);
	if (!job)
		return 0;
	job->dentry = dentry;
	job->at[0].dentry = dentry;
	job->at[0].mnt = mnt;
	job->bytes = length;
	job->flags = F_SIZE;
	job_names(job, task);
	return report(ctx, slot);
}

SEC("fexit/vfs_truncate")
int BPF_PROG(truncated, struct path *path, s64 length, s64 ret)
{
	return truncate_ends(ctx, SLOT_TRUNCATE, BPF_CORE_READ(path, dentry),
			     BPF_CORE_READ(path, mnt), length, (s32)ret);
}

/* An open with O_TRUNC and a truncate by name come here as well: neither counts again. */
static __always_inline int truncated_open(void *ctx, s64 length, u32 attrs, struct file *file, s64 ret)
{
	if (!file || (attrs & ATTR_OPEN))
		return 0;
	return truncate_ends(ctx, SLOT_FTRUNCATE, BPF_CORE_READ(file, f_path.dentry),
			     BPF_CORE_READ(file, f_path.mnt), length, (s32)ret);
}

/* Its arguments from the dentry on: dentry, length, attributes, file. */
SEC("fexit/do_truncate")
int truncated_file(void *ctx)
{
	struct file *file = (void *)word_of(ctx, truncate_shape.dentry + 3);

	return truncated_open(ctx, word_of(ctx, truncate_shape.dentry + 1),
			      word_of(ctx, truncate_shape.dentry + 2), file,
			      word_of(ctx, truncate_shape.result));
}

SEC("fexit/security_mmap_file")
int BPF_PROG(mapped, struct file *file, unsigned long prot, unsigned long flags, s64 ret)
{
	u32 type = flags & MAP_TYPE;
	struct job *job;

	if (!file || ret || !want_successes || !(prot & PROT_WRITE) || !op_wanted(OP_MMAP) ||
	    (type != MAP_SHARED && type != MAP_SHARED_VALIDATE))
		return 0;
	job = job_begin(SLOT_MMAP, OP_MMAP, 0);
	if (!job)
		return 0;
	job_file(job, file);
	job->open_flags = flags;
	job->mode = prot;
	job->flags = F_OPEN_FLAGS;
	return report(ctx, SLOT_MMAP);
}

static const struct source nowhere = {};

SEC("fexit/vfs_write")
int BPF_PROG(wrote, struct file *file, const char *buf, u64 size, s64 *pos, s64 ret)
{
	struct source from = { .at = (u64)buf, .len = size };

	return result_wanted(ret) ? written_by_call(ctx, SLOT_WRITE, file, ret, from) : 0;
}

SEC("fexit/vfs_writev")
int BPF_PROG(wrote_vector, struct file *file, void *vec, u64 count, s64 *pos, int flags, s64 ret)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (!result_wanted(ret))
		return 0;
	return written_by_call(ctx, SLOT_WRITEV, file, ret, first_vector(vec, syscall_is_compat(task)));
}

SEC("fexit/vfs_copy_file_range")
int BPF_PROG(copied, struct file *in, s64 pos_in, struct file *out, s64 pos_out, u64 len,
	     unsigned int flags, s64 ret)
{
	return result_wanted(ret) ? written_by_call(ctx, SLOT_COPY, out, ret, nowhere) : 0;
}

/* copy_file_range() splices on file systems that cannot copy. */
static __always_inline bool in_copy_call(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct pt_regs *regs = user_regs(task);
	struct call_desc *desc;

	if (current_syscall(task, regs) == SYSCALL_NONE)
		return false;
	desc = call_of(regs, syscall_is_compat(task));
	return desc && desc->splices;
}

SEC("fexit/iter_file_splice_write")
int BPF_PROG(spliced, void *pipe, struct file *out, s64 *pos, u64 len, unsigned int flags, s64 ret)
{
	if (!result_wanted(ret) || in_copy_call())
		return 0;
	return written_by_call(ctx, SLOT_SPLICE, out, ret, nowhere);
}

/* The last reference to an open file goes. */
SEC("fentry/__fput")
int BPF_PROG(put, struct file *file)
{
	return written_ends(ctx, SLOT_PUT, file);
}
