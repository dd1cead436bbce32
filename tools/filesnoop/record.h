/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whether an event is wanted, and the record that is made of it. */
#pragma once

#include "path.h"
#include "../../internal/bpf/container.h"
#include "../../internal/bpf/filter.h"

static __always_inline bool op_wanted(u32 op)
{
	return want_ops & (1ULL << (op & 63));
}

/* Whether an operation with this result is an event that was asked for. */
static __always_inline bool result_wanted(s64 ret)
{
	if (ret < 0 && ret >= -MAX_ERRNO)
		return want_failures && !(-ret >= ERESTARTSYS && -ret <= ERESTART_LAST);
	return want_successes;
}

static __always_inline bool passes(struct task_struct *task)
{
	if (filter_tid && (u32)bpf_get_current_pid_tgid() != filter_tid)
		return false;
	return filter_passes(task);
}

/* ---- strings ---- */

/* The file that it is about, which has a path. */
static __always_inline void job_file(struct job *job, struct file *file)
{
	job->dentry = BPF_CORE_READ(file, f_path.dentry);
	job->at[0].dentry = job->dentry;
	job->at[0].mnt = BPF_CORE_READ(file, f_path.mnt);
}

/* Appends a name as given, and returns its length without NUL. */
static __always_inline u32 name_of(struct scratch *s, u32 which)
{
	struct job *job = &s->job;
	long n = -1;

	if (job->kernel_name[which])
		n = buffer_kernel_str(&s->strings, job->kernel_name[which], BUFFER_MAX_READ);
	else if (job->name[which])
		n = buffer_user_str(&s->strings, (void *)job->name[which], BUFFER_MAX_READ);
	else
		return 0;
	if (n <= 0) {
		s->rec.flags |= F_UNREADABLE;
		return 0;
	}
	s->rec.flags |= which ? F_NAME2 : F_NAME;
	return n;
}

/* What is known of an event's paths and those sets. */
struct paths_seen {
	bool known;   /* there is one, and all are whole */
	bool only;    /* one of them is in --path */
	bool not;     /* all of them are in --not-path */
};

static __always_inline void see_path(struct paths_seen *seen, struct scratch *s, u32 slot, bool base)
{
	if (base || s->path.flags) {
		seen->known = false;
		return;
	}
	if (filter_prefixes[PREFIX_ONLY] && path_below(slot, PREFIX_ONLY))
		seen->only = true;
	if (filter_prefixes[PREFIX_NOT] && !path_below(slot, PREFIX_NOT))
		seen->not = false;
}

/* False where the filters by path say so already. */
static __always_inline bool fill_names(struct scratch *s, u32 slot)
{
	struct paths_seen seen = { .known = s->job.at[0].dentry, .not = true };

	struct file_record *rec = &s->rec;
	struct job *job = &s->job;

	rec->name_len = name_of(s, 0);
	if (!want_files) {
		if (rec->name_len)
			return true;
		/* The path, then, of what nobody looked for so far. */
		if (!job->at[0].dentry && job->fd >= 0)
			job_file(job, file_of_fd((void *)bpf_get_current_task(), job->fd));
	}
	if (job->at[0].dentry) {
		rec->path_len = path_of(slot, 0);
		rec->flags |= F_PATH;
		if (s->path.flags & PATH_TEXT_CUT)
			rec->flags |= F_PATH_CUT;
		if (s->path.flags & PATH_TEXT_DETACHED)
			rec->flags |= F_PATH_DETACHED;
		see_path(&seen, s, slot, rec->flags & F_BASE);
	}
	rec->name2_len = name_of(s, 1);
	if (job->at[1].dentry) {
		rec->path2_len = path_of(slot, 1);
		rec->flags |= F_PATH2;
		if (s->path.flags & PATH_TEXT_CUT)
			rec->flags |= F_PATH2_CUT;
		if (s->path.flags & PATH_TEXT_DETACHED)
			rec->flags |= F_PATH2_DETACHED;
		see_path(&seen, s, slot, rec->flags & F_BASE2);
	}
	if (!seen.known)
		return true;
	return !(filter_prefixes[PREFIX_ONLY] && !seen.only) && !(filter_prefixes[PREFIX_NOT] && seen.not);
}

