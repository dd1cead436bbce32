//go:build ignore
/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * execsnoop: one record for every exec.
 *
 * A success is seen at sched_process_exec, where the new image exists: its
 * arguments are then read from the image itself, so no other thread can have
 * rewritten them and every page of them is resident. A failure is seen at the
 * exit of the system call, with the arguments that the caller gave.
 */
#include "../../internal/bpf/container.h"
#include "../../internal/bpf/filter.h"
#include "../../internal/bpf/path.h"
#include "../../internal/bpf/syscall.h"
#include "argv.h"
#include "execsnoop.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* bpf2go makes the Go type from this. */
const struct exec_record *unused_exec_record __attribute__((unused));

/* ---- helpers ---- */

/* The file behind the new image: its path, and where it comes from. */
static __always_inline void fill_image(struct scratch *s, struct file *file)
{
	struct exec_record *rec = &s->rec;
	struct buffer *b = &s->strings;
	u32 before = b->len;
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct super_block *sb = BPF_CORE_READ(inode, i_sb);
	unsigned long magic = BPF_CORE_READ(sb, s_magic);

	int walk = path_append(b, &file->f_path);
	if (walk == PATH_CUT)
		rec->flags |= F_EXE_CUT;
	if (walk == PATH_DETACHED) {
		rec->flags |= F_EXE_DETACHED;
		if (BPF_CORE_READ(sb, s_flags) & SB_KERNMOUNT)
			rec->flags |= F_MEMFD;
	}
	rec->exe_len = b->len - before;

	rec->inode = BPF_CORE_READ(inode, i_ino);
	rec->dev = BPF_CORE_READ(sb, s_dev);
	if (BPF_CORE_READ(inode, i_nlink) == 0)
		rec->flags |= F_DELETED;
	if (magic == OVERLAYFS_MAGIC) {
		/*
		 * struct ovl_inode ends in { struct inode vfs_inode;
		 * struct dentry *__upperdentry; … } from 4.13 to 7.3, and the
		 * module's BTF is not always there: take what follows the inode.
		 */
		void *upper = NULL;

		rec->flags |= F_OVERLAY;
		bpf_probe_read_kernel(&upper, sizeof(upper),
				      (void *)inode + bpf_core_type_size(struct inode));
		if (upper)
			rec->flags |= F_UPPER;
	}
}

static __always_inline void fill_cwd(struct scratch *s, struct task_struct *task)
{
	struct buffer *b = &s->strings;
	u32 before = b->len;
	struct fs_struct *fs = BPF_CORE_READ(task, fs);

	int walk = path_append(b, &fs->pwd);
	if (walk == PATH_CUT)
		s->rec.flags |= F_CWD_CUT;
	if (walk == PATH_DETACHED)
		s->rec.flags |= F_CWD_DETACHED;
	s->rec.cwd_len = b->len - before;
}

/* Assigns every field that does not depend on the outcome, and clears the rest. */
static __always_inline struct scratch *begin_record(u32 slot, u32 kind, struct task_struct *task)
{
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	struct exec_record *rec;

	if (!s)
		return NULL;
	rec = &s->rec;
	__builtin_memset(rec, 0, sizeof(*rec));
	s->strings.len = 0;
	record_head_fill(&rec->head, kind, task);
	rec->from_tid = rec->head.tid;
	rec->cpu = bpf_get_smp_processor_id();
	rec->euid = BPF_CORE_READ(task, cred, euid.val);
	rec->dirfd = AT_FDCWD;
	if (bpf_core_field_exists(task->loginuid) && bpf_core_field_exists(task->sessionid)) {
		rec->loginuid = BPF_CORE_READ(task, loginuid.val);
		rec->sessionid = BPF_CORE_READ(task, sessionid);
		rec->flags |= F_AUDIT;
	}
	BPF_CORE_READ_INTO(&rec->parent_comm, task, real_parent, comm);
	return s;
}

