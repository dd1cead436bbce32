/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a call carried, sent in pieces.
 *
 * A piece is read straight into the ring, which unlike a buffer for each CPU no
 * other task can overwrite meanwhile. Room in the ring must be of a constant size:
 * full pieces have one, and the last piece takes the smallest of five that holds
 * it.
 */
#pragma once

#include "connection.h"

#define PIECE_MAX 65536   /* bytes */
#define PIECES_LOOP 16384 /* of one call: 1 GiB, with bpf_loop (5.17) */
#define PIECES_BOUND 24   /* without it: 1.5 MiB; a verifier walks through all of them */
#define ROOM_SMALL 256
#define ROOM_MEDIUM 1024
#define ROOM_LARGE 4096
#define ROOM_RECORD 16384 /* what a record of TLS carries */

/* What became of a piece. */
enum sent { SENT, NO_ROOM, AWAY };

/* A piece and where it comes from. */
struct piece {
	const struct frame *frame;
	struct connection *connection;
	struct task_struct *task;
	u64 offset;
	u32 total; /* bytes that the call carried */
	u32 limit; /* and that are to be sent */
	u32 at;    /* where this piece begins */
	u32 len;
	u32 flags;
	enum sent sent;
	u8 dir;
};

static __always_inline void record_fill(struct tls_record *rec, const struct piece *p)
{
	struct connection *c = p->connection;

	record_head_fill(&rec->head, KIND_PIECE, p->task);
	rec->object = p->frame->object;
	rec->born_ns = c->born_ns;
	rec->sk = c->sk;
	rec->offset = p->offset;
	rec->probe = (p->frame->cookie & ~CALL_SILENT) >> FN_PROBE_SHIFT;
	rec->total = p->total;
	rec->at = p->at;
	rec->len = 0;
	rec->fd = c->fd;
	rec->flags = p->flags | c->flags;
	rec->family = c->family;
	rec->dir = p->dir;
	rec->container_len = c->container_len;
	rec->local = c->local;
	rec->remote = c->remote;
	__builtin_memcpy(rec->container, c->container, sizeof(rec->container));
}

/*
 * Sends a piece of at most room bytes, a constant. With patient, a constant, it does not send
 * one that cannot be read at the moment.
 */
static __always_inline enum sent piece_send(const struct piece *p, const u32 room, const bool patient)
{
	struct tls_record *rec = bpf_ringbuf_reserve(&events, sizeof(*rec) + room, 0);
	u32 len = at_most(p->len, room);

	if (!rec)
		return NO_ROOM;
	record_fill(rec, p);
	if (p->flags & F_NO_DATA) {
		/* There is nothing to read. */
	} else if (bpf_probe_read_user(rec + 1, len, (void *)p->frame->buffer + p->at)) {
		if (patient && may_sleep) {
			bpf_ringbuf_discard(rec, BPF_RB_NO_WAKEUP); /* see user_read() */
			return AWAY;
		}
		rec->flags |= F_UNREADABLE;
		COUNT(unreadable);
	} else {
		rec->len = len;
	}
	bpf_ringbuf_submit(rec, 0);
	return SENT;
}

#define PAGE 4096     /* bytes, or more */
#define FETCHES_MAX 8 /* of the pages of a piece: they can be gone again when it is read */

/* For bpf_loop: has the kernel bring back a page of a piece. */
static long page_fetch(u32 i, struct piece *p)
{
	u32 at = i * PAGE;
	u8 byte;

	if (at >= p->len)
		at = p->len - 1; /* the last one, if the piece does not begin with a page */
	bpf_copy_from_user(&byte, sizeof(byte), (void *)p->frame->buffer + p->at + at);
	return at == p->len - 1;
}

/* For bpf_loop: sends a piece if it can be read now. */
static long piece_try(u32 i, struct piece *p)
{
	bpf_loop(PIECE_MAX / PAGE + 1, page_fetch, p, 0);
	p->sent = piece_send(p, PIECE_MAX, true);
	return p->sent != AWAY;
}

/* Sends a piece that was away. */
static __always_inline enum sent piece_await(struct piece *p)
{
	bpf_loop(FETCHES_MAX, piece_try, p, 0);
	return p->sent == AWAY ? piece_send(p, PIECE_MAX, false) : p->sent;
}

