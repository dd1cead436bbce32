/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The paths of a record: walked, kept, and compared with those of --path and --not-path. */
#pragma once

#include "filesnoop.h"

/*
 * One step of the path in this scratch. A function of its own, that the verifier
 * looks at once: a path has thousands of steps.
 */
__noinline int path_step(u32 slot)
{
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	return s ? path_text_step(&s->path) : 1;
}

/*
 * Some steps in a row; 1 when there is nothing more. In one loop the verifier would count
 * the thousands one by one, again for each program, and that was most of a start.
 */
__noinline int path_stretch(u32 slot)
{
	for (int i = 0; i < PATH_TEXT_STRETCH; i++) {
		if (path_step(slot))
			return 1;
	}
	return 0;
}

/* The rest of the path in this scratch, up to the root; likewise. */
__noinline int path_walk(u32 slot)
{
	for (int i = 0; i < PATH_TEXT_STRETCH; i++) {
		if (path_stretch(slot))
			break;
	}
	return 0;
}

/* Puts the path that is in the scratch behind the strings; returns its length. */
static __always_inline u32 path_keep(struct scratch *s)
{
	u32 pos = *(volatile u32 *)&s->path.pos & (PATH_TEXT_MAX - 1);
	u32 len = (PATH_TEXT_MAX - 1 - pos) & (PATH_TEXT_MAX - 1);
	char *tail = buffer_tail(&s->strings);

	if (!tail) {
		s->path.flags |= PATH_TEXT_CUT;
		return 0;
	}
	bpf_probe_read_kernel(tail, len, &s->path.text[pos]);
	s->strings.len += len;
	return len;
}

/*
 * Appends the path of a place, and returns its length. The root of a mount
 * namespace is the empty text. A function of its own for all programs.
 */
static __noinline u32 path_of(u32 slot, u32 which)
{
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!s)
		return 0;
	struct place *at = &s->job.at[which & 1];

	path_text_begin(&s->path, at->dentry, at->mnt);
	if (at->leaf_len)
		path_text_prepend(&s->path, at->leaf, at->leaf_len);
	path_walk(slot);
	return path_keep(s);
}

/* Whether the path in this scratch is at or below one of a set; likewise a function of its own. */
__noinline int path_below(u32 slot, u32 set)
{
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!s)
		return 0;
	u64 begin = set == PREFIX_NOT ? PREFIXES : 0;
	u32 count = set == PREFIX_NOT ? filter_prefixes[PREFIX_NOT] : filter_prefixes[PREFIX_ONLY];
	u32 pos = *(volatile u32 *)&s->path.pos & (PATH_TEXT_MAX - 1);

	bpf_probe_read_kernel(s->head, sizeof(s->head), &s->path.text[pos]);
	for (u32 i = 0; i < PREFIXES && i < count; i++) {
		u64 at = begin + i;
		u64 differs = 0;

		barrier_var(at); /* or the compiler drops the mask, which the verifier needs */
		const volatile struct prefix *p = &prefixes[at & (PREFIX_SETS * PREFIXES - 1)];

		for (int w = 0; w < PREFIX_WORDS; w++)
			differs |= (s->head[w] ^ p->text[w]) & p->mask[w];
		char next = ((char *)s->head)[p->len & (sizeof(s->head) - 1)];

		if (!differs && (next == 0 || next == '/'))
			return 1;
	}
	return 0;
}
