/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What bindsnoop's programs share: constants, the record, the maps. */
#pragma once

/* The only strings are a path and the name of a cgroup. */
#define BUFFER_SIZE 4608    /* bytes: PATH_MAX, and two more components */
#define BUFFER_MAX_READ 256 /* bytes: a component of a path */
#define BUFFER_ROOM (BUFFER_SIZE - BUFFER_MAX_READ)
#include "../../internal/bpf/buffer.h"

/* ---- constants ---- */

#define KIND_BIND 1
#define KIND_LISTEN 2

/* bind_record.flags; the lowest bits are SOCKOPT_* */
#define F_FREEBIND 0x01
#define F_TRANSPARENT 0x02
#define F_NO_PORT 0x04
#define F_REUSEADDR 0x08
#define F_REUSEPORT 0x10
#define F_ADDR 0x20         /* family and addr are known */
#define F_PORT 0x40         /* port is known */
#define F_CHOSEN 0x80       /* the kernel chose the port */
#define F_V6ONLY 0x100
#define F_SOCKET_V6 0x200   /* a socket of IPv6, though it may have an address of IPv4 */
#define F_EXE 0x400         /* exe is known */
#define F_EXE_CUT 0x800
#define F_EXE_DETACHED 0x1000
#define F_BACKLOG 0x2000    /* backlog is known */

#define PORTS 65536

/* Set by the command before load. */
const volatile bool want_binds = true;
const volatile bool want_listens = false;
const volatile bool want_failures = false;
const volatile bool want_listeners = false; /* only what listens: TCP by listen(), UDP on a port of its choice */
const volatile bool want_details = false;   /* executable and container */
const volatile bool want_counts = false;    /* add up instead of sending */
const volatile bool filter_by_port = false;
const volatile u64 filter_ports[PORTS / 64] = {}; /* bit by port */

/* ---- records and maps ---- */

struct bind_record {
	struct record_head head;
	s32 ret;         /* 0 or negative errno */
	u32 flags;
	u32 netns;       /* number of the socket's network namespace */
	u32 bound_if;    /* index of the interface, 0 for all */
	u32 backlog;     /* that listen() got */
	u16 family;      /* AF_INET for ::ffff:a.b.c.d as well */
	u16 protocol;    /* IPPROTO_TCP, also for MPTCP, or IPPROTO_UDP */
	u16 port;        /* host byte order */
	/* Bytes of the strings, in this order, NULs included. */
	u16 exe_len;     /* components, leaf first */
	u16 container_len;
	u16 reserved;    /* zero */
	u8 addr[16];     /* of IPv4 the first four */
};

/* What bind() was asked for, in the memory of the kernel or of the caller. */
struct request {
	const void *addr; /* struct sockaddr */
	s32 len;
	bool user;
	u8 unused[3]; /* named, so that it is set: kernels before 6.3 read it in no copy otherwise */
};

/* A call of bind() or listen() that has ended. */
struct call {
	u32 kind;
	s32 ret;
	struct socket *socket;
	struct sock *sk;
	u32 protocol;
	u32 unused; /* as above */
	struct request asked; /* of bind() */
};

struct scratch {
	struct bind_record rec;
	struct buffer strings;
	struct call call;
};

/*
 * Programs that can be preempted by each other on the same CPU have a scratch
 * each: three copies for each function, and one for each refusal.
 */
enum hook {
	HOOK_BIND,
	HOOK_BIND6,
	HOOK_LISTEN,
	HOOK_MPTCP_BIND,
	HOOK_MPTCP_LISTEN,
	HOOK_REFUSED_BIND,
	HOOK_REFUSED_LISTEN,
	HOOK_CALL,
	HOOKS,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, HOOKS * COPIES);
	__type(key, u32);
	__type(value, struct scratch);
} scratch SEC(".maps");

/* --count-binds: what is added up. */
#define COUNTS_MAX 10240

struct place {
	u8 addr[16];
	u16 family; /* 0: addr is not known */
	u16 port;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* the command raises it to COUNTS_MAX */
	__type(key, struct place);
	__type(value, u64);
} counts SEC(".maps");
