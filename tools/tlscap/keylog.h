/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Secrets, where OpenSSL 3 derives them: EVP_KDF_derive(ctx, out, size, params).
 *
 * The function and the array of OSSL_PARAM that it takes are public, and do not
 * change between versions. TLS 1.3 derives each traffic secret by a label; TLS 1.2
 * derives its keys from the master secret and both randoms. What only the object
 * knows is the client random of TLS 1.3: it is read at an offset that the command
 * took from the code of the library's own SSL_get_client_random.
 */
#pragma once

#include "connection.h"

#define PARAMS_MAX 12    /* OpenSSL passes up to 9 */
#define SEEDS_MAX 5      /* label, server random, client random; others are empty */
#define VALUE_MAX 64     /* bytes: the longest secret, of SHA-512 */
#define RANDOM_LEN 32

/* struct ossl_param_st of openssl/core.h. */
struct ossl_param {
	u64 key;         /* char *, NULL at the end */
	u32 data_type;
	u32 reserved;
	u64 data;
	u64 data_size;
	u64 return_size;
};

struct value {
	u32 len;
	u8 data[VALUE_MAX];
};

struct derive_record {
	struct record_head head;
	u64 object;      /* SSL* that the thread is inside of; 0: none */
	u32 probe;       /* of the call that it is inside of */
	u32 seeds;       /* how many of seed are there */
	struct value out;
	struct value label;  /* of TLS 1.3; len 0: none */
	struct value key;    /* of TLS 1.3: what the secret is derived from */
	struct value secret; /* of TLS 1.2 */
	struct value seed[SEEDS_MAX];
	u32 random_len;  /* RANDOM_LEN, or 0: client_random is not known */
	u8 client_random[RANDOM_LEN];
	u32 reserved;
};

/* How to find the client random in an object, by number of the probe. */
struct layout {
	u32 client_random; /* offset in the object, or in what it points to */
	u32 pointer;       /* offset of that pointer, or LAYOUT_INLINE */
};

#define LAYOUT_INLINE 0xffffffff
#define LAYOUTS_MAX 4096

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LAYOUTS_MAX);
	__type(key, u32);
	__type(value, struct layout);
} layouts SEC(".maps");

struct derivation {
	u64 out;
	u64 size;
	u64 params;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64); /* process and thread */
	__type(value, struct derivation);
} deriving SEC(".maps");

static __always_inline void derivation_begin(u64 out, u64 size, u64 params)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct derivation d = { .out = out, .size = size, .params = params };
	struct calls *calls = calls_of(thread);

	/* A library that has ssl_log_secret is asked there, and its calls are not followed. */
	if (!calls || !calls->depth)
		return;
	bpf_map_update_elem(&deriving, &thread, &d, BPF_ANY);
}

static __always_inline void value_read(struct value *v, u64 data, u64 size)
{
	u32 len = at_most(size, VALUE_MAX);

	v->len = 0;
	if (bpf_probe_read_user(v->data, len, (void *)data))
		COUNT(unreadable);
	else
		v->len = len;
}

/* Names of parameters, as the eight bytes that they begin with. */
#define NAME_LABEL 0x6c6562616cULL    /* "label" */
#define NAME_KEY 0x79656bULL          /* "key" */
#define NAME_SECRET 0x746572636573ULL /* "secret" */
#define NAME_SEED 0x64656573ULL       /* "seed" */

/* False if they could not be read. */
static __always_inline bool params_read(struct derive_record *rec, u64 params)
{
	for (int i = 0; i < PARAMS_MAX; i++) {
		struct ossl_param p;
		u64 name = 0;

		if (bpf_probe_read_user(&p, sizeof(p), (void *)params + i * sizeof(p)))
			return false;
		if (!p.key)
			return true;
		long n = bpf_probe_read_user_str(&name, sizeof(name), (void *)p.key);

		if (n < 0)
			return false;
		if (n < sizeof(name))
			name &= (1ULL << (8 * n)) - 1; /* kernels before 5.11 write beyond the NUL */
		if (name == NAME_LABEL) {
			value_read(&rec->label, p.data, p.data_size);
		} else if (name == NAME_KEY) {
			value_read(&rec->key, p.data, p.data_size);
		} else if (name == NAME_SECRET) {
			value_read(&rec->secret, p.data, p.data_size);
		} else if (name == NAME_SEED) {
			u32 n = rec->seeds;

			if (n < SEEDS_MAX) {
				value_read(&rec->seed[n], p.data, p.data_size);
				rec->seeds = n + 1;
			}
		}
	}
	return true;
}

