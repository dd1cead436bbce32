/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The calls into TLS libraries that threads are inside of.
 *
 * Calls nest: SSL_read of one connection may, through a BIO of the program's own,
 * call SSL_read of another (TLS in TLS); and a library may come by its own exported
 * functions, such as SSL_write_ex inside SSL_write_early_data. A thread's calls are
 * therefore a stack. A frame is known by the stack pointer at entry, which is found
 * again at the return.
 */
#pragma once

#include "tlscap.h"

#define CALLS_DEPTH 4     /* calls inside each other */
#define THREADS_MAX 16384 /* remembered; the ones that were idle longest are forgotten */
#define PR_MSG_PEEK 0x2      /* of prio.h: the same bytes will come again */
#define CALL_SILENT (1U << 31) /* frame.cookie: inside a call on the same object, which tells */

struct frame {
	u64 object;
	u64 buffer;
	u64 bytes_out; /* where the call writes how many bytes there were, or 0 */
	u64 sp;        /* stack pointer at entry */
	u32 size;      /* of the buffer */
	u32 cookie;
};

struct calls {
	u32 depth;
	u32 rust;    /* it is a thread of rustls, of which rust.h knows: */
	u64 sk;      /* the socket that it received from last; 0: none */
	u64 written; /* the end of a connection that it wrote to since it sent; 0: none */
	u64 written_ns; /* and when */
	s32 fd;      /* of sk */
	u32 fresh;   /* it has received since it last read from a connection */
	struct frame frames[CALLS_DEPTH];
};

/* An entry stays when the last call has returned: the next one is cheaper then. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, THREADS_MAX);
	__type(key, u64); /* process and thread */
	__type(value, struct calls);
} inside SEC(".maps");

#if defined(__TARGET_ARCH_x86)
#define PROBE_ARG5(regs) ((regs)->r8)
#define RETURN_POPS 8 /* bytes: ret takes the return address off the stack */
#elif defined(__TARGET_ARCH_arm64)
#define PROBE_ARG5(regs) ((regs)->regs[4])
#define RETURN_POPS 0
#endif

static __always_inline struct calls *calls_of(u64 thread)
{
	return bpf_map_lookup_elem(&inside, &thread);
}

static __always_inline struct calls *calls_make(u64 thread)
{
	struct calls *calls = calls_of(thread);
	struct calls none = {};

	if (calls)
		return calls;
	bpf_map_update_elem(&inside, &thread, &none, BPF_NOEXIST);
	return calls_of(thread);
}

/*
 * Takes up a call. Frames that are not above it on the stack are of calls that never
 * returned: they were left by a longjmp, or by a thread that died and whose number
 * came back.
 */
static __always_inline bool call_push(struct calls *calls, const struct frame *f)
{
	u32 depth = 0;
	bool silent = false;

	for (int i = 0; i < CALLS_DEPTH; i++) {
		if (i >= calls->depth || calls->frames[i].sp <= f->sp)
			break;
		if (calls->frames[i].object == f->object)
			silent = true;
		depth = i + 1;
	}
	if (depth >= CALLS_DEPTH)
		return false;
	calls->frames[depth] = *f;
	if (silent)
		calls->frames[depth].cookie |= CALL_SILENT;
	calls->depth = depth + 1;
	return true;
}

/* Takes the call that began at sp off the stack, and those above it, which never returned. */
static __always_inline bool call_pop(struct calls *calls, u64 sp, struct frame *f)
{
	for (int i = CALLS_DEPTH - 1; i >= 0; i--) {
		if (i >= calls->depth || calls->frames[i].sp != sp)
			continue;
		*f = calls->frames[i];
		calls->depth = i;
		return true;
	}
	return false;
}
