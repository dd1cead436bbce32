/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The argument vector of a failed exec, read from the caller's memory. */
#pragma once

#include "execsnoop.h"

/* Entry i of an argv vector in user memory; negative errno if unreadable. */
static __always_inline long argv_entry(struct scratch *s, u64 argv, u32 i, u64 *entry)
{
	u32 width = 4 + (*(volatile u32 *)&s->wide & 4); /* provably 4 to 8 */

	*entry = 0; /* a 32-bit entry fills the lower half, on both architectures */
	return bpf_probe_read_user(entry, width, (void *)(argv + (u64)i * width));
}

/* Counts the entries of an argv vector, which ends in NULL. */
static __always_inline void count_argv(struct scratch *s, u64 argv)
{
	struct exec_record *rec = &s->rec;
	u64 arg = 0;
	u32 i;

	for (i = 0; i < ARGV_MAX; i++) {
		if (argv_entry(s, argv, i, &arg)) {
			rec->flags |= F_ARGS_UNREADABLE | F_ARGC_MIN;
			break;
		}
		if (!arg)
			break;
	}
	if (i == ARGV_MAX)
		rec->flags |= F_ARGC_MIN;
	rec->argc = i;
}

/*
 * Copies the strings of an argv vector. Counting comes first and by itself:
 * as one loop the verifier takes half a second for it.
 */
static __always_inline void fill_argv(struct scratch *s, u64 argv, bool compat)
{
	struct exec_record *rec = &s->rec;
	struct buffer *b = &s->strings;
	u32 before = b->len;
	u64 arg = 0;

	s->wide = compat ? 0 : 4;
	count_argv(s, argv);
	for (u32 i = 0; i < ARG_POINTERS; i++) {
		if (i >= *(volatile u32 *)&rec->argc)
			goto out;
		if (b->len - before >= args_max)
			break;
		argv_entry(s, argv, i, &arg);
		long n = buffer_user_str(b, (void *)arg, BUFFER_MAX_READ);
		if (n == BUFFER_MAX_READ)
			rec->flags |= F_ARGS_CUT;
		if (n > 0)
			continue;
		/* An empty string keeps the place of one that cannot be read. */
		char *tail = buffer_tail(b);
		if (tail) {
			*tail = 0;
			b->len++;
		}
		rec->args_unreadable++;
		rec->flags |= F_ARGS_UNREADABLE;
	}
	if (rec->argc > ARG_POINTERS || b->len - before >= args_max)
		rec->flags |= F_ARGS_CUT;
out:
	rec->args_len = b->len - before;
	rec->args_bytes = rec->args_len;
}
