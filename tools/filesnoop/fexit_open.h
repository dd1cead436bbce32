/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Rung "fexit": files that are opened, and those without a name. */
#pragma once

#include "name.h"

static __always_inline int open_ends(void *ctx, s32 dirfd, const char *name,
				     struct open_how___ringside *how, s32 ret, u32 copy)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u32 slot = SLOT_OPEN + copy;

	if (!result_wanted(ret) || !handle_once(copy, (u64)task, (u64)name << 16 ^ (u32)ret))
		return 0;
	struct job *job = job_begin(slot, OP_OPEN, ret);

	if (!job)
		return 0;
	bpf_probe_read_kernel(&job->open_flags, sizeof(job->open_flags), how);
	bpf_probe_read_kernel(&job->mode, sizeof(job->mode), (void *)how + sizeof(u64));
	job->flags = F_OPEN_FLAGS | F_FD;
	job->name[0] = (u64)name;
	if (ret >= 0) {
		struct file *file = want_files ? file_of_fd(task, ret) : NULL;

		job->fd = ret;
		if (file)
			job_opened(job, file);
	}
	if (want_files && !job->at[0].dentry) {
		job->args[0] = (u32)dirfd;
		job_base(job, 0, 0, task);
	}
	return op_wanted(job->op) ? report(ctx, slot) : 0;
}

#define OPENED(program, copy)                                                             \
	SEC("fexit/do_sys_openat2")                                                       \
	int BPF_PROG(program, int dirfd, const char *name, void *how, s64 ret)            \
	{                                                                                 \
		return open_ends(ctx, dirfd, name, how, ret, copy);                       \
	}
OPENED(opened, 0)
OPENED(opened_backup, 1)
OPENED(opened_backup2, 2)

/* Opens that are no system call of that name: of io_uring, and of the kernel for a task. */
static __always_inline bool in_open_call(struct task_struct *task)
{
	struct pt_regs *regs = user_regs(task);
	struct call_desc *desc;

	if (current_syscall(task, regs) == SYSCALL_NONE)
		return false;
	desc = call_of(regs, syscall_is_compat(task));
	return desc && desc->op == OP_OPEN;
}

SEC("fexit/do_filp_open")
int BPF_PROG(opened_otherwise, int dirfd, struct filename *name, struct open_flags *flags, u64 ret)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	bool failed = ret >= (u64)-MAX_ERRNO;

	if (!result_wanted(failed ? (s64)ret : 0) || in_open_call(task))
		return 0;
	u32 how = BPF_CORE_READ(flags, open_flag);

	if (how & FMODE_EXEC_FLAG)
		return 0; /* an exec, which execsnoop is for */
	struct job *job = job_begin(SLOT_OPEN_OTHER, OP_OPEN, failed ? ret : 0);

	if (!job)
		return 0;
	job->open_flags = how;
	job->mode = BPF_CORE_READ(flags, mode);
	job->flags = F_OPEN_FLAGS;
	job->kernel_name[0] = BPF_CORE_READ(name, name);
	if (!failed)
		job_opened(job, (struct file *)ret);
	return op_wanted(job->op) ? report(ctx, SLOT_OPEN_OTHER) : 0;
}

#define MEMFD_PREFIX "memfd:" /* in front of the name that the caller gave */

SEC("fexit/shmem_file_setup")
int made_memfd(void *ctx)
{
	const char *name = (void *)WORD(0);
	u64 ret = word_of(ctx, memfd_shape.result);
	char prefix[sizeof(MEMFD_PREFIX)] = {};
	struct job *job;

	if (!want_successes || ret >= (u64)-MAX_ERRNO)
		return 0;
	bpf_probe_read_kernel(prefix, sizeof(prefix) - 1, name);
	for (int i = 0; i < sizeof(prefix) - 1; i++) {
		if (prefix[i] != MEMFD_PREFIX[i])
			return 0; /* memory of the kernel's own */
	}
	job = job_begin(SLOT_MEMFD, OP_MEMFD, 0);
	if (!job)
		return 0;
	job->kernel_name[0] = name + sizeof(MEMFD_PREFIX) - 1;
	job_file(job, (struct file *)ret);
	return report(ctx, SLOT_MEMFD);
}
