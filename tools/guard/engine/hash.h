/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A keyed hash of paths, component by component, so that one walk from the root
 * yields the hash of every directory on the way.
 *
 * The compression is that of SipHash (Aumasson, Bernstein: "SipHash: a fast
 * short-input PRF", 2012) with one round for each word. Nobody learns the key or
 * a hash, and so nobody can name a file so that it is taken for another. Hash.go
 * is the same in Go.
 */
#pragma once

#include "tables.h"

#define NAME_MAX_LEN 256 /* NAME_MAX and its NUL */

const volatile u64 hash_key[2] = {};

struct sip {
	u64 v[4];
};

static __always_inline void sip_start(struct sip *s)
{
	s->v[0] = hash_key[0] ^ 0x736f6d6570736575;
	s->v[1] = hash_key[1] ^ 0x646f72616e646f6d;
	s->v[2] = hash_key[0] ^ 0x6c7967656e657261;
	s->v[3] = hash_key[1] ^ 0x7465646279746573;
}

#define ROTATE(x, bits) ((x) << (bits) | (x) >> (64 - (bits)))

static __always_inline void sip_word(struct sip *s, u64 word)
{
	u64 a = s->v[0], b = s->v[1], c = s->v[2], d = s->v[3] ^ word;

	a += b;
	b = ROTATE(b, 13) ^ a;
	a = ROTATE(a, 32);
	c += d;
	d = ROTATE(d, 16) ^ c;
	a += d;
	d = ROTATE(d, 21) ^ a;
	c += b;
	b = ROTATE(b, 17) ^ c;
	c = ROTATE(c, 32);
	s->v[0] = a ^ word;
	s->v[1] = b;
	s->v[2] = c;
	s->v[3] = d;
}

/* The hash of what was absorbed so far. */
static __always_inline void sip_sum(const struct sip *s, u64 hash[2])
{
	hash[0] = s->v[0] ^ s->v[1];
	hash[1] = s->v[2] ^ s->v[3];
}

/* Absorbs a name of len bytes, in words of eight, and then its length. */
static __always_inline void sip_name(struct sip *s, const char name[NAME_MAX_LEN], u32 len)
{
	const u64 *words = (const void *)name;

	for (int i = 0; i < NAME_MAX_LEN / 8; i++) {
		if (i * 8 >= len)
			break;
		u32 left = len - i * 8;
		/* Without a branch, which would be two states for each word. */
		u32 surplus = (64 - left * 8) & -(u32)(left < 8);

		barrier_var(surplus);
		sip_word(s, words[i] << surplus >> surplus); /* little endian */
	}
	sip_word(s, len);
}
