/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Rules with a bit of their own: picked by what is done, and with what. */
#pragma once

#include "ask.h"

static __always_inline struct special *specials_of(struct scratch *s)
{
	return bpf_map_lookup_elem(&specials, &s->slot);
}

static __always_inline void pick_operation(struct scratch *s, u32 operation)
{
	struct special *rules = specials_of(s);

	if (!rules || operation >= OPERATIONS)
		return;
	s->detail.operation = operation;
	add_set(&s->picked, &rules->of[operation]);
}

/* The set of rules that name a word, or a number in its place. */
static __always_inline void add_word(struct set *to, struct scratch *s, u32 space, u32 number)
{
	struct word_key key = { .space = space, .number = number };

	if (space == WORD_FSTYPE)
		__builtin_memcpy(key.name, s->detail.fstype, FSTYPE_LEN);
	add_found(to, s->slot, lookup(&words, s->slot, &key));
}

/* Pushes the entries of the picked rules of one word. The verifier looks at it once for all words. */
__noinline int push_word(u32 word)
{
	struct scratch *s = scratch_of_task();

	if (!s)
		return 0;
	struct special *rules = specials_of(s);

	if (!rules)
		return 0;
	u64 picked = s->picked.w[word & (WORDS - 1)];

	for (int i = 0; i < 64; i++)
		if (picked >> i & 1)
			push(s, rules->entry[(word & (WORDS - 1)) * 64 + i]);
	return 0;
}

/* Pushes the entries of the rules that are still picked. */
__noinline int push_picked(void)
{
	struct scratch *s = scratch_of_task();

	if (!s)
		return 0;
	for (int i = 0; i < WORDS; i++)
		if (s->picked.w[i])
			push_word(i);
	return 0;
}

/* Pushes what was picked and decides. */
static __always_inline int decide_picked(struct scratch *s, u32 kind)
{
	push_picked();
	return decide(kind, 0);
}