static __always_inline void fill_details(struct scratch *s, u32 slot, struct task_struct *task)
{
	struct file_record *rec = &s->rec;
	struct file *exe = BPF_CORE_READ(task, mm, exe_file);

	rec->flags |= F_DETAILS;
	rec->start_ns = BPF_CORE_READ(task, group_leader, start_time);
	if (exe) {
		struct place *at = &s->job.at[0];

		at->dentry = BPF_CORE_READ(exe, f_path.dentry);
		at->mnt = BPF_CORE_READ(exe, f_path.mnt);
		at->leaf_len = 0;
		rec->exe_len = path_of(slot, 0);
		rec->flags |= F_EXE;
		if (s->path.flags & PATH_TEXT_CUT)
			rec->flags |= F_EXE_CUT;
		if (s->path.flags & PATH_TEXT_DETACHED)
			rec->flags |= F_EXE_DETACHED;
	}
	rec->container_len = container_append(&s->strings, task);
}

/* Appends the first bytes of what was written, if they can be read. */
static __always_inline void fill_sample(struct scratch *s)
{
	u64 len = *(volatile u64 *)&s->job.sample_len;
	long n;

	if (!s->job.sample || !len)
		return;
	if (len > SAMPLE_MAX)
		len = SAMPLE_MAX;
	n = buffer_user_bytes(&s->strings, (void *)s->job.sample, len);
	if (n > 0)
		s->rec.sample_len = n;
}

/* ---- the file ---- */

static __always_inline void fill_file(struct file_record *rec, struct job *job)
{
	struct dentry *dentry = job->dentry;
	struct inode *inode = job->inode;

	if (dentry)
		inode = BPF_CORE_READ(dentry, d_inode);
	if (!inode)
		return;
	rec->inode = BPF_CORE_READ(inode, i_ino);
	rec->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	rec->size = BPF_CORE_READ((struct inode___ringside *)inode, i_size);
	rec->file_mode = BPF_CORE_READ(inode, i_mode);
	rec->flags |= F_INODE;
}

/* ---- the record ---- */

/*
 * Reports the job in the scratch of this slot. That is the program's own, but for
 * call_done, which is loaded once for each system call: where the kernel preempts
 * one of them (from 5.12 on, with preempt=full), another may have taken it over.
 */
static __noinline int report(void *ctx, u32 slot)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!s)
		return 0;
	struct file_record *rec = &s->rec;
	struct job *job = &s->job;

	COUNT(seen);
	if (s->owner != (u64)task) {
		COUNT(lost);
		return 0;
	}
	if (!passes(task) || (filter_open_flags && !(job->open_flags & filter_open_flags))) {
		COUNT(filtered);
		return 0;
	}
	__builtin_memset(rec, 0, sizeof(*rec));
	record_head_fill(&rec->head, job->op, task);
	rec->flags = job->flags;
	rec->ret = job->ret;
	rec->fd = job->fd;
	rec->open_flags = job->open_flags;
	rec->mode = job->mode;
	rec->owner = job->owner;
	rec->group = job->group;
	rec->bytes = job->bytes;
	rec->writes = job->writes;
	rec->probe = job->probe;
	if (want_files)
		fill_file(rec, job);
	s->strings.len = 0;
	if (!fill_names(s, slot)) {
		COUNT(filtered);
		return 0;
	}
	if (want_details)
		fill_details(s, slot, task);
	if (want_sample)
		fill_sample(s);
	if (rec->flags & (F_PATH_CUT | F_PATH2_CUT | F_EXE_CUT))
		COUNT(truncated);
	if (rec->flags & F_UNREADABLE)
		COUNT(unreadable);
	u32 len = *(volatile u32 *)&s->strings.len;

	if (len > BUFFER_SIZE)
		len = BUFFER_SIZE;
	if (*(volatile u64 *)&s->owner != (u64)task) {
		COUNT(lost);
		return 0;
	}
	submit(ctx, rec, sizeof(*rec) + offsetof(struct buffer, data) + len);
	return 0;
}

/* A job that says nothing yet. */
static __always_inline struct job *job_begin(u32 slot, u32 op, s32 ret)
{
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!s) { /* a slot that is not made: a mistake in enum slot */
		COUNT(seen);
		COUNT(lost);
		return NULL;
	}
	struct job *job = &s->job;

	s->owner = bpf_get_current_task();
	job->op = op;
	job->ret = ret;
	job->fd = -1;
	job->flags = 0;
	job->open_flags = 0;
	job->mode = 0;
	job->owner = 0;
	job->group = 0;
	job->bytes = 0;
	job->writes = 0;
	job->dentry = NULL;
	job->inode = NULL;
	job->sample = 0;
	job->probe = 0;
	job->sample_len = 0;
	for (int i = 0; i < 2; i++) {
		job->name[i] = 0;
		job->kernel_name[i] = NULL;
		job->at[i].dentry = NULL;
		job->at[i].mnt = NULL;
		job->at[i].leaf_len = 0;
	}
	return job;
}