static __always_inline enum sent last_piece_send(const struct piece *p, const bool loop)
{
	if (p->flags & F_NO_DATA)
		return piece_send(p, 0, loop);
	if (p->len <= ROOM_SMALL)
		return piece_send(p, ROOM_SMALL, loop);
	if (p->len <= ROOM_MEDIUM)
		return piece_send(p, ROOM_MEDIUM, loop);
	if (p->len <= ROOM_LARGE)
		return piece_send(p, ROOM_LARGE, loop);
	if (p->len <= ROOM_RECORD)
		return piece_send(p, ROOM_RECORD, loop);
	return piece_send(p, PIECE_MAX, loop);
}

/* ---- all of what a call carried ---- */

/* Sends the piece if more than it follows; false when the last one remains. */
static __always_inline bool full_piece_send(struct piece *p, const bool loop)
{
	if (p->limit - p->at <= PIECE_MAX)
		return false;
	COUNT(seen);
	enum sent sent = piece_send(p, PIECE_MAX, loop);

	if (loop && sent == AWAY)
		sent = piece_await(p);
	if (sent != SENT)
		COUNT(lost);
	p->at += PIECE_MAX;
	p->offset += PIECE_MAX;
	return true;
}

/* For bpf_loop; 1 ends it. */
static long next_piece(u32 i, struct piece *p)
{
	return !full_piece_send(p, true);
}

/*
 * Without bpf_loop each step is a function that a verifier looks at once. What it works
 * on belongs to the CPU: on those kernels, before 5.17, nothing interrupts a probe but
 * another program, which is none of these. From 6.0 on another task can, and its probe
 * would write over it.
 */
struct sending {
	struct frame frame;
	u64 offset;
	u32 total, limit, at, flags;
	u8 dir;
	u8 reserved[7];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct sending);
} sendings SEC(".maps");

__noinline int sending_step(void)
{
	u32 zero = 0;
	struct sending *s = bpf_map_lookup_elem(&sendings, &zero);

	if (!s)
		return 0;
	struct piece p = {
		.frame = &s->frame,
		.connection = connection_find(bpf_get_current_pid_tgid() >> 32, s->frame.object),
		.task = (void *)bpf_get_current_task(),
		.offset = s->offset,
		.total = s->total,
		.limit = s->limit,
		.at = s->at,
		.len = PIECE_MAX,
		.flags = s->flags,
		.dir = s->dir,
	};

	if (!p.connection || !full_piece_send(&p, false))
		return 0;
	s->at = p.at;
	s->offset = p.offset;
	return 1;
}

static __always_inline void full_pieces_send(struct piece *p, const bool loop)
{
	u32 zero = 0;

	if (loop) {
		bpf_loop(PIECES_LOOP, next_piece, p, 0);
		return;
	}
	struct sending *s = bpf_map_lookup_elem(&sendings, &zero);

	if (!s)
		return;
	__builtin_memcpy(&s->frame, p->frame, sizeof(s->frame));
	s->offset = p->offset;
	s->total = p->total;
	s->limit = p->limit;
	s->at = p->at;
	s->flags = p->flags;
	s->dir = p->dir;
	for (int i = 0; i < PIECES_BOUND; i++)
		if (!sending_step())
			break;
	p->at = s->at;
	p->offset = s->offset;
}

/* loop, a constant, says that there is bpf_loop, and that the program may be one that sleeps. */
static __always_inline void payload_send(struct piece *p, const bool loop)
{
	u64 *offset = &p->connection->offset[p->dir & 1];

	p->at = 0;
	/* Calls of one connection can be in several threads, and this one can sleep. */
	p->offset = *offset;
	if (!(p->flags & F_PEEK))
		__sync_fetch_and_add(offset, p->total);
	p->limit = p->total;
	if (max_bytes && p->limit > max_bytes) {
		p->limit = max_bytes;
		p->flags |= F_LIMITED;
		COUNT(truncated);
	}
	if (p->flags & F_NO_DATA)
		p->limit = 0; /* one record that tells how much there was */
	p->len = PIECE_MAX;
	full_pieces_send(p, loop);
	p->len = p->limit - p->at;
	COUNT(seen);
	if (p->len > PIECE_MAX) {
		COUNT(lost); /* more than the loop could send */
		return;
	}
	enum sent sent = last_piece_send(p, loop);

	if (loop && sent == AWAY)
		sent = piece_await(p);
	if (sent != SENT)
		COUNT(lost);
}
