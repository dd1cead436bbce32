/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A buffer of variable-length strings behind a record's fixed part.
 *
 * The length lives in the buffer, not in a register: whatever a string's real
 * length was, the verifier sees the same unknown number again at the next
 * append, and so explores each loop body once instead of once per length.
 */
#pragma once

#include "event.h"
#ifndef BUFFER_SIZE /* a command with short strings defines these three itself */
#define BUFFER_SIZE 24576  /* bytes; with the fixed part below 32 KiB, the per-CPU limit */
#define BUFFER_MAX_READ 8192 /* bytes that one append can add */
#define BUFFER_ROOM (BUFFER_SIZE - BUFFER_MAX_READ)
#endif
struct buffer {
	u32 len; /* bytes used; travels with the record, and checks it */
	char data[BUFFER_SIZE];
};

/* Where the next string goes, or NULL when the buffer is full. */
static __always_inline char *buffer_tail(struct buffer *b)
{
	u32 len = *(volatile u32 *)&b->len;

	if (len > BUFFER_ROOM)
		return NULL;
	return &b->data[len];
}

/*
 * The three appends add at most max bytes (a constant, at most
 * BUFFER_MAX_READ) and return how many they added, the NUL included, or a
 * negative errno. A string of max-1 bytes or more is cut, and the return
 * value is max.
 */
static __always_inline long buffer_kernel_str(struct buffer *b, const void *src, const u32 max)
{
	char *tail = buffer_tail(b);
	long n;

	if (!tail)
		return -28; /* ENOSPC */
	n = bpf_probe_read_kernel_str(tail, max, src);
	if (n > 0)
		b->len += n;
	return n;
}

static __always_inline long buffer_user_str(struct buffer *b, const void *src, const u32 max)
{
	char *tail = buffer_tail(b);
	long n;

	if (!tail)
		return -28; /* ENOSPC */
	n = bpf_probe_read_user_str(tail, max, src);
	if (n > 0)
		b->len += n;
	return n;
}

static __always_inline long buffer_user_bytes(struct buffer *b, const void *src, u32 size)
{
	char *tail = buffer_tail(b);
	long err;

	if (!tail)
		return -28; /* ENOSPC */
	if (size > BUFFER_MAX_READ)
		size = BUFFER_MAX_READ;
	err = bpf_probe_read_user(tail, size, src);
	if (err)
		return err;
	b->len += size;
	return size;
}
