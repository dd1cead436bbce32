/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What tlscap's programs share: constants, records, the maps that are not of one subject. */
#pragma once

#include "../../internal/bpf/filter.h"
#define BUFFER_SIZE 1 /* container.h's strings go into the record itself */
#define BUFFER_MAX_READ 1
#define BUFFER_ROOM 0
#include "../../internal/bpf/container.h"
#include "../../internal/bpf/probe.h"

/* ---- constants ---- */

/* record_head.kind */
#define KIND_PIECE 1  /* of what a call carried */
#define KIND_DERIVE 2 /* of a secret */
#define KIND_EXEC 3   /* a process has a new image: look at its libraries */
#define KIND_END 4    /* an object was freed */
#define KIND_LOGGED 5 /* a secret that the library would log */
#define KIND_PACKET 6
#define KIND_OWNER 7  /* whose an end of a connection is */
#define KIND_BOUND 8  /* the socket of an object is known now: a tls_record that carries nothing */

/* What a function does, and where its arguments are: the low byte of a probe's cookie. */
#define FN_READ 1        /* (object, buffer, size) returns bytes */
#define FN_READ_EX 2     /* (object, buffer, size, &bytes) returns 1 */
#define FN_WRITE 3
#define FN_WRITE_EX 4
#define FN_WRITE_EX2 5   /* (object, buffer, size, flags, &bytes) returns 1 */
#define FN_PEEK 6        /* as FN_READ; what it returns will be read again */
#define FN_PEEK_EX 7
#define FN_SENDFILE 8    /* (object, fd, offset, size, flags) returns bytes */
#define FN_HANDSHAKE 9   /* (object): carries nothing, but may derive secrets */
#define FN_RECV 10       /* (object, buffer, size, flags) returns bytes; PR_MSG_PEEK makes it FN_PEEK */
#define FN_RUST_READ 11  /* of rustls: see rust.h */
#define FN_RUST_WRITE 12
#define FN_RUST_WRITEV 13
#define FN_RUST_CHUNK 14
#define FN_RUST_CONSUME 15 /* from here on: only the entry matters */
#define FN_RUST_FLUSH 16
#define FN_RUST_BEGIN 17
#define FN_IS_RUST(fn) ((fn) >= FN_RUST_READ && (fn) <= FN_RUST_CHUNK)
#define FN_KIND_MASK 0xff
#define FN_PROBE_SHIFT 8 /* the rest of the cookie: number of the probe */

#define DIR_READ 0
#define DIR_WRITE 1

/* tls_record.flags */
#define F_PEEK 0x01       /* will come again */
#define F_NO_DATA 0x02    /* the bytes never were in the process's memory: SSL_sendfile */
#define F_UNREADABLE 0x04 /* they could not be read from it */
#define F_LIMITED 0x08    /* the call carried more: --max-bytes */
#define F_SOCKET 0x10     /* family, addresses and ports are known */

/* Set by the command before load. */
const volatile bool want_text = true;    /* what calls carry */
const volatile bool want_keylog = false; /* secrets */
const volatile u32 max_bytes = 0;        /* of a call; 0: all */
const volatile bool may_sleep = false;   /* programs that say so can (6.0) */

/*
 * Reads memory of the process. A page can be away for a moment, though the process has just
 * used it, as while the kernel makes a huge page of small ones. A program that may
 * sleep has it brought back. sleeps, a constant, says that this one does, where it can; it must
 * not be one that filters, since maps of cgroups are not for such programs. Nobody may have
 * room in the ring meanwhile: who reads it would wait for that.
 */
static __always_inline long user_read(void *to, u32 size, const void *from, const bool sleeps)
{
	if (sleeps && may_sleep)
		return bpf_copy_from_user(to, size, from);
	return bpf_probe_read_user(to, size, from);
}

/* ---- records ---- */

struct endpoint {
	u8 addr[16]; /* of IPv4 the first four */
	u16 port;    /* host byte order */
};

struct tls_record {
	struct record_head head;
	u64 object;  /* SSL*, session: tells the connections of a process apart */
	u64 born_ns; /* when the connection was first seen: tells it from others at that address */
	u64 sk;      /* address of the socket, or 0: what both ends of a connection of rustls have in common */
	u64 offset;  /* of this piece in its direction, since then */
	u32 probe;   /* number of the probe */
	u32 total;   /* bytes that the call carried */
	u32 at;      /* where this piece begins among them */
	u32 len;     /* bytes that follow the record */
	s32 fd;      /* -1: not known */
	u32 flags;
	u16 family;  /* AF_INET for ::ffff:a.b.c.d as well */
	u8 dir;
	u8 container_len; /* with NUL; 0 outside containers */
	struct endpoint local, remote;
	char container[CONTAINER_NAME_MAX]; /* name of the cgroup */
};

struct end_record {
	struct record_head head;
	u64 object;
	u64 born_ns;
};

struct exec_record {
	struct record_head head;
};

/*
 * At most max (a constant), in a way that the verifier of every kernel follows: the
 * compiler would otherwise test one copy of the number and use another.
 */
static __always_inline u32 at_most(u64 n, const u32 max)
{
	asm volatile("" : "+r"(n));
	if (n > max)
		n = max;
	asm volatile("" : "+r"(n));
	return n;
}
