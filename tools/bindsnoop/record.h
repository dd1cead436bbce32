/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is known of a call, whether it is wanted, and the record that is made of it. */
#pragma once

#include "address.h"
#include "../../internal/bpf/container.h"
#include "../../internal/bpf/path.h"

/* ---- one call ---- */

/* Fills in the socket; false if it is none of TCP or UDP over IP. */
static __always_inline bool is_ours(struct call *c)
{
	struct socket *socket = c->socket; /* CO-RE would relocate c, too */
	struct sock *sk = BPF_CORE_READ(socket, sk);

	if (!sk)
		return false;
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (family != AF_INET && family != AF_INET6)
		return false;
	c->sk = sk;
	c->protocol = BPF_CORE_READ(sk, sk_protocol);
	return c->protocol == IPPROTO_TCP || c->protocol == IPPROTO_UDP ||
	       c->protocol == IPPROTO_MPTCP;
}

/* Binding to a port makes a listener of UDP; TCP has listen() for that. */
static __always_inline bool is_listener(struct call *c, struct sock *sk)
{
	if (c->ret)
		return false;
	return c->kind == KIND_LISTEN ||
	       (c->protocol == IPPROTO_UDP && !sock_port_is_chosen(sk));
}

static __always_inline bool wanted(struct call *c, struct sock *sk)
{
	if (c->ret && !want_failures)
		return false;
	if (want_listeners)
		return is_listener(c, sk);
	return c->kind == KIND_LISTEN ? want_listens : want_binds;
}

static __always_inline bool port_passes(struct bind_record *rec)
{
	u16 port = rec->port;

	return !filter_by_port || filter_ports[port / 64] & (1ULL << (port % 64));
}

/* ---- the record ---- */

static __always_inline void fill_exe(struct scratch *s, struct task_struct *task)
{
	struct file *exe = BPF_CORE_READ(task, mm, exe_file);
	struct buffer *b = &s->strings;

	if (!exe)
		return; /* a thread of the kernel */
	int walk = path_append(b, &exe->f_path);

	s->rec.flags |= F_EXE;
	if (walk == PATH_CUT)
		s->rec.flags |= F_EXE_CUT;
	if (walk == PATH_DETACHED)
		s->rec.flags |= F_EXE_DETACHED;
	s->rec.exe_len = b->len;
}

/* sk is the socket that has the address; false where what was asked for is unreadable. */
static __always_inline bool fill_socket(struct bind_record *rec, struct call *c, struct sock *sk)
{
	struct sock *outer = c->sk; /* what the program has */

	rec->ret = c->ret;
	rec->flags = sock_options(sk);
	rec->netns = BPF_CORE_READ(outer, __sk_common.skc_net.net, ns.inum);
	rec->bound_if = sock_interface(sk);
	rec->backlog = 0;
	rec->family = 0;
	rec->protocol = c->protocol == IPPROTO_MPTCP ? IPPROTO_TCP : c->protocol;
	rec->port = 0;
	rec->exe_len = 0;
	rec->container_len = 0;
	rec->reserved = 0;
	__builtin_memset(rec->addr, 0, sizeof(rec->addr));
	if (BPF_CORE_READ(outer, __sk_common.skc_family) == AF_INET6) {
		rec->flags |= F_SOCKET_V6;
		if (sock_is_v6only(sk))
			rec->flags |= F_V6ONLY;
	}
	if (c->ret && c->kind == KIND_BIND)
		return fill_asked(rec, &c->asked);
	fill_bound(rec, sk);
	if (!c->ret && sock_port_is_chosen(sk))
		rec->flags |= F_CHOSEN;
	if (!c->ret && c->kind == KIND_LISTEN) {
		rec->backlog = BPF_CORE_READ(sk, sk_max_ack_backlog);
		rec->flags |= F_BACKLOG;
	}
	return true;
}

/* Adds the call to its address and port; one that finds no room is lost. */
static __always_inline void count_call(struct bind_record *rec)
{
	struct place place = { .family = rec->family, .port = rec->port };
	u64 zero = 0;
	u64 *count;

	__builtin_memcpy(place.addr, rec->addr, sizeof(place.addr));
	/* Fails where it is there already, which is as good. */
	bpf_map_update_elem(&counts, &place, &zero, BPF_NOEXIST);
	count = bpf_map_lookup_elem(&counts, &place);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		COUNT(lost);
}
