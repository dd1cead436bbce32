/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Sets of subjects, and of rules that have a bit. */
#pragma once

#include "../../../internal/bpf/event.h"

#define WORDS 4 /* of 64 subjects each */

struct set {
	u64 w[WORDS];
};

/* True if the sets have something in common. */
static __always_inline bool meets(const struct set *a, const struct set *b)
{
	u64 common = 0;

#pragma unroll
	for (int i = 0; i < WORDS; i++)
		common |= a->w[i] & b->w[i];
	return common != 0;
}

static __always_inline void add_set(struct set *to, const struct set *from)
{
#pragma unroll
	for (int i = 0; i < WORDS; i++)
		to->w[i] |= from->w[i];
}

static __always_inline void keep_set(struct set *to, const struct set *a, const struct set *b)
{
#pragma unroll
	for (int i = 0; i < WORDS; i++)
		to->w[i] &= a->w[i] | b->w[i];
}

static __always_inline void common(struct set *to, const struct set *a, const struct set *b)
{
#pragma unroll
	for (int i = 0; i < WORDS; i++)
		to->w[i] = a->w[i] & b->w[i];
}

static __always_inline bool has_bit(const struct set *s, u32 bit)
{
	return s->w[(bit >> 6) & (WORDS - 1)] >> (bit & 63) & 1;
}
