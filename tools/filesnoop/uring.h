/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What is done through io_uring and no better hook tells, by the tracepoint of requests
 * that are complete. It has the request from 5.19 on. Names are gone by then: what has
 * an open file can be told, and what was renamed or removed can not.
 */
#pragma once

#include "call.h"
#include "../../internal/bpf/kernel_uring.h"

/* The tracepoint: 5.10 has a number in place of the request, and no request has a cqe there. */
static __always_inline bool is_request(struct io_kiocb *req)
{
	return bpf_core_field_exists(req->cqe) && req;
}

/* Writes, on all rungs: they pass by vfs_write(). */
SEC("raw_tp/io_uring_complete")
int BPF_PROG(uring_wrote, void *ring, struct io_kiocb *req)
{
	s32 ret;
	u8 opcode;

	if (!is_request(req))
		return 0;
	opcode = BPF_CORE_READ(req, opcode);
	if (opcode != IORING_OP_WRITE && opcode != IORING_OP_WRITEV && opcode != IORING_OP_WRITE_FIXED &&
	    opcode != IORING_OP_WRITEV_FIXED)
		return 0;
	ret = BPF_CORE_READ(req, cqe.res);
	if (!result_wanted(ret))
		return 0;
	struct source nowhere_ = {};

	return written_by_call(ctx, SLOT_URING_WRITE, BPF_CORE_READ(req, file), ret, nowhere_);
}

/* Opens that did not fail, on rung raw_tp. */
SEC("raw_tp/io_uring_complete")
int BPF_PROG(uring_opened, void *ring, struct io_kiocb *req)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct io_open *open = (void *)req;
	struct file *file;
	struct job *job;
	s32 ret;
	u8 opcode;

	if (!is_request(req) || !bpf_core_type_exists(struct io_open) || !want_successes)
		return 0;
	opcode = BPF_CORE_READ(req, opcode);
	ret = BPF_CORE_READ(req, cqe.res);
	if ((opcode != IORING_OP_OPENAT && opcode != IORING_OP_OPENAT2) || ret < 0 || BPF_CORE_READ(open, file_slot))
		return 0;
	file = file_of_fd(task, ret);
	job = file ? job_begin(SLOT_URING_OPEN, OP_OPEN, ret) : NULL;
	if (!job)
		return 0;
	job->open_flags = BPF_CORE_READ(open, how.flags);
	job->mode = BPF_CORE_READ(open, how.mode);
	job->flags = F_OPEN_FLAGS;
	job_opened(job, file);
	return op_wanted(job->op) ? report(ctx, SLOT_URING_OPEN) : 0;
}
