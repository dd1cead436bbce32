/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is written to files: the first time an open file is, and the sum at its end. */
#pragma once

#include "record.h"

static __always_inline bool is_regular(struct file *file)
{
	return (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) == S_IFREG;
}

/* Where a call had the bytes that it wrote; 0 where that is not in memory. */
struct source {
	u64 at;
	u64 len;
};

/* The first of the vectors that a call like writev() was given. */
static __always_inline struct source first_vector(const void *vectors, bool compat)
{
	struct source from = {};
	u32 small[2] = {};

	if (!compat) {
		bpf_probe_read_user(&from, sizeof(from), vectors);
		return from;
	}
	bpf_probe_read_user(small, sizeof(small), vectors);
	from.at = small[0];
	from.len = small[1];
	return from;
}

/* A call has written ret bytes to the file, or failed. */
static __always_inline int written_by_call(void *ctx, u32 slot, struct file *file, s64 ret, struct source from)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u64 key = (u64)file;
	struct written first = {};
	struct written *w;

	if (!file || !is_regular(file))
		return 0;
	if (ret >= 0 && from.len > ret)
		from.len = ret;
	if (!from.at)
		from.len = 0;
	if (ret >= 0 && want_successes) {
		w = bpf_map_lookup_elem(&written, &key);
		if (w) {
			__sync_fetch_and_add(&w->bytes, ret);
			__sync_fetch_and_add(&w->writes, 1);
			if (!want_sample || w->sampled || from.len < SAMPLE_LEAST)
				return 0;
			w->sampled = 1;
		} else if (passes(task)) {
			/* What does not pass is not remembered, and so has no sum either. */
			first.bytes = ret;
			first.writes = 1;
			first.sampled = from.len >= SAMPLE_LEAST;
			bpf_map_update_elem(&written, &key, &first, BPF_ANY);
		}
	}
	if (!op_wanted(OP_WRITE))
		return 0;
	struct job *job = job_begin(slot, OP_WRITE, ret < 0 ? ret : 0);

	if (!job)
		return 0;
	job_file(job, file);
	if (ret >= 0) {
		job->bytes = ret;
		job->writes = 1;
		job->flags |= F_SIZE;
		job->sample = from.at;
		job->sample_len = from.len;
	}
	return report(ctx, slot);
}

/* The file ends, or a descriptor of it. */
static __always_inline int written_ends(void *ctx, u32 slot, struct file *file)
{
	u64 key = (u64)file;
	struct written *w = bpf_map_lookup_elem(&written, &key);
	struct job *job;

	if (!w)
		return 0;
	job = job_begin(slot, OP_CLOSE, 0);
	if (job) {
		job_file(job, file);
		job->bytes = w->bytes;
		job->writes = w->writes;
		job->flags |= F_SIZE;
	}
	bpf_map_delete_elem(&written, &key);
	if (!job || !op_wanted(OP_CLOSE))
		return 0;
	return report(ctx, slot);
}
