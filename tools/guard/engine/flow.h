/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Addresses and ports of a socket, as the kernel will take them, and the rules that they
 * find.
 */
#pragma once

#include "../../../internal/bpf/kernel_net.h"
#include "special.h"

#define AF_UNIX 1
#define AF_SMC 43 /* TCP, by other means */
#define IPPROTO_UDPLITE 136
#define IPPROTO_SMC 256
#define SOCK_RAW 3
#define MSG_FASTOPEN 0x20000000
#define LOOPBACK bpf_htonl(0x7f000001)
#define SUN_PATH_MAX 108

/* An address of IPv4 as one of IPv6. */
static __always_inline void set_v4(u8 to[16], u32 v4)
{
	u32 *word = (void *)to;

	word[0] = word[1] = 0;
	word[2] = bpf_htonl(0xffff);
	word[3] = v4;
}

struct sockaddr_in___ringside {
	u16 family, port;
	u32 v4;
};

struct sockaddr_in6___ringside {
	u16 family, port;
	u32 flowinfo;
	u8 v6[16];
	u32 scope;
};

union sockaddr_any {
	u16 family;
	struct sockaddr_in___ringside in;
	struct sockaddr_in6___ringside in6;
};

static __always_inline bool is_inet(u32 family)
{
	return family == AF_INET || family == AF_INET6 || family == AF_SMC;
}

/*
 * Reads an address as the kernel will take it: a socket of IPv4 takes AF_UNSPEC
 * for IPv4 where it binds and sends, a raw one of IPv6 for IPv6 where it sends, and
 * one of IPv6 takes addresses of IPv4. False if it is no address of the internet,
 * which the kernel then refuses, or a request to disconnect.
 */
static __always_inline bool read_address(struct scratch *s, struct sock *sk, const void *address,
					 int len, bool connecting)
{
	u32 sk_family = BPF_CORE_READ(sk, __sk_common.skc_family);
	union sockaddr_any a = {};

	if (len < (int)sizeof(a.in) || bpf_probe_read_kernel(&a, sizeof(a.in), address))
		return false;
	s->detail.port = bpf_ntohs(a.in.port);
	if (a.family == AF_UNSPEC && sk_family == AF_INET6 && !connecting &&
	    BPF_CORE_READ(sk, sk_type) == SOCK_RAW)
		a.family = AF_INET6;
	if (a.family == AF_INET6) {
		if (len < 24 || bpf_probe_read_kernel(&a, 24, address))
			return false;
		__builtin_memcpy(s->detail.address, a.in6.v6, 16);
		s->detail.family = AF_INET6;
		return true;
	}
	if (a.family != AF_INET && (a.family != AF_UNSPEC || sk_family != AF_INET || connecting))
		return false;
	set_v4(s->detail.address, a.in.v4);
	s->detail.family = AF_INET;
	return true;
}

/* Connecting to no address is connecting to this machine, by the address bound or loopback. */
static __always_inline bool resolve_any(struct scratch *s, struct sock *sk)
{
	u32 *word = (void *)s->detail.address;
	u64 *half = (void *)s->detail.address;

	if (half[0] == 0 && word[2] == bpf_htonl(0xffff) && word[3] == 0) {
		u32 bound = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);

		word[3] = bound ? bound : LOOPBACK;
		return true;
	}
	if (half[0] == 0 && half[1] == 0) {
		u32 bound[4];

		/* Bound to an address of IPv4, it stays there. */
		BPF_CORE_READ_INTO(&bound, sk, __sk_common.skc_v6_rcv_saddr);
		if (!bound[0] && !bound[1] && bound[2] == bpf_htonl(0xffff)) {
			word[2] = bpf_htonl(0xffff);
			word[3] = LOOPBACK;
		} else {
			word[3] = bpf_htonl(1);
		}
		return true;
	}
	return false;
}

static __always_inline bool is_tcp(struct sock *sk)
{
	u32 protocol = BPF_CORE_READ(sk, sk_protocol);

	return protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP || protocol == IPPROTO_SMC ||
	       BPF_CORE_READ(sk, __sk_common.skc_family) == AF_SMC;
}

static __always_inline u32 proto_of(struct scratch *s, struct sock *sk)
{
	u32 protocol = BPF_CORE_READ(sk, sk_protocol);

	s->detail.protocol = protocol;
	s->detail.type = BPF_CORE_READ(sk, sk_type);
	if (is_tcp(sk))
		return PROTO_TCP;
	if (protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE)
		return PROTO_UDP;
	return PROTO_OTHER;
}

static __always_inline u32 address_class(struct scratch *s, u32 space, u32 flags)
{
	u32 *class = NULL;

	if (flags & HAS_ADDRESSES) {
		struct address_key key = { .space = space };

		__builtin_memcpy(&key.address, s->detail.address, sizeof(key.address));
		class = lookup(&addresses, s->slot, &key);
	}
	if (!class && flags & HAS_NETWORKS) {
		struct network_key key = { .prefix = 32 + 128, .space = bpf_htonl(space) };

		__builtin_memcpy(&key.address, s->detail.address, sizeof(key.address));
		class = lookup(&networks, s->slot, &key);
	}
	return class ? *class : ANY;
}

