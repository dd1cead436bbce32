/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What tcpconnect's programs share: constants, the record, the maps. */
#pragma once

#include "../../internal/bpf/container.h"
#include "../../internal/bpf/filter.h"
#include "../../internal/bpf/socket.h"

/* ---- constants ---- */

#define KIND_CONNECT 1

/* connect_record.result */
#define RESULT_NONE 0 /* not known: the attempt goes on */
#define RESULT_ESTABLISHED 1
#define RESULT_REFUSED 2
#define RESULT_TIMEOUT 3
#define RESULT_UNREACHABLE 4
#define RESULT_RESET 5
#define RESULT_ABORTED 6 /* the caller closed the socket, or died */
#define RESULT_ERROR 7   /* any other errno */

/* connect_record.flags */
#define F_BLOCKING 0x01    /* the socket is in blocking mode */
#define F_NONBLOCKING 0x02 /* it is not; neither: it has no file to tell */
#define F_MPTCP 0x04       /* spoken for MPTCP */
#define F_FASTOPEN 0x08    /* TCP Fast Open was asked for */
#define F_SADDR 0x10       /* saddr is known */
#define F_CLOSED 0x20      /* in pending only: failed in its own call, which will tell why */

#define PENDING_MAX 8192 /* attempts under way whose outcome we wait for */
#define COUNTS_MAX 10240 /* different rows of --count-connects */
#define CALLS_MAX 4096   /* tasks in the midst of a connect call */

#define O_NONBLOCK 04000

/* Errnos that have a result of their own; the same on both architectures. */
#define ENETDOWN 100
#define ENETUNREACH 101
#define ECONNABORTED 103
#define ECONNRESET 104
#define ETIMEDOUT 110
#define ECONNREFUSED 111
#define EHOSTDOWN 112
#define EHOSTUNREACH 113
#define MAX_ERRNO 4095

/* Set by the command before load. */
const volatile bool want_outcome = false;   /* records wait for the outcome */
const volatile bool want_container = false; /* the container's name */
const volatile bool want_counts = false;    /* count in place of sending records */
const volatile bool count_sport = false;    /* the source port is part of what is counted */
const volatile u32 want_results = ~0u;      /* bit N: result N passes */
const volatile u8 want_version = 0;         /* 4 or 6; 0: both */
const volatile bool filter_by_port = false;
const volatile bool filter_by_not_port = false;
const volatile bool filter_by_net = false;

/* ---- records and maps ---- */

/* One attempt. It is sent up to the end of the container's name. */
struct connect_record {
	struct record_head head; /* of the caller, at the attempt */
	u64 latency_ns;          /* from the attempt to its outcome; 0: not known */
	u32 netns;               /* number of the network namespace */
	s32 ret;                 /* 0, or a negative errno */
	u32 flags;
	u16 sport; /* host byte order; 0: none yet */
	u16 dport; /* host byte order */
	u8 saddr[16]; /* of IPv4 the first four bytes, the others 0 */
	u8 daddr[16];
	u8 version; /* 4 or 6 */
	u8 result;
	u16 container_len; /* bytes of the name, NUL included */
	char container[CONTAINER_NAME_MAX];
};

/* An address as user space gives it: struct sockaddr_in or _in6. */
struct destination {
	u16 family;
	u16 port; /* network byte order */
	u32 v4;   /* of IPv6 the flow label */
	u8 v6[16];
};
#define DESTINATION_V4_SIZE 16 /* sizeof(struct sockaddr_in) */
#define DESTINATION_V6_SIZE 24 /* what the kernel asks for; the scope may lack */

/*
 * Attempts under way. An entry is made when the socket enters SYN_SENT and taken
 * away when it leaves it, so that none outlives its attempt.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PENDING_MAX); /* the command lowers it where it does not wait */
	__type(key, u64); /* sock */
	__type(value, struct connect_record);
} pending SEC(".maps");

/*
 * Tasks in the midst of a connect call: to tell a call that failed before the
 * socket entered SYN_SENT from one whose attempt is known already.
 */
struct call {
	u64 begun; /* sock that entered SYN_SENT in this call, or 0 */
	u64 sock;  /* that connect was called on */
	struct destination dst; /* rung raw_tp: as the caller gave it; fexit has it at the end */
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CALLS_MAX);
	__type(key, u64); /* task */
	__type(value, struct call);
} calls SEC(".maps");

/* Destination ports that are wanted, and that are not. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u16); /* host byte order */
	__type(value, u8);
} ports SEC(".maps");
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, u16);
	__type(value, u8);
} not_ports SEC(".maps");

/* Networks of destinations. The version comes first, so that ::/0 has no IPv4. */
struct net_key {
	u32 prefix_len; /* bits that count, those of version included */
	u8 version;
	u8 addr[16];
	u8 pad[3];
};
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC); /* the kernel wants it for this type */
	__type(key, struct net_key);
	__type(value, u8);
} nets SEC(".maps");

/* Attempts by addresses and ports. */
struct count_key {
	u8 saddr[16];
	u8 daddr[16];
	u16 dport;
	u16 sport; /* 0 unless count_sport */
	u8 version;
	u8 pad[3];
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* COUNTS_MAX where counting is asked for */
	__type(key, struct count_key);
	__type(value, u64);
} counts SEC(".maps");
