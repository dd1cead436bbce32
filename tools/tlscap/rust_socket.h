/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which socket a connection of rustls is on, by what its thread does (rust.h). */
#pragma once

#include "payload.h"

#define RUST_PATIENCE_NS 1000000000 /* from a write until what it wrote is sent; the command waits as long */
#define MSGHDR_IOV 16 /* where struct msghdr has its iovec */
#define SENT_VECTORS 4 /* that are looked at */
#define TLS_FIRST 20  /* types of records: change_cipher_spec */
#define TLS_LAST 24   /* heartbeat */
#define TLS_MAJOR 3   /* of all versions */

static __always_inline bool is_open(struct task_struct *task, u64 sk, s32 fd)
{
	return sk && (u64)sock_of_fd(task, fd) == sk;
}

/* Tells a connection its socket. One that was reset has lost its port: what is left of it keeps the old one. */
static __always_inline void rust_set_socket(struct connection *c, u64 sk, s32 fd)
{
	if (c->sk == sk && !BPF_CORE_READ((struct sock *)sk, __sk_common.skc_num))
		return;
	connection_set_socket(c, (void *)sk, fd);
}

/* A read of the connection has ended; all says that it had as many bytes as it asked for. */
static __always_inline void rust_read_from(struct connection *c, struct calls *calls, bool all,
					   struct task_struct *task)
{
	bool open = is_open(task, c->sk, c->fd);

	/* An object without a socket can be a connection that was moved, of which something was read before. */
	if ((calls->fresh || !c->sk) && is_open(task, calls->sk, calls->fd) &&
	    (!c->some_left || !open || c->sk == calls->sk))
		rust_set_socket(c, calls->sk, calls->fd);
	else if (!open)
		c->sk = c->flags = 0;
	c->some_left = all;
	calls->fresh = 0;
}

static __always_inline bool begins_record(u64 at)
{
	u8 head[2];

	return !bpf_probe_read_user(head, sizeof(head), (void *)at) && head[0] >= TLS_FIRST &&
	       head[0] <= TLS_LAST && head[1] == TLS_MAJOR;
}

/*
 * Whether the current system call sends what begins as a record of TLS does. A thread
 * that could not send yet what it wrote to one connection may send something else to somebody.
 */
static __always_inline bool sends_record(struct task_struct *task)
{
	struct pt_regs *regs = user_regs(task);
	s32 nr = current_syscall(task, regs);
	u64 data = syscall_arg(regs, 1, false), count = syscall_arg(regs, 2, false);
	u64 message[2]; /* of struct msghdr: the vectors, and how many */

	if (nr == SYSCALL_NONE || syscall_is_compat(task))
		return false;
	if (nr == NR_SENDMSG) {
		if (bpf_probe_read_user(message, sizeof(message), (void *)data + MSGHDR_IOV))
			return false;
		data = message[0];
		count = message[1];
	} else if (nr != NR_WRITEV) {
		return begins_record(data);
	}
	/* The first one can be the rest of a record that was sent in part. */
	for (int i = 0; i < SENT_VECTORS; i++) {
		u64 at;

		if (i >= count || bpf_probe_read_user(&at, sizeof(at), (void *)data + i * 16))
			return false;
		if (begins_record(at))
			return true;
	}
	return false;
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

	if (c && clock_ns() - calls->written_ns < RUST_PATIENCE_NS) {
		if (!sends_record(task))
			return;
		rust_set_socket(c, (u64)sk, fd);
		bound_send(c, calls->written, task);
	}
	calls->written = 0;
}

static __always_inline void rust_written(struct calls *calls, u64 end)
{
	calls->written = end;
	calls->written_ns = clock_ns();
}