static __always_inline void end_record(void *ctx, struct scratch *s)
{
	u32 len = *(volatile u32 *)&s->strings.len;

	if (len > BUFFER_SIZE)
		len = BUFFER_SIZE;
	if (s->rec.flags & (F_ARGS_CUT | F_EXE_CUT | F_CWD_CUT))
		COUNT(truncated);
	if (s->rec.flags & (F_ARGS_UNREADABLE | F_FILENAME_UNREADABLE))
		COUNT(unreadable);
	submit(ctx, s, sizeof(s->rec) + offsetof(struct buffer, data) + len);
}

static __always_inline bool passes(struct task_struct *task)
{
	if (filter_by_ppid && BPF_CORE_READ(task, real_parent, tgid) != filter_ppid)
		return false;
	return filter_passes(task);
}

/* ---- success ---- */

/* Takes the time of entry out of the pending map; 0 if it is not there. */
static __always_inline u64 take_entry(u64 task)
{
	u64 *began = bpf_map_lookup_elem(&pending, &task);
	u64 began_ns = began ? *began : 0;

	if (began)
		bpf_map_delete_elem(&pending, &task);
	return began_ns;
}

static __always_inline int exec_succeeded(void *ctx, struct task_struct *task, u32 old_tid,
					  struct linux_binprm *bprm, u32 copy)
{
	/* An exec gets a new mm while the old one is still there. */
	if (!handle_once(copy, (u64)task, (u64)BPF_CORE_READ(task, mm)))
		return 0;
	u64 began_ns = take_entry((u64)task);

	COUNT(seen);
	if (!passes(task)) {
		COUNT(filtered);
		return 0;
	}
	struct scratch *s = begin_record(SCRATCH_EXEC + copy, KIND_EXEC, task);
	if (!s) {
		COUNT(lost);
		return 0;
	}
	struct exec_record *rec = &s->rec;
	struct buffer *b = &s->strings;

	rec->from_tid = old_tid; /* a thread takes its leader's id when it execs */
	rec->argc = BPF_CORE_READ(bprm, argc);
	if (began_ns)
		rec->duration_ns = rec->head.time_ns - began_ns;

	const char *filename = BPF_CORE_READ(bprm, filename);
	const char *interp = BPF_CORE_READ(bprm, interp);
	long n = buffer_kernel_str(b, filename, FILENAME_MAX);
	rec->filename_len = n > 0 ? n : 0;
	if (interp != filename) {
		n = buffer_kernel_str(b, interp, INTERP_MAX);
		rec->interp_len = n > 0 ? n : 0;
	}
	u64 start = BPF_CORE_READ(task, mm, arg_start);
	u64 size = BPF_CORE_READ(task, mm, arg_end) - start;
	rec->args_bytes = size;
	if (size > args_max) {
		size = args_max;
		rec->flags |= F_ARGS_CUT;
	}
	n = buffer_user_bytes(b, (void *)start, size);
	if (n < 0)
		rec->flags |= F_ARGS_UNREADABLE;
	else
		rec->args_len = n;
	if (want_paths) {
		rec->flags |= F_PATHS;
		fill_image(s, BPF_CORE_READ(bprm, file));
		fill_cwd(s, task);
		rec->container_len = container_append(b, task);
	}

	end_record(ctx, s);
	return 0;
}

SEC("raw_tp/sched_process_exec")
int BPF_PROG(exec_done, struct task_struct *task, s32 old_tid, struct linux_binprm *bprm)
{
	return exec_succeeded(ctx, task, old_tid, bprm, 0);
}

SEC("raw_tp/sched_process_exec")
int BPF_PROG(exec_done_backup, struct task_struct *task, s32 old_tid, struct linux_binprm *bprm)
{
	return exec_succeeded(ctx, task, old_tid, bprm, 1);
}

SEC("raw_tp/sched_process_exec")
int BPF_PROG(exec_done_backup2, struct task_struct *task, s32 old_tid, struct linux_binprm *bprm)
{
	return exec_succeeded(ctx, task, old_tid, bprm, 2);
}

/* ---- failure ---- */

static __always_inline void note_entry(void)
{
	u64 task = bpf_get_current_task();
	u64 now = clock_ns();

	bpf_map_update_elem(&pending, &task, &now, BPF_ANY);
}

