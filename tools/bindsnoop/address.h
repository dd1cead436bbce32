/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Addresses of a record: those that a socket has, and those that were asked for. */
#pragma once

#include "../../internal/bpf/socket.h"
#include "../../internal/bpf/sockopt.h"
#include "bindsnoop.h"

/* struct sockaddr_in6; that of IPv4 has its address at flowinfo. */
struct sockaddr_any {
	u16 family;
	u16 port;     /* network byte order */
	u32 flowinfo;
	u8 addr[16];
};

#define SOCKADDR_IN_MIN 8   /* bytes: up to the end of an address of IPv4 */
#define SOCKADDR_IN6_MIN 24 /* of IPv6 */

static __always_inline void set_v4(struct bind_record *rec, u32 addr)
{
	rec->family = AF_INET;
	__builtin_memcpy(rec->addr, &addr, sizeof(addr));
	rec->flags |= F_ADDR;
}

static __always_inline void set_v6(struct bind_record *rec, const u8 addr[16])
{
	if (is_v4_mapped(addr)) {
		set_v4(rec, ((const u32 *)addr)[3]);
		return;
	}
	rec->family = AF_INET6;
	__builtin_memcpy(rec->addr, addr, 16);
	rec->flags |= F_ADDR;
}

static __always_inline void set_port(struct bind_record *rec, u16 port)
{
	rec->port = port;
	rec->flags |= F_PORT;
}

/* What the socket has got. */
static __always_inline void fill_bound(struct bind_record *rec, struct sock *sk)
{
	if (BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6) {
		u8 addr[16] __attribute__((aligned(8)));

		BPF_CORE_READ_INTO(&addr, sk, __sk_common.skc_v6_rcv_saddr);
		set_v6(rec, addr);
	} else {
		set_v4(rec, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
	}
	u16 port = BPF_CORE_READ(sk, __sk_common.skc_num);

	if (port)
		set_port(rec, port);
}

/* What was asked for and refused; false where it could not be read. */
static __always_inline bool fill_asked(struct bind_record *rec, const struct request *asked)
{
	struct sockaddr_any any __attribute__((aligned(8))) = {};
	u32 size = asked->len < SOCKADDR_IN6_MIN ? SOCKADDR_IN_MIN : SOCKADDR_IN6_MIN;
	long err;

	if (asked->len < SOCKADDR_IN_MIN)
		return true; /* nothing that could be an address */
	err = asked->user ? bpf_probe_read_user(&any, size, asked->addr) :
			    bpf_probe_read_kernel(&any, size, asked->addr);
	if (err)
		return false;
	if (any.family == AF_INET6 && size == SOCKADDR_IN6_MIN)
		set_v6(rec, any.addr);
	else if (any.family == AF_INET)
		set_v4(rec, any.flowinfo);
	else
		return true;
	set_port(rec, bpf_ntohs(any.port));
	return true;
}
