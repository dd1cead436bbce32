/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Which process has which end of a connection.
 *
 * A packet does not know: it is handled by whoever the CPU was taken from. So it is
 * noted whenever a process uses a socket, by the addresses that packets carry. What was
 * sent before a process has used its socket, such as the handshake of TCP, is
 * attributed by the command, which holds packets back for a while.
 */
#pragma once

#include "connection.h"

#define OWNERS_MAX 65536  /* ends remembered; the ones that were idle longest are forgotten */
#define OPENINGS_MAX 8192 /* sockets on the way to be connected */
#define PF_KERNEL (PF_KTHREAD | PF_IO_WORKER)

/* Set by the command before load. */
const volatile bool want_packets = false;
const volatile u32 own_netns = 0; /* number of the network namespace that packets are captured in */

/* One end of a flow, as a packet shows it. Addresses of IPv4 are ::ffff:a.b.c.d. */
struct end {
	u8 local[16];    /* of a socket of UDP zero for any */
	u8 remote[16];   /* of UDP zero */
	u16 local_port;  /* host byte order */
	u16 remote_port; /* host byte order; of UDP zero */
	u32 netns;       /* of a loopback address, which every namespace has; 0 of others */
	u32 protocol;    /* IPPROTO_TCP, IPPROTO_UDP */
};

struct owner {
	u32 pid;
	u32 passes; /* the filters, 0 or 1 */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, OWNERS_MAX);
	__type(key, struct end);
	__type(value, struct owner);
} owners SEC(".maps");

struct owner_record {
	struct record_head head;
	struct end end;
	u32 passes;
	u32 container_len; /* with NUL; 0 outside containers */
	char container[CONTAINER_NAME_MAX];
};

/* Who opens a connection, by address of the socket: its port is not known yet. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, OPENINGS_MAX);
	__type(key, u64);
	__type(value, struct owner_record);
} openings SEC(".maps");

/* An owner_record is too large for the stack: new ones are copies of this. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct owner_record);
} blank_owner SEC(".maps");

static __always_inline void mapped_v4(u8 addr[16], u32 v4)
{
	u32 *word = (void *)addr;

	word[0] = 0;
	word[1] = 0;
	word[2] = bpf_htonl(0xffff);
	word[3] = v4;
}

/* True for 127.0.0.0/8 and ::1. */
static __always_inline bool is_loopback(const u8 addr[16])
{
	const u32 *word = (const void *)addr;

	if (word[0] || word[1])
		return false;
	if (word[2] == bpf_htonl(0xffff))
		return addr[12] == 127;
	return !word[2] && word[3] == bpf_htonl(1);
}

/* The end that a socket is; false if it is none that packets lead to. */
static __always_inline bool end_of_socket(struct end *e, struct sock *sk)
{
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	struct inet_sock *inet = (void *)sk;

	if (family != AF_INET && family != AF_INET6)
		return false;
	e->protocol = BPF_CORE_READ(sk, sk_protocol);
	if (e->protocol != IPPROTO_TCP && e->protocol != IPPROTO_UDP)
		return false;
	e->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	if (!e->local_port) /* given back, as at the end of an attempt that failed */
		e->local_port = bpf_ntohs(BPF_CORE_READ(inet, inet_sport));
	if (family == AF_INET6) {
		BPF_CORE_READ_INTO(&e->local, sk, __sk_common.skc_v6_rcv_saddr);
	} else {
		u32 local = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);

		if (local)
			mapped_v4(e->local, local);
	}
	if (e->protocol == IPPROTO_TCP) {
		e->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
		if (!e->remote_port)
			return false;
		if (family == AF_INET6)
			BPF_CORE_READ_INTO(&e->remote, sk, __sk_common.skc_v6_daddr);
		else
			mapped_v4(e->remote, BPF_CORE_READ(sk, __sk_common.skc_daddr));
	}
	u32 netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	const u32 *local = (const void *)e->local;
	bool any = !local[0] && !local[1] && !local[2] && !local[3];

	if (is_loopback(e->local) || any) {
		if (netns != own_netns)
			return false; /* its packets do not come by here */
		if (!any)
			e->netns = netns;
	}
	return e->local_port;
}

static __always_inline void owner_fill(struct owner_record *rec, struct task_struct *task)
{
	record_head_fill(&rec->head, KIND_OWNER, task);
	rec->passes = filter_passes(task);
	rec->container_len = container_name(rec->container, task);
}

/* The current process uses sk. */
static __always_inline void socket_owned(struct sock *sk)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct end e = {};

	if (!want_packets || !sk || !end_of_socket(&e, sk))
		return;
	struct owner owner = { .pid = bpf_get_current_pid_tgid() >> 32 };
	struct owner *known = bpf_map_lookup_elem(&owners, &e);

	if (known && known->pid == owner.pid)
		return;
	struct owner_record *rec = bpf_ringbuf_reserve(&events, sizeof(*rec), 0);

	if (!rec)
		return; /* the next use tells */
	owner_fill(rec, task);
	rec->end = e;
	owner.passes = rec->passes;
	bpf_map_update_elem(&owners, &e, &owner, BPF_ANY);
	bpf_ringbuf_submit(rec, 0);
}

/*
 * The addresses of sk are free for others. What is on its way still is decided about by
 * the command, which remembers.
 */
static __always_inline void socket_disowned(struct sock *sk)
{
	struct end e = {};

	if (end_of_socket(&e, sk))
		bpf_map_delete_elem(&owners, &e);
}

/* The current process begins to connect sk. */
static __always_inline void opening_begins(struct sock *sk)
{
	u64 key = (u64)sk;
	u32 zero = 0;
	struct owner_record *blank = bpf_map_lookup_elem(&blank_owner, &zero);

	if (!blank || bpf_map_update_elem(&openings, &key, blank, BPF_ANY))
		return;
	struct owner_record *rec = bpf_map_lookup_elem(&openings, &key);

	if (rec)
		owner_fill(rec, (void *)bpf_get_current_task());
}

/* It is connected, or will not be: now its port is known. */
static __always_inline void opening_ends(struct sock *sk)
{
	u64 key = (u64)sk;
	struct owner_record *rec = bpf_map_lookup_elem(&openings, &key);
	struct end e = {};

	if (!rec)
		return;
	if (end_of_socket(&e, sk)) {
		struct owner owner = { .pid = rec->head.pid, .passes = rec->passes };

		rec->end = e;
		if (!bpf_ringbuf_output(&events, rec, sizeof(*rec), 0))
			bpf_map_update_elem(&owners, &e, &owner, BPF_ANY);
	}
	bpf_map_delete_elem(&openings, &key);
}