/* The exit of an exec system call. slot is the program's own scratch. */
static __always_inline int exec_failed(void *ctx, struct pt_regs *regs, long ret, bool at,
				       bool compat, u32 slot)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u64 began_ns = take_entry((u64)task);

	if (!want_failures || ret >= 0 || ret < -MAX_ERRNO)
		return 0;
	if (-ret >= ERESTARTSYS && -ret <= ERESTART_LAST)
		return 0; /* interrupted: begins again, or the thread dies */

	COUNT(seen);
	if (!passes(task)) {
		COUNT(filtered);
		return 0;
	}
	struct scratch *s = begin_record(SCRATCH_FAIL + slot, KIND_FAIL, task);
	if (!s) {
		COUNT(lost);
		return 0;
	}
	struct exec_record *rec = &s->rec;

	rec->ret = ret;
	if (began_ns)
		rec->duration_ns = rec->head.time_ns - began_ns;
	if (at)
		rec->dirfd = syscall_arg(regs, 0, compat);

	u64 filename = syscall_arg(regs, at ? 1 : 0, compat);
	u64 argv = syscall_arg(regs, at ? 2 : 1, compat);
	long n = buffer_user_str(&s->strings, (void *)filename, FILENAME_MAX);
	if (n > 0)
		rec->filename_len = n;
	else
		rec->flags |= F_FILENAME_UNREADABLE;
	fill_argv(s, argv, compat);
	if (want_paths) {
		rec->flags |= F_PATHS;
		fill_cwd(s, task);
		rec->container_len = container_append(&s->strings, task);
	}

	end_record(ctx, s);
	return 0;
}

/*
 * Rung "fexit": the functions behind the system calls, native and 32-bit. The
 * loader aims the copies at the names that this kernel has, and leaves out
 * those that it lacks. Nothing but exec pays for them.
 */
SEC("fentry/execve")
int BPF_PROG(execve_enter, struct pt_regs *regs)
{
	note_entry();
	return 0;
}

SEC("fexit/execve")
int BPF_PROG(execve_exit, struct pt_regs *regs, long ret)
{
	return exec_failed(ctx, regs, ret, false, false, 0);
}

SEC("fexit/execveat")
int BPF_PROG(execveat_exit, struct pt_regs *regs, long ret)
{
	return exec_failed(ctx, regs, ret, true, false, 1);
}

SEC("fexit/compat_execve")
int BPF_PROG(compat_execve_exit, struct pt_regs *regs, long ret)
{
	return exec_failed(ctx, regs, ret, false, true, 2);
}

SEC("fexit/compat_execveat")
int BPF_PROG(compat_execveat_exit, struct pt_regs *regs, long ret)
{
	return exec_failed(ctx, regs, ret, true, true, 3);
}

/*
 * Rung "raw_tp": every system call of the machine passes here, so the cheapest
 * test comes first: the number at entry, the sign of the result at exit.
 */
SEC("raw_tp/sys_enter")
int BPF_PROG(sys_enter, struct pt_regs *regs, long nr)
{
	if (nr != NR_EXECVE && nr != NR_EXECVEAT && nr != NR_COMPAT_EXECVE &&
	    nr != NR_COMPAT_EXECVEAT)
		return 0;
	bool compat = syscall_is_compat((void *)bpf_get_current_task());

	if (compat == (nr == NR_COMPAT_EXECVE || nr == NR_COMPAT_EXECVEAT))
		note_entry();
	return 0;
}

SEC("raw_tp/sys_exit")
int BPF_PROG(sys_exit, struct pt_regs *regs, long ret)
{
	if (ret >= 0 || ret < -MAX_ERRNO)
		return 0;
	long nr = syscall_number(regs);

	if (nr != NR_EXECVE && nr != NR_EXECVEAT && nr != NR_COMPAT_EXECVE &&
	    nr != NR_COMPAT_EXECVEAT)
		return 0;
	bool compat = syscall_is_compat((void *)bpf_get_current_task());

	if (compat != (nr == NR_COMPAT_EXECVE || nr == NR_COMPAT_EXECVEAT))
		return 0;
	return exec_failed(ctx, regs, ret, nr == NR_EXECVEAT || nr == NR_COMPAT_EXECVEAT,
			   compat, 0);
}
