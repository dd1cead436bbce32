/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What libraries of cryptography encrypt: one program for all of their functions.
 *
 * What a function is to us is in the cookie of its probe. A cipher, by the address of
 * its object, is counted from where it is set up for encryption to where it ends, and
 * then told once, with all the bytes that went through. One with few bytes is not
 * told: random numbers are made by ciphers as well.
 */
#pragma once

#include "record.h"

#define CRYPTO_LEAST 1024 /* bytes that are told: the random numbers of a start are fewer */

/*
 * The cookie: number of the probe (12 bits), kind (3), and the argument (4, from 1)
 * that is the direction of a set-up, or the length in bytes; where that is 0, the
 * other one (4).
 */
#define COOKIE_NUMBER(c) ((c) & 0xfff)
#define COOKIE_KIND(c) ((c) >> 12 & 7)
#define COOKIE_ARG(c) ((c) >> 15 & 15)
#define COOKIE_OTHER(c) ((c) >> 19 & 15)

enum crypto_kind {
	CRYPTO_SETUP,  /* to encrypt, or by a direction: 1 to encrypt, 0 to decrypt, -1 as before */
	CRYPTO_UPDATE, /* of a cipher that was set up */
	CRYPTO_OUTER,  /* likewise, and it calls an update itself */
	CRYPTO_FIRST,  /* an update of what needs no set-up */
	CRYPTO_END,
	CRYPTO_ONCE,   /* all in one call */
};

struct cipher_key {
	u64 handle;
	u64 tgid;
};

struct cipher {
	u64 bytes;
	u64 calls;
	u32 probe;  /* by which it was set up */
	u32 inside; /* an outer update has counted what the next inner one gets */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct cipher_key);
	__type(value, struct cipher);
} ciphers SEC(".maps");

#if defined(__TARGET_ARCH_x86)
#define ARGUMENT(n, x86, arm64) (ctx->x86)
#define STACK_ARGS 8 /* bytes from the stack pointer to the seventh argument: the return address */
#else
#define ARGUMENT(n, x86, arm64) (ctx->regs[arm64])
#endif

/* The registers are read one by one, whichever is wanted: the context has to be read at constant offsets. */
static __always_inline u64 call_argument(struct pt_regs *ctx, u32 n)
{
	u64 of[] = {
		ARGUMENT(1, di, 0), ARGUMENT(2, si, 1), ARGUMENT(3, dx, 2),
		ARGUMENT(4, cx, 3), ARGUMENT(5, r8, 4), ARGUMENT(6, r9, 5),
	};
	u64 value = of[0];

	for (int i = 1; i < 6; i++) {
		barrier_var(of[i]);
		if (n == i + 1)
			value = of[i];
	}
	if (n > 6) {
#if defined(__TARGET_ARCH_x86)
		bpf_probe_read_user(&value, sizeof(value), (void *)ctx->sp + STACK_ARGS + 8 * ((n - 7) & 7));
#else
		u64 seventh = ctx->regs[6], eighth = ctx->regs[7];

		barrier_var(eighth);
		value = n == 7 ? seventh : eighth;
#endif
	}
	return value;
}

static __always_inline int tell_encrypted(void *ctx, u32 probe, u64 bytes, u64 calls)
{
	struct job *job;

	if (bytes < CRYPTO_LEAST)
		return 0;
	job = job_begin(SLOT_CRYPTO, OP_ENCRYPT, 0);
	if (!job)
		return 0;
	job->bytes = bytes;
	job->writes = calls;
	job->flags = F_SIZE;
	job->probe = probe;
	return report(ctx, SLOT_CRYPTO);
}

SEC("uprobe")
int crypto_call(struct pt_regs *ctx)
{
	u64 cookie = bpf_get_attach_cookie(ctx);
	u32 kind = COOKIE_KIND(cookie);
	u32 probe = COOKIE_NUMBER(cookie);
	struct cipher_key key = { .handle = call_argument(ctx, 1), .tgid = bpf_get_current_pid_tgid() >> 32 };
	struct cipher ended, none = { .probe = probe };
	u64 n = 0;
	struct cipher *c;

	if (COOKIE_ARG(cookie))
		n = call_argument(ctx, COOKIE_ARG(cookie));
	if (!n && COOKIE_OTHER(cookie))
		n = call_argument(ctx, COOKIE_OTHER(cookie));
	if (kind == CRYPTO_ONCE)
		return tell_encrypted(ctx, probe, n, 1);
	c = bpf_map_lookup_elem(&ciphers, &key);
	switch (kind) {
	case CRYPTO_SETUP:
		if (COOKIE_ARG(cookie) && (s32)n < 0)
			return 0;
		/* One set-up calls another, or comes in two steps: the first name counts. */
		if (c && !c->bytes && !(COOKIE_ARG(cookie) && !(s32)n))
			return 0;
		break;
	case CRYPTO_FIRST:
		if (!c) {
			bpf_map_update_elem(&ciphers, &key, &none, BPF_ANY);
			c = bpf_map_lookup_elem(&ciphers, &key);
		}
		/* and on as an update */
	case CRYPTO_UPDATE:
	case CRYPTO_OUTER:
		if (!c)
			return 0;
		if (kind == CRYPTO_UPDATE && c->inside) {
			c->inside = 0;
			return 0;
		}
		c->inside = kind == CRYPTO_OUTER;
		c->bytes += n;
		c->calls++;
		return 0;
	}
	if (c)
		ended = *c;
	else
		__builtin_memset(&ended, 0, sizeof(ended));
	if (kind == CRYPTO_SETUP && (!COOKIE_ARG(cookie) || (s32)n == 1))
		bpf_map_update_elem(&ciphers, &key, &none, BPF_ANY);
	else if (c)
		bpf_map_delete_elem(&ciphers, &key);
	return tell_encrypted(ctx, ended.probe, ended.bytes, ended.calls);
}
