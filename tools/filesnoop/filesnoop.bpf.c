//go:build ignore
/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * filesnoop: one record for everything that is done to files by name, and on
 * request for what is written to them.
 */
#include "name.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* bpf2go makes Go types from these. */
const struct file_record *unused_file_record __attribute__((unused));
const struct call_desc *unused_call_desc __attribute__((unused));
const struct shape *unused_shape __attribute__((unused));
const struct prefix *unused_prefix __attribute__((unused));

/* ---- rung "raw_tp": all system calls of the machine, so the cheapest test comes first ---- */

static __always_inline int call_exits(void *ctx, struct pt_regs *regs, s64 ret, u32 copy)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	bool compat = syscall_is_compat(task);
	struct call_desc *desc = call_of(regs, compat);

	if (!desc || desc->op == OP_CLOSE || !call_wanted(desc, ret))
		return 0;
	if (!handle_once(copy, (u64)task, (u64)syscall_number(regs) << 32 | (u32)ret))
		return 0;
	return call_ended(ctx, regs, ret, SLOT_CALL + copy, desc, compat);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(call_exit, struct pt_regs *regs, long ret)
{
	return call_exits(ctx, regs, ret, 0);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(call_exit_backup, struct pt_regs *regs, long ret)
{
	return call_exits(ctx, regs, ret, 1);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(call_exit_backup2, struct pt_regs *regs, long ret)
{
	return call_exits(ctx, regs, ret, 2);
}

/*
 * A descriptor goes: by close, by dup2 or dup3 that take its number, or with the
 * process. What was written is told then, though another descriptor may lead to
 * the same open file: what comes through that is told again.
 */
SEC("raw_tp/sys_enter")
int BPF_PROG(call_enter, struct pt_regs *regs, long nr)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	bool compat = syscall_is_compat(task);
	u32 key = nr & ~X32_SYSCALL_BIT;
	struct call_desc *desc;

	if (compat)
		desc = bpf_map_lookup_elem(&compat_calls, &key);
	else
		desc = bpf_map_lookup_elem(&calls, &key);
	if (!desc || desc->op != OP_CLOSE)
		return 0;
	struct file *file = file_of_fd(task, syscall_arg(regs, desc->fd, compat));

	return file ? written_ends(ctx, SLOT_CLOSE, file) : 0;
}

#define EXIT_FDS 1024  /* descriptors that a process that ends is looked through for */
#define EXIT_FILES 8   /* files that were written, of which it can tell */

/*
 * Looks for the next descriptor of the current task that was written to; 0 if
 * there is none. It goes on from scratch.job.fd, and leaves there what it found. A
 * function of its own, that the verifier looks at once; and the number is in a
 * map, since the verifier of 5.10 fails to follow one into such a function.
 */
__noinline int next_written(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u32 slot = SLOT_EXIT;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!s)
		return 0;
	for (int i = 0; i < EXIT_FDS; i++) {
		u64 key;

		s->exit_fd++;
		if (s->exit_fd >= EXIT_FDS)
			return 0;
		key = (u64)file_of_fd(task, s->exit_fd);
		if (key && bpf_map_lookup_elem(&written, &key))
			return 1;
	}
	return 0;
}

SEC("raw_tp/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	u32 slot = SLOT_EXIT;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!s || BPF_CORE_READ(task, signal, live.counter))
		return 0;
	s->exit_fd = -1;
	for (int i = 0; i < EXIT_FILES; i++) {
		if (!next_written())
			return 0;
		written_ends(ctx, SLOT_EXIT, file_of_fd(task, s->exit_fd));
	}
	if (op_wanted(OP_CLOSE) && next_written()) {
		COUNT(seen);
		COUNT(lost);
	}
	return 0;
}

/* ---- calls, rung "fexit": the functions behind the system calls that nothing better is for ---- */

SEC("fexit/unlinkat")
int BPF_PROG(call_done, struct pt_regs *regs, long ret)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	bool compat = syscall_is_compat(task);
	struct call_desc *desc = call_of(regs, compat);

	if (!desc || !call_wanted(desc, ret))
		return 0;
	return call_ended(ctx, regs, ret, SLOT_CALL, desc, compat);
}

