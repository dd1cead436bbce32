/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What a socket was told before it is bound, and how it was bound: the options
 * that decide which addresses and ports it may have.
 */
#pragma once

#include "event.h"
#include "kernel_net.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct sock_common___options {
	u8 skc_reuse : 4;               /* SO_REUSEADDR */
	u8 skc_reuseport : 1;           /* SO_REUSEPORT */
	u8 skc_ipv6only : 1;            /* IPV6_V6ONLY */
	int skc_bound_dev_if;           /* SO_BINDTODEVICE: index, 0 for all */
};

struct sock___options {
	u8 sk_userlocks : 4;            /* SOCK_*_LOCK: what the user has fixed */
};

struct inet_sock___options {
	unsigned long inet_flags;       /* 6.6: INET_FLAGS_* */
};

struct inet_sock___6_5 {
	u8 freebind : 1;                /* until 6.5 */
	u8 transparent : 1;
	u8 bind_address_no_port : 1;
};

struct tcp_sock___options {
	bool is_mptcp;                  /* a subflow of MPTCP; CONFIG_MPTCP */
};

struct mptcp_sock {
	struct sock *first;             /* the subflow that is bound and listens */
};

struct socket_alloc {
	struct socket socket;
	struct inode vfs_inode;
};

#pragma clang attribute pop

/* Bits of inet_flags; their enum has no name, so that CO-RE cannot find it. */
#define INET_FLAGS_FREEBIND 11
#define INET_FLAGS_TRANSPARENT 15
#define INET_FLAGS_BIND_ADDRESS_NO_PORT 18

#define SOCK_BINDPORT_LOCK 8 /* in sk_userlocks: the port was asked for, not chosen */

/* Results of sock_options(), or-ed together. */
#define SOCKOPT_FREEBIND 0x01
#define SOCKOPT_TRANSPARENT 0x02
#define SOCKOPT_BIND_ADDRESS_NO_PORT 0x04
#define SOCKOPT_REUSEADDR 0x08
#define SOCKOPT_REUSEPORT 0x10

static __always_inline u32 sock_options(struct sock *sk)
{
	struct inet_sock___options *inet = (void *)sk;
	struct inet_sock___6_5 *old = (void *)sk;
	struct sock_common___options *common = (void *)sk;
	u32 options = 0;

	if (bpf_core_field_exists(inet->inet_flags)) {
		unsigned long flags = BPF_CORE_READ(inet, inet_flags);

		options |= flags & (1UL << INET_FLAGS_FREEBIND) ? SOCKOPT_FREEBIND : 0;
		options |= flags & (1UL << INET_FLAGS_TRANSPARENT) ? SOCKOPT_TRANSPARENT : 0;
		options |= flags & (1UL << INET_FLAGS_BIND_ADDRESS_NO_PORT) ? SOCKOPT_BIND_ADDRESS_NO_PORT : 0;
	} else {
		options |= BPF_CORE_READ_BITFIELD_PROBED(old, freebind) ? SOCKOPT_FREEBIND : 0;
		options |= BPF_CORE_READ_BITFIELD_PROBED(old, transparent) ? SOCKOPT_TRANSPARENT : 0;
		options |= BPF_CORE_READ_BITFIELD_PROBED(old, bind_address_no_port) ? SOCKOPT_BIND_ADDRESS_NO_PORT : 0;
	}
	options |= BPF_CORE_READ_BITFIELD_PROBED(common, skc_reuse) ? SOCKOPT_REUSEADDR : 0;
	options |= BPF_CORE_READ_BITFIELD_PROBED(common, skc_reuseport) ? SOCKOPT_REUSEPORT : 0;
	return options;
}

static __always_inline bool sock_is_v6only(struct sock *sk)
{
	struct sock_common___options *common = (void *)sk;

	return BPF_CORE_READ_BITFIELD_PROBED(common, skc_ipv6only);
}

/* The index of the interface that it is bound to, 0 for all. */
static __always_inline u32 sock_interface(struct sock *sk)
{
	struct sock_common___options *common = (void *)sk;

	return BPF_CORE_READ(common, skc_bound_dev_if);
}

/* True where the kernel chose the port, or will. */
static __always_inline bool sock_port_is_chosen(struct sock *sk)
{
	struct sock___options *own = (void *)sk;

	return !(BPF_CORE_READ_BITFIELD_PROBED(own, sk_userlocks) & SOCK_BINDPORT_LOCK);
}

/* A TCP socket inside one of MPTCP, which is what the program has. */
static __always_inline bool sock_is_subflow(struct sock *sk)
{
	struct tcp_sock___options *tcp = (void *)sk;

	if (!bpf_core_field_exists(tcp->is_mptcp))
		return false;
	return BPF_CORE_READ_BITFIELD_PROBED(tcp, is_mptcp);
}

/* The socket that has the addresses: of MPTCP, its first subflow. */
static __always_inline struct sock *sock_with_address(struct sock *sk, u32 protocol)
{
	struct mptcp_sock *mptcp = (void *)sk;
	struct sock *first = NULL;

	if (protocol == IPPROTO_MPTCP && bpf_core_type_exists(struct mptcp_sock))
		first = BPF_CORE_READ(mptcp, first);
	return first ? first : sk;
}

/* A number that the socket has to itself while it lives. */
static __always_inline u64 socket_inode(struct socket *socket)
{
	struct socket_alloc *both = (void *)socket;

	return BPF_CORE_READ(both, vfs_inode.i_ino);
}
