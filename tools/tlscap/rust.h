/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * rustls, which never touches a socket: a program reads from it and writes to it in the
 * clear, and carries what is encrypted itself.
 *
 * What is called is <Reader as Read>::read(&mut self, buffer, size) and
 * <Writer as Write>::write(&mut self, buffer, size). Both objects live for a call only; their
 * first field leads to an end of the connection: of the reader the bytes that
 * came, of the writer the connection. Each end is an object by itself here.
 *
 * What is written belongs to the socket that the thread sends to next: the command waits until that is
 * told. What is read came from the one that the thread received from last, unless
 * some of what came earlier was left, and it has been told where that is from. A program
 * can move a connection, also to where another one was, so both are seen to each time.
 *
 * The result, io::Result<usize>, is a tag, 0 for success, and the number of bytes. Both come in
 * registers, or, of older compilers, in memory that a first argument before the others leads
 * to, and that is what the function returns (x86 only: on arm64 it is not an argument).
 */
#pragma once

#include "payload.h"

#if defined(__TARGET_ARCH_x86)
#define PROBE_RESULT2(regs) ((regs)->dx)
#elif defined(__TARGET_ARCH_arm64)
#define PROBE_RESULT2(regs) ((regs)->regs[1])
#endif

#define RUST_VECTORS 16 /* of one call, with bpf_loop; what is beyond them is counted as lost */

/* ---- the socket ---- */

static __always_inline bool is_open(struct task_struct *task, u64 sk, s32 fd)
{
	return sk && (u64)sock_of_fd(task, fd) == sk;
}

/* A read of the connection has ended, with so many bytes of those that were asked for. */
static __always_inline void rust_read_from(struct connection *c, struct calls *calls, u32 bytes, u32 size,
					   struct task_struct *task)
{
	if (!c->some_left && calls->fresh && is_open(task, calls->sk, calls->fd))
		connection_set_socket(c, (void *)calls->sk, calls->fd);
	else if (!is_open(task, c->sk, c->fd))
		c->sk = c->flags = 0;
	c->some_left = bytes && bytes == size;
	calls->fresh = 0;
}

static __always_inline void bound_send(struct connection *c, u64 end, struct task_struct *task)
{
	struct frame f = { .object = end };
	struct piece p = { .frame = &f, .connection = c, .task = task, .dir = DIR_WRITE };
	struct tls_record *rec = bpf_ringbuf_reserve(&events, sizeof(*rec), 0);

	if (!rec)
		return; /* what was written is told without the socket */
	record_fill(rec, &p);
	rec->head.kind = KIND_BOUND;
	bpf_ringbuf_submit(rec, 0);
}

/* The current thread uses sk; sends, a constant, says that it sends. */
static __always_inline void rust_used(struct sock *sk, const bool sends)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct calls *calls = calls_of(thread);

	if (!calls || !calls->rust || !sk || (sends && !calls->written))
		return;
	struct task_struct *task = (void *)bpf_get_current_task();
	s32 fd = fd_of_syscall(task, sk);

	if (!sends) {
		calls->sk = (u64)sk;
		calls->fd = fd;
		calls->fresh = 1;
		return;
	}
	struct connection *c = connection_find(thread >> 32, calls->written);

	if (c) {
		connection_set_socket(c, sk, fd);
		bound_send(c, calls->written, task);
	}
	calls->written = 0;
}

/* ---- calls ---- */

/* A call at its entry. Where its arguments are shows at the return, so four are kept. */
static __always_inline void rust_enter(struct frame *f, struct calls *calls, struct pt_regs *regs)
{
	calls->rust = 1;
	f->bytes_out = PROBE_ARG3(regs);
	f->size = PROBE_ARG4(regs);
}

/* What a call was given, and what it returned. */
struct rust_call {
	u64 self;
	u64 buffer;
	u32 size;    /* of the buffer, or how many vectors there are */
	u32 bytes;   /* 0 for a failure */
};

static __always_inline bool rust_returned(const struct frame *f, struct pt_regs *regs, struct rust_call *call, const bool sleeps)
{
	u64 result[2] = { PROBE_RESULT(regs), PROBE_RESULT2(regs) };

	call->self = f->object;
	call->buffer = f->buffer;
	call->size = f->bytes_out;
#if defined(__TARGET_ARCH_x86)
	if (result[0] == f->object) {
		call->self = f->buffer;
		call->buffer = f->bytes_out;
		call->size = f->size;
		if (user_read(result, sizeof(result), (void *)f->object, sleeps))
			return false;
	}
#endif
	call->bytes = result[0] ? 0 : result[1];
	return true;
}

struct rust_vectors {
	struct piece *piece;
	struct frame *frame; /* of the piece */
	u64 vectors; /* address of the next one */
	u32 count;
	u32 rest; /* bytes that are still to be sent */
};

/* For bpf_loop: sends what one vector holds; 1 ends it. */
static long rust_vector_send(u32 i, struct rust_vectors *v)
{
	u64 vector[2]; /* address, bytes */

	if (i >= v->count || !v->rest)
		return 1;
	if (user_read(vector, sizeof(vector), (void *)(v->vectors + i * sizeof(vector)), true))
		return 1;
	if (!vector[1])
		return 0;
	v->frame->buffer = vector[0];
	v->piece->total = vector[1] < v->rest ? vector[1] : v->rest;
	v->piece->flags = 0;
	v->rest -= v->piece->total;
	payload_send(v->piece, true);
	return 0;
}

static __always_inline void rust_vectors_send(struct piece *p, struct frame *f, u32 count)
{
	struct rust_vectors v = {
		.piece = p,
		.frame = f,
		.vectors = f->buffer,
		.count = count,
		.rest = p->total,
	};

	bpf_loop(RUST_VECTORS, rust_vector_send, &v, 0);
	if (v.rest) {
		COUNT(seen);
		COUNT(lost);
	}
}

/* Fills in the piece that a call carried, its connection and its frame; false if there is none to send. */
static __always_inline bool rust_piece(struct piece *p, struct frame *f, struct pt_regs *regs,
				       struct calls *calls, const bool loop)
{
	u32 pid = bpf_get_current_pid_tgid() >> 32, fn = f->cookie & FN_KIND_MASK;
	struct rust_call call = {};
	u64 end;

	if (!rust_returned(f, regs, &call, loop) || user_read(&end, sizeof(end), (void *)call.self, loop))
		goto lost;
	p->connection = connection_of(pid, end, p->task);
	if (!p->connection)
		goto lost;
	if (fn == FN_RUST_READ)
		rust_read_from(p->connection, calls, call.bytes, call.size, p->task);
	if (!call.bytes)
		return false;
	f->object = end;
	f->buffer = call.buffer;
	p->total = call.bytes;
	if (fn == FN_RUST_READ)
		return true;
	calls->written = end;
	p->dir = DIR_WRITE;
	if (fn == FN_RUST_WRITE)
		return true;
	if (!loop)
		goto lost;
	rust_vectors_send(p, f, call.size);
	return false;
lost:
	COUNT(seen);
	COUNT(lost);
	return false;
}
