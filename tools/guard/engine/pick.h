/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Binds, also to ports that the kernel picks. */
#pragma once

#include "flow.h"

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
	u32 proto = proto_of(&s->detail, what_sock(sk));

	if (s->detail.port == 0 && other_range(range, g))
		match_range(range, proto, g->flags);
	else
		match_flow(SPACE_BIND, proto, g->flags);
	return decide(BIND, 0);
}