/* ---- opens, rung "fexit" ---- */

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
		struct file *file = file_of_fd(task, ret);

		job->fd = ret;
		if (file)
			job_opened(job, file);
	}
	if (!job->at[0].dentry) {
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

/* ---- names, rung "fexit" ---- */

#define ASKED_IN_DIR(program, function, op_)                                              \
	SEC("fentry/" #function)                                                          \
	int BPF_PROG(program, struct path *dir, struct dentry *dentry)                    \
	{                                                                                 \
		struct pending *p = pending_begin(op_, dentry);                           \
											  \
		if (p)                                                                    \
			place_in(&p->at[0], dir, dentry);                                 \
		return 0;                                                                 \
	}
ASKED_IN_DIR(asked_unlink, security_path_unlink, OP_DELETE)
ASKED_IN_DIR(asked_rmdir, security_path_rmdir, OP_RMDIR)

#define ASKED_TO_MAKE(program, function, op_)                                             \
	SEC("fentry/" #function)                                                          \
	int BPF_PROG(program, struct path *dir, struct dentry *dentry, unsigned short mode) \
	{                                                                                 \
		struct pending *p = pending_begin(op_, dentry);                           \
											  \
		if (p) {                                                                  \
			place_in(&p->at[0], dir, dentry);                                 \
			p->mode = mode;                                                   \
		}                                                                         \
		return 0;                                                                 \
	}
ASKED_TO_MAKE(asked_mkdir, security_path_mkdir, OP_MKDIR)
ASKED_TO_MAKE(asked_mknod, security_path_mknod, OP_MKNOD)

SEC("fentry/security_path_symlink")
int BPF_PROG(asked_symlink, struct path *dir, struct dentry *dentry, const char *target)
{
	struct pending *p = pending_begin(OP_SYMLINK, dentry);

	if (p) {
		place_in(&p->at[0], dir, dentry);
		p->target = target;
	}
	return 0;
}

/* Both names of a link are on the same mount. */
SEC("fentry/security_path_link")
int BPF_PROG(asked_link, struct dentry *old, struct path *dir, struct dentry *dentry)
{
	struct pending *p = pending_begin(OP_LINK, dentry);

	if (p) {
		p->at[0].dentry = old;
		p->at[0].mnt = BPF_CORE_READ(dir, mnt);
		place_in(&p->at[1], dir, dentry);
	}
	return 0;
}

SEC("fentry/security_path_rename")
int BPF_PROG(asked_rename, struct path *old_dir, struct dentry *old, struct path *new_dir,
	     struct dentry *new, unsigned int flags)
{
	struct pending *p = pending_begin(OP_RENAME, old);

	if (p) {
		place_in(&p->at[0], old_dir, old);
		place_in(&p->at[1], new_dir, new);
		p->flags = flags;
	}
	return 0;
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

#define DONE(program, function, shape, slot)                                              \
	SEC("fexit/" #function)                                                           \
	int program(void *ctx)                                                            \
	{                                                                                 \
		return pending_ends(ctx, slot, word_of(ctx, shape.dentry),                \
				    (s32)word_of(ctx, shape.result));                     \
	}
DONE(unlinked, vfs_unlink, unlink_shape, SLOT_UNLINK)
DONE(linked, vfs_link, link_shape, SLOT_LINK)
DONE(symlinked, vfs_symlink, symlink_shape, SLOT_SYMLINK)
DONE(made_node, vfs_mknod, mknod_shape, SLOT_MKNOD)
DONE(made_file, vfs_create, create_shape, SLOT_CREATE)

/*
 * The result is an errno, or from 6.15 on a dentry or an errno as a pointer. Of an
 * errno the upper half may be anything that is no address.
 */
static __always_inline s64 made_dir_failed(u64 ret)
{
	if (ret >> 32 == 0)
		return (s32)ret;
	return ret >= (u64)-MAX_ERRNO;
}

SEC("fexit/vfs_mkdir")
int made_dir(void *ctx)
{
	u64 dentry = word_of(ctx, mkdir_shape.dentry);
	u64 ret = 0;

	/* As a number: the verifier lets nobody look at the bits of a pointer. */
	bpf_probe_read_kernel(&ret, sizeof(ret), ctx + mkdir_shape.result * sizeof(u64));
	return pending_ends(ctx, SLOT_MKDIR, dentry, made_dir_failed(ret));
}

/*
 * A directory is removed for good when what is remembered below it goes. In some
 * kernels, such as 5.10, vfs_rmdir is a part of its caller, where nothing attaches.
 */
SEC("fentry/shrink_dcache_parent")
int BPF_PROG(removed_dir, struct dentry *dentry)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u64 key = (u64)task;
	struct pending *p = bpf_map_lookup_elem(&pending, &key);

	if (!p || p->op != OP_RMDIR)
		return 0;
	return pending_ends(ctx, SLOT_RMDIR, (u64)dentry, 0);
}

SEC("fexit/vfs_rename")
int BPF_PROG(renamed, struct renamedata *rd, s64 ret)
{
	return pending_ends(ctx, SLOT_RENAME, (u64)BPF_CORE_READ(rd, old_dentry), (s32)ret);
}

/* ---- files without a name, rung "fexit" ---- */

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

/* ---- lengths, rung "fexit" ---- */

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

/* ---- what is written, rung "fexit" ---- */

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

SEC("fexit/vfs_write")
int BPF_PROG(wrote, struct file *file, const char *buf, u64 size, s64 *pos, s64 ret)
{
	return result_wanted(ret) ? written_by_call(ctx, SLOT_WRITE, file, ret) : 0;
}

SEC("fexit/vfs_writev")
int BPF_PROG(wrote_vector, struct file *file, void *vec, u64 count, s64 *pos, int flags, s64 ret)
{
	return result_wanted(ret) ? written_by_call(ctx, SLOT_WRITEV, file, ret) : 0;
}

SEC("fexit/vfs_copy_file_range")
int BPF_PROG(copied, struct file *in, s64 pos_in, struct file *out, s64 pos_out, u64 len,
	     unsigned int flags, s64 ret)
{
	return result_wanted(ret) ? written_by_call(ctx, SLOT_COPY, out, ret) : 0;
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
	return written_by_call(ctx, SLOT_SPLICE, out, ret);
}

/* The last reference to an open file goes. */
SEC("fentry/__fput")
int BPF_PROG(put, struct file *file)
{
	return written_ends(ctx, SLOT_PUT, file);
}