/* What the object knows of itself. */
static __always_inline void random_read(struct derive_record *rec)
{
	u32 probe = rec->probe; /* 5.10 takes no key from the ring's memory */
	struct layout *l = bpf_map_lookup_elem(&layouts, &probe);
	u64 at = rec->object;

	if (!l)
		return;
	if (l->pointer != LAYOUT_INLINE &&
	    bpf_probe_read_user(&at, sizeof(at), (void *)at + l->pointer))
		return;
	if (!bpf_probe_read_user(rec->client_random, RANDOM_LEN, (void *)at + l->client_random))
		rec->random_len = RANDOM_LEN;
}

/* The call that the thread is inside of, and what its object knows. */
static __always_inline void object_read(struct derive_record *rec)
{
	struct calls *calls = calls_of(bpf_get_current_pid_tgid());

	if (!calls)
		return;
	u32 depth = calls->depth;

	if (depth < 1 || depth > CALLS_DEPTH)
		return;
	const struct frame *f = &calls->frames[(depth - 1) & (CALLS_DEPTH - 1)];

	rec->object = f->object;
	rec->probe = (f->cookie & ~CALL_SILENT) >> FN_PROBE_SHIFT;
	random_read(rec);
}

/* ssl_log_secret(object, label, secret, size), where there is no EVP_KDF_derive. */
static __always_inline void secret_send(u64 cookie, u64 object, u64 label, u64 secret, u64 size)
{
	struct derive_record *rec = bpf_ringbuf_reserve(&events, sizeof(*rec), 0);

	COUNT(seen);
	if (!rec) {
		COUNT(lost);
		return;
	}
	__builtin_memset(rec, 0, sizeof(*rec));
	record_head_fill(&rec->head, KIND_LOGGED, (void *)bpf_get_current_task());
	rec->object = object;
	rec->probe = cookie >> FN_PROBE_SHIFT;
	long n = bpf_probe_read_user_str(rec->label.data, VALUE_MAX, (void *)label);

	rec->label.len = n > 1 ? n - 1 : 0;
	value_read(&rec->out, secret, (u32)size); /* an unsigned int in GnuTLS */
	random_read(rec);
	bpf_ringbuf_submit(rec, 0);
}

static __always_inline void derivation_end(bool succeeded)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct derivation *saved = bpf_map_lookup_elem(&deriving, &thread);

	if (!saved)
		return;
	struct derivation d = *saved;

	bpf_map_delete_elem(&deriving, &thread);
	if (!succeeded || !want_keylog)
		return;
	struct derive_record *rec = bpf_ringbuf_reserve(&events, sizeof(*rec), 0);

	if (!rec) {
		COUNT(seen);
		COUNT(lost);
		return;
	}
	__builtin_memset(rec, 0, sizeof(*rec));
	if (!params_read(rec, d.params)) {
		COUNT(seen);
		COUNT(lost);
		bpf_ringbuf_discard(rec, BPF_RB_NO_WAKEUP);
		return;
	}
	if (!rec->label.len && !rec->seeds) {
		bpf_ringbuf_discard(rec, BPF_RB_NO_WAKEUP); /* nothing of TLS */
		return;
	}
	COUNT(seen);
	record_head_fill(&rec->head, KIND_DERIVE, (void *)bpf_get_current_task());
	value_read(&rec->out, d.out, d.size);
	object_read(rec);
	bpf_ringbuf_submit(rec, 0);
}
