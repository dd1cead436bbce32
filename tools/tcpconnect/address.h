/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Addresses: of a socket, and of a destination that was asked for. */
#pragma once

#include "tcpconnect.h"

/*
 * Puts the destination into the record. ::ffff:a.b.c.d is IPv4. False for an
 * address that is of neither version: AF_UNSPEC, which ends a connection.
 */
static __always_inline bool fill_destination(struct connect_record *rec, const struct destination *dst)
{
	rec->dport = bpf_ntohs(dst->port);
	if (dst->family == AF_INET) {
		rec->version = 4;
		__builtin_memcpy(rec->daddr, &dst->v4, 4);
		return true;
	}
	if (dst->family != AF_INET6)
		return false;
	if (is_v4_mapped(dst->v6)) {
		rec->version = 4;
		__builtin_memcpy(rec->daddr, &dst->v6[12], 4);
		return true;
	}
	rec->version = 6;
	__builtin_memcpy(rec->daddr, dst->v6, 16);
	return true;
}

/* The destination of a socket that has entered SYN_SENT. */
static __always_inline void fill_peer(struct connect_record *rec, struct sock *sk)
{
	struct destination dst = {};

	dst.family = BPF_CORE_READ(sk, __sk_common.skc_family);
	dst.port = BPF_CORE_READ(sk, __sk_common.skc_dport);
	dst.v4 = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	if (dst.family == AF_INET6)
		BPF_CORE_READ_INTO(&dst.v6, sk, __sk_common.skc_v6_daddr);
	fill_destination(rec, &dst);
}

/* The source of a socket, as far as it has one. */
static __always_inline void fill_source(struct connect_record *rec, struct sock *sk)
{
	if (rec->version == 4) {
		u32 addr = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);

		__builtin_memcpy(rec->saddr, &addr, 4);
		if (addr)
			rec->flags |= F_SADDR;
	} else {
		u64 addr[2];

		BPF_CORE_READ_INTO(&addr, sk, __sk_common.skc_v6_rcv_saddr);
		__builtin_memcpy(rec->saddr, addr, 16);
		if (addr[0] | addr[1])
			rec->flags |= F_SADDR;
	}
	rec->sport = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
}

/* True when the destination passes the command's own filters. */
static __always_inline bool destination_passes(const struct connect_record *rec)
{
	u16 port = rec->dport;

	if (want_version && rec->version != want_version)
		return false;
	if (filter_by_port && !bpf_map_lookup_elem(&ports, &port))
		return false;
	if (filter_by_not_port && bpf_map_lookup_elem(&not_ports, &port))
		return false;
	if (filter_by_net) {
		struct net_key key = {};

		key.version = rec->version;
		key.prefix_len = 8 + (rec->version == 4 ? 32 : 128);
		__builtin_memcpy(key.addr, rec->daddr, 16);
		if (!bpf_map_lookup_elem(&nets, &key))
			return false;
	}
	return true;
}
