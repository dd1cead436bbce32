/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * rustls, which never touches a socket: a program reads from it and writes to it in the
 * clear, and carries what is encrypted itself.
 *
 * What is called is <Reader as Read>::read(&mut self, buffer, size) and
 * <Writer as Write>::write(&mut self, buffer, size). Both objects live for a call only; their
 * first field leads to an end of the connection: of the reader the bytes that
 * came, of the writer the connection. Each end is an object by itself here.
 * Asynchronous programs read otherwise (0.23): Reader::into_first_chunk(self) returns a slice of
 * what came, and <Reader as BufRead>::consume(&mut self, n) says how much of it was taken. A chunk
 * is told when it is first seen.
 *
 * What is written belongs to the socket that the thread sends a record of TLS to next: the command
 * waits until that is told. What is read came from the one that the thread received from last, unless
 * some of what came earlier was left, and it has been told where that is from. A program
 * can move a connection, also to where another one was, so both are seen to each time.
 *
 * The result, io::Result<usize>, is a tag, 0 for success, and the number of bytes. Both come in
 * registers, or, of older compilers, in memory that a first argument before the others leads
 * to, and that is what the function returns (x86 only: on arm64 it is not an argument).
 */
#pragma once

#include "rust_socket.h"

#if defined(__TARGET_ARCH_x86)
#define PROBE_RESULT2(regs) ((regs)->dx)
#elif defined(__TARGET_ARCH_arm64)
#define PROBE_RESULT2(regs) ((regs)->regs[1])
#endif

#define RUST_VECTORS 1024     /* of one call, with bpf_loop; what is beyond them is counted as lost */

/* A call at its entry. Where its arguments are shows at the return, so four are kept. */
static __always_inline void rust_enter(struct frame *f, struct calls *calls, struct pt_regs *regs)
{
	calls->rust = 1;
	f->bytes_out = PROBE_ARG3(regs);
	f->size = PROBE_ARG4(regs);
#if defined(__TARGET_ARCH_arm64)
	if ((f->cookie & FN_KIND_MASK) == FN_RUST_CHUNK)
		f->bytes_out = regs->regs[8]; /* where the result goes */
#endif
}

/*
 * Chunks that were told, by where they end, which does not change while the program takes
 * bytes from their front, or moves the connection: how many bytes it has not taken yet.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CONNECTIONS_MAX);
	__type(key, struct connection_key); /* object: the end of the chunk */
	__type(value, u64);
} rust_chunks SEC(".maps");

/* The program takes so many bytes; how many of them were told. */
static __always_inline u32 rust_took(u32 pid, struct connection *c, u64 bytes)
{
	struct connection_key key = { .object = c->chunk, .pid = pid };
	u64 *left = c->chunk ? bpf_map_lookup_elem(&rust_chunks, &key) : NULL;

	if (!left)
		return 0;
	u64 told = bytes < *left ? bytes : *left;

	*left -= told;
	if (!*left)
		bpf_map_delete_elem(&rust_chunks, &key);
	return told;
}

/* A chunk is seen; whether it was told. */
static __always_inline bool rust_chunk_told(u32 pid, struct connection *c, u64 at, u64 bytes)
{
	struct connection_key key = { .object = at + bytes, .pid = pid };
	u64 *left = bpf_map_lookup_elem(&rust_chunks, &key);

	c->chunk = key.object;
	if (left && *left == bytes)
		return true;
	bpf_map_update_elem(&rust_chunks, &key, &bytes, BPF_ANY);
	return false;
}

/* A call whose entry says all. */
static __always_inline void rust_entered(u32 fn, struct calls *calls, struct pt_regs *regs)
{
	u64 end, bytes = PROBE_ARG2(regs);

	calls->rust = 1;
	if (fn == FN_RUST_BEGIN)
		calls->written = 0; /* what is sent next is of the handshake */
	if (fn == FN_RUST_BEGIN || bpf_probe_read_user(&end, sizeof(end), (void *)PROBE_ARG1(regs)))
		return;
	if (fn == FN_RUST_FLUSH) {
		rust_written(calls, end);
		return;
	}
	u32 pid = bpf_get_current_pid_tgid() >> 32;
	struct connection *c = connection_find(pid, end);

	if (c)
		rust_took(pid, c, bytes);
}

/* What a call was given, and what it returned. */
struct rust_call {
	u64 self;
	u64 buffer;
	u64 bytes; /* 0 for a failure */
	u32 size;  /* of the buffer, or how many vectors there are */
};

static __always_inline bool rust_returned(const struct frame *f, struct pt_regs *regs, struct rust_call *call, const bool sleeps)
{
	u64 result[2] = { PROBE_RESULT(regs), PROBE_RESULT2(regs) };
	u32 fn = f->cookie & FN_KIND_MASK;

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
#elif defined(__TARGET_ARCH_arm64)
	if (fn == FN_RUST_CHUNK && user_read(result, sizeof(result), (void *)f->bytes_out, sleeps))
		return false;
#endif
	if (fn == FN_RUST_CHUNK) { /* a slice, whose address is 0 for a failure */
		call->buffer = result[0];
		call->bytes = result[0] ? result[1] : 0;
		return true;
	}
	call->bytes = result[0] ? 0 : result[1];
	if (fn != FN_RUST_WRITEV && call->bytes > call->size)
		call->bytes = 0; /* what we took for a result is none */
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

/* Bytes that were written and cannot be sent: the next ones show that some are missing. */
static __always_inline void rust_lost(struct connection *c, u32 bytes)
{
	__sync_fetch_and_add(&c->offset[DIR_WRITE], bytes);
	COUNT(seen);
	COUNT(lost);
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
	if (v.rest)
		rust_lost(p->connection, v.rest);
}

/* Fills in the piece that a call carried, its connection and its frame; false if there is none to send. */
static __always_inline bool rust_piece(struct piece *p, struct frame *f, struct pt_regs *regs,
				       struct calls *calls, const bool loop)
{
	u32 pid = bpf_get_current_pid_tgid() >> 32, fn = f->cookie & FN_KIND_MASK;
	bool writes = fn == FN_RUST_WRITE || fn == FN_RUST_WRITEV;
	struct rust_call call = {};
	struct connection *c = NULL;
	u64 end;

	bool known = rust_returned(f, regs, &call, loop);

	if (known && !user_read(&end, sizeof(end), (void *)call.self, loop))
		c = connection_of(pid, end, p->task);
	if (!c) {
		if (!known || call.bytes) {
			COUNT(seen);
			COUNT(lost);
		}
		return false;
	}
	if (writes) /* also if nothing was: what is sent next is not of the one before */
		rust_written(calls, end);
	else
		rust_read_from(c, calls, call.bytes && (fn == FN_RUST_CHUNK || call.bytes == call.size), p->task);
	if (!call.bytes)
		return false;
	f->object = end;
	f->buffer = call.buffer;
	p->connection = c;
	p->total = call.bytes;
	p->dir = writes ? DIR_WRITE : DIR_READ;
	if (fn == FN_RUST_CHUNK)
		return !rust_chunk_told(pid, c, f->buffer, p->total);
	if (fn == FN_RUST_READ) {
		u32 told = rust_took(pid, c, p->total);

		f->buffer += told;
		p->total -= told;
		return p->total;
	}
	if (fn == FN_RUST_WRITE)
		return true;
	if (loop)
		rust_vectors_send(p, f, call.size);
	else
		rust_lost(c, p->total);
	return false;
}