static __always_inline u32 port_class(struct scratch *s, u32 space, u32 proto, u32 flags)
{
	u32 port = s->detail.port;

	if (!(flags & HAS_PORTS))
		return ANY;
	struct port_classes *classes = lookup(&ports, s->slot, &port);

	barrier_var(space);
	return classes ? classes->of[space & 3][proto & 3] : ANY;
}

static __always_inline void push_flow(struct scratch *s, u32 space, u32 proto, u32 address,
				      u32 port)
{
	struct flow_key key = { .space = space, .proto = proto, .address_class = address,
				.port_class = port };
	u32 *entry = lookup(&flows, s->slot, &key);

	if (entry)
		push(s, *entry);
}

/* The rules that name the address, the port, both or neither. */
__noinline int match_flow(u32 space, u32 proto, u32 flags)
{
	struct scratch *s = scratch_of_task();

	if (!s)
		return 0;
	u32 address = address_class(s, space == SPACE_RANGE ? SPACE_BIND : space, flags);
	u32 port = port_class(s, space, proto, flags);

	push_flow(s, space, proto, ANY, ANY);
	if (address)
		push_flow(s, space, proto, address, ANY);
	if (port)
		push_flow(s, space, proto, ANY, port);
	if (address && port)
		push_flow(s, space, proto, address, port);
	return 0;
}

/* ---- ports that the kernel picks ---- */

struct local_ports___5_10 {
	int range[2]; /* low, high; until 6.7 */
} __attribute__((preserve_access_index));

struct netns_ipv4___5_10 {
	struct local_ports___5_10 ip_local_ports;
} __attribute__((preserve_access_index));

struct net___5_10 {
	struct netns_ipv4___5_10 ipv4;
} __attribute__((preserve_access_index));

struct local_ports {
	u32 range; /* high << 16 | low; 6.8 */
} __attribute__((preserve_access_index));

struct netns_ipv4 {
	struct local_ports ip_local_ports;
} __attribute__((preserve_access_index));

struct net___6_8 {
	struct netns_ipv4 ipv4;
} __attribute__((preserve_access_index));

/*
 * The range that the kernel picks a port from, high << 16 | low. What a socket asks for
 * with IP_LOCAL_PORT_RANGE is within that.
 */
static __always_inline u32 local_range(struct sock *sk)
{
	void *net = BPF_CORE_READ(sk, __sk_common.skc_net.net);

	if (bpf_core_field_exists(((struct net___5_10 *)0)->ipv4.ip_local_ports.range)) {
		u64 both = 0;

		bpf_probe_read_kernel(&both, sizeof(both),
				      net + bpf_core_field_offset(struct net___5_10, ipv4.ip_local_ports.range));
		return both >> 32 << 16 | (both & 0xffff);
	}
	u32 range = 0;

	bpf_probe_read_kernel(&range, sizeof(range),
			      net + bpf_core_field_offset(struct net___6_8, ipv4.ip_local_ports.range));
	return range;
}

/* Whether the kernel may pick a port that the policy did not take port 0 for. */
static __always_inline bool other_range(u32 range, const struct generation *g)
{
	return (range & 0xffff) < g->port_low || range >> 16 > g->port_high;
}

#define RANGES 32 /* of ports with the same rules, of which one can be picked */

static __always_inline u32 next_port(struct scratch *s, u32 proto, u32 port)
{
	struct port_classes *classes = lookup(&ports, s->slot, &port);

	return classes ? classes->next[proto & 3] : 0;
}

/* The rules that deny a port that can be picked, or port 0; those that allow are none. */
__noinline int match_range(u32 range, u32 proto, u32 flags)
{
	struct scratch *s = scratch_of_task();

	if (!s)
		return 0;
	u32 port = range & 0xffff;

	match_flow(SPACE_BIND, proto, flags & ~HAS_PORTS);
	if (!(flags & HAS_PORTS))
		return 0;
	match_flow(SPACE_RANGE, proto, flags);
	for (int i = 0; i < RANGES; i++) {
		s->detail.port = port;
		match_flow(SPACE_RANGE, proto, flags);
		port = next_port(s, proto, port);
		if (!port || port > range >> 16) {
			s->detail.port = 0;
			return 0;
		}
	}
	s->detail.port = 0;
	s->walk |= WALK_UNFINISHED;
	return 0;
}

/* Decides on the address and the port that are in the scratch. */
static __always_inline int decide_bind(struct scratch *s, struct sock *sk)
{
	struct generation *g = bpf_map_lookup_elem(&generations, &s->slot);
	u32 range = local_range(sk);

	if (!g)
		return 0;
	u32 proto = proto_of(s, sk);

	if (s->detail.port == 0 && other_range(range, g))
		match_range(range, proto, g->flags);
	else
		match_flow(SPACE_BIND, proto, g->flags);
	return decide(BIND, 0);
}
