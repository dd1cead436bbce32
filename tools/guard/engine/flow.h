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

/* What a socket is, in one number, since functions that the verifier looks at once take those. */
static __always_inline u64 what_socket(u16 family, u16 type, u16 protocol)
{
	return (u64)protocol << 32 | (u32)type << 16 | family;
}

#define FAMILY_OF(what) ((u16)(what))
#define TYPE_OF(what) ((u16)((what) >> 16))
#define PROTOCOL_OF(what) ((u16)((what) >> 32))

/* The same, of a socket that is only a number. */
static __always_inline u64 what_sock(struct sock *sk)
{
	return what_socket(BPF_CORE_READ(sk, __sk_common.skc_family), BPF_CORE_READ(sk, sk_type),
			   BPF_CORE_READ(sk, sk_protocol));
}

/*
 * Reads an address as the kernel will take it: a socket of IPv4 takes AF_UNSPEC
 * for IPv4 where it binds and sends, a raw one of IPv6 for IPv6 where it sends, and
 * one of IPv6 takes addresses of IPv4. False if it is no address of the internet,
 * which the kernel then refuses, or a request to disconnect.
 */
static __always_inline bool read_address(struct detail *d, u64 what, const void *address, int len,
					 bool connecting)
{
	union sockaddr_any a = {};

	if (len < (int)sizeof(a.in) || bpf_probe_read_kernel(&a, sizeof(a.in), address))
		return false;
	d->port = bpf_ntohs(a.in.port);
	if (a.family == AF_UNSPEC && FAMILY_OF(what) == AF_INET6 && !connecting &&
	    TYPE_OF(what) == SOCK_RAW)
		a.family = AF_INET6;
	if (a.family == AF_INET6) {
		if (len < 24 || bpf_probe_read_kernel(&a, 24, address))
			return false;
		__builtin_memcpy(d->address, a.in6.v6, 16);
		d->family = AF_INET6;
		return true;
	}
	if (a.family != AF_INET && (a.family != AF_UNSPEC || FAMILY_OF(what) != AF_INET || connecting))
		return false;
	set_v4(d->address, a.in.v4);
	d->family = AF_INET;
	return true;
}

/* Connecting to no address is connecting to this machine. */
static __always_inline bool is_any(const struct detail *d)
{
	const u32 *word = (const void *)d->address;
	const u64 *half = (const void *)d->address;

	return half[0] == 0 && (half[1] == 0 || (word[2] == bpf_htonl(0xffff) && word[3] == 0));
}

/* By which address: that which the socket is bound to, or loopback. */
static __always_inline bool resolve_any(struct detail *d, struct sock *sk)
{
	u32 *word = (void *)d->address;

	if (!is_any(d))
		return false;
	if (word[2]) {
		u32 bound = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);

		word[3] = bound ? bound : LOOPBACK;
		return true;
	}
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

static __always_inline bool is_tcp(u64 what)
{
	u32 protocol = PROTOCOL_OF(what);

	return protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP || protocol == IPPROTO_SMC ||
	       FAMILY_OF(what) == AF_SMC;
}

static __always_inline u32 proto_of(struct detail *d, u64 what)
{
	u32 protocol = PROTOCOL_OF(what);

	d->protocol = protocol;
	d->type = TYPE_OF(what);
	if (is_tcp(what))
		return PROTO_TCP;
	if (protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE)
		return PROTO_UDP;
	return PROTO_OTHER;
}

static __always_inline u32 address_class(const struct detail *d, u32 slot, u32 space, u32 flags)
{
	u32 *class = NULL;

	if (flags & HAS_ADDRESSES) {
		struct address_key key = { .space = space };

		__builtin_memcpy(&key.address, d->address, sizeof(key.address));
		class = lookup(&addresses, slot, &key);
	}
	if (!class && flags & HAS_NETWORKS) {
		struct network_key key = { .prefix = 32 + 128, .space = bpf_htonl(space) };

		__builtin_memcpy(&key.address, d->address, sizeof(key.address));
		class = lookup(&networks, slot, &key);
	}
	return class ? *class : ANY;
}

static __always_inline u32 port_class(const struct detail *d, u32 slot, u32 space, u32 proto,
				      u32 flags)
{
	u32 port = d->port;

	if (!(flags & HAS_PORTS))
		return ANY;
	struct port_classes *classes = lookup(&ports, slot, &port);

	barrier_var(space);
	return classes ? classes->of[space & 3][proto & 3] : ANY;
}

/* The entry of the rules that name an address and a port, 0 for none. */
static __always_inline u32 flow_entry(u32 slot, u32 space, u32 proto, u32 address, u32 port)
{
	struct flow_key key = { .space = space, .proto = proto, .address_class = address,
				.port_class = port };
	u32 *entry = lookup(&flows, slot, &key);

	return entry ? *entry : 0;
}

/* Fills in the entries of the rules that name the address, the port, both or neither. */
static __always_inline void flow_entries(u32 to[4], const struct detail *d, u32 slot, u32 space,
					 u32 proto, u32 flags)
{
	u32 address = address_class(d, slot, space == SPACE_RANGE ? SPACE_BIND : space, flags);
	u32 port = port_class(d, slot, space, proto, flags);

	to[0] = flow_entry(slot, space, proto, ANY, ANY);
	to[1] = address ? flow_entry(slot, space, proto, address, ANY) : 0;
	to[2] = port ? flow_entry(slot, space, proto, ANY, port) : 0;
	to[3] = address && port ? flow_entry(slot, space, proto, address, port) : 0;
}

__noinline int match_flow(u32 space, u32 proto, u32 flags)
{
	struct scratch *s = scratch_of_task();
	u32 found[4];

	if (!s)
		return 0;
	flow_entries(found, &s->detail, s->slot, space, proto, flags);
#pragma unroll
	for (int i = 0; i < 4; i++)
		push(s, found[i]);
	return 0;
}

#define CONNECTING (1u << 0) /* and not sending */
#define CONTROLLED (1u << 1) /* with messages that can name the address that it comes from */

/*
 * Whether no rule names a peer, whoever asks, and no default concerns the task: most of
 * what a machine talks to, and then no decision, which takes memory, is needed.
 */
__noinline int is_unnamed(u64 what, u64 address, u32 len, u32 how)
{
	struct control_block *c = armed();
	struct detail d = {};
	u32 found[4];

	if (!c)
		return 1;
	u32 slot = c->slot;

	if (!read_address(&d, what, (void *)address, len, how & CONNECTING))
		return 1;
	if (is_any(&d))
		return 0;
	u32 flags = generation_flags(slot);

	flow_entries(found, &d, slot, SPACE_CONNECT, proto_of(&d, what), flags);
	if (found[0] | found[1] | found[2] | found[3])
		return 0;
	return !(flags & HAS_PEER_DEFAULTS) || !has_default(IS(CONNECT));
}
