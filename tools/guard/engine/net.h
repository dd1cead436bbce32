/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Programs about sockets. */
#pragma once

#include "../../../internal/bpf/kernel_net.h"
#include "hooks.h"
#include "special.h"

#define AF_UNIX 1
#define AF_SMC 43 /* TCP, by other means */
#define S_IFSOCK 0140000
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

/* ---- programs ---- */

SEC("lsm/socket_create")
int BPF_PROG(socket_create, int family, int type, int protocol, int kern)
{

	if (kern)
		return 0;
	int ret = ask(HOOK_SOCKET_CREATE, IS(SOCKET));
	struct scratch *s = asked(ret);

	if (!s)
		return verdict(ret);
	struct special *rules = specials_of(s);

	s->detail.family = family;
	s->detail.type = type & 15;
	s->detail.protocol = protocol;
	pick_operation(s, IS_SOCKET);
	if (rules) {
		struct set named = {};

		add_word(&named, s, WORD_FAMILY, family);
		keep_set(&s->picked, &named, &rules->no_family);
		__builtin_memset(&named, 0, sizeof(named));
		add_word(&named, s, WORD_TYPE, type & 15);
		keep_set(&s->picked, &named, &rules->no_type);
	}
	ret = decide_picked(s, SOCKET);
	end();
	return verdict(ret);
}

/* The rules about all sockets of AF_UNIX, and about all without a file. */
__noinline int match_any_unix(u32 space, u32 abstract)
{
	struct scratch *s = scratch_of_task();
	u64 begins;

	if (!s)
		return 0;
	__builtin_memcpy(&begins, s->text, sizeof(begins)); /* of a name that is told */
	__builtin_memset(s->text, 0, sizeof(u64));
	sip_start(&s->sip);
	sip_name(&s->sip, s->text, 0);
	match_path(s, space, PART_SUFFIX, 0);
	if (abstract) {
		s->text[0] = '@';
		sip_start(&s->sip);
		sip_name(&s->sip, s->text, 1);
		match_path(s, space, PART_SUFFIX, 0);
	}
	__builtin_memcpy(s->text, &begins, sizeof(begins));
	return 0;
}

/* A name without a file, of len bytes. */
static __always_inline int decide_abstract(struct scratch *s, u32 kind, u32 space, const void *name,
					   int len)
{
	u32 n = len & 127;

	if (len < 0 || len > SUN_PATH_MAX)
		return 0;
	barrier_var(n);
	n &= 127;
	__builtin_memset(s->text, 0, SUN_PATH_MAX);
	if (bpf_probe_read_kernel(s->text, n, name))
		return 0;
	sip_start(&s->sip);
	sip_name(&s->sip, s->text, len);
	match_path(s, space, PART_ABSTRACT, 0);
	match_any_unix(space, 1);
	s->detail.family = AF_UNIX;
	s->abstract = 1 + n;
	return decide(kind, 0);
}

SEC("lsm/socket_bind")
int BPF_PROG(socket_bind, struct socket *socket, struct sockaddr *address, int len)
{
	struct sock *sk = BPF_CORE_READ(socket, sk);
	u32 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (!is_inet(family) && family != AF_UNIX)
		return 0;
	int ret = ask(HOOK_SOCKET_BIND, IS(BIND));
	struct scratch *s = asked(ret);

	if (!s)
		return verdict(ret);
	if (family == AF_UNIX) {
		u8 first = 1;

		/* One with a file is made by path_mknod. */
		bpf_probe_read_kernel(&first, 1, (void *)address + 2);
		if (len == 2) { /* the kernel makes up a name */
			s->detail.family = AF_UNIX;
			match_any_unix(SPACE_UNIX_BIND, 1);
			ret = decide(BIND, 0);
		} else if (len > 2 && !first) {
			ret = decide_abstract(s, BIND, SPACE_UNIX_BIND, (void *)address + 3, len - 3);
		}
	} else if (read_address(s, sk, address, len, false)) {
		ret = decide_bind(s, sk);
	}
	end();
	return verdict(ret);
}

/*
 * Decides on a peer. Data with control messages can name the address that it comes
 * from, and with it the one that no address stands for.
 */
static __always_inline int decide_peer(u32 hook, struct sock *sk, const void *address, int len,
				       bool connecting, bool controlled)
{
	int ret = ask(hook, IS(CONNECT));
	struct scratch *s = asked(ret);

	if (!s)
		return verdict(ret);
	if (read_address(s, sk, address, len, connecting)) {
		u32 proto = proto_of(s, sk);

		if (resolve_any(s, sk) && controlled)
			s->walk |= WALK_UNFINISHED;
		match_flow(SPACE_CONNECT, proto, generation_flags(s->slot));
		ret = decide(CONNECT, 0);
	}
	end();
	return verdict(ret);
}

/*
 * A socket of UDP without a port gets one with its first datagram, or peer. That is
 * no bind, but where the kernel picks from other ports than the policy knows.
 */
static __always_inline int decide_autobind(u32 hook, struct sock *sk, u32 family)
{

	if (BPF_CORE_READ(sk, __sk_common.skc_num))
		return 0;
	int ret = ask(hook, IS(BIND));
	struct scratch *s = asked(ret);

	if (!s)
		return verdict(ret);
	struct generation *g = bpf_map_lookup_elem(&generations, &s->slot);

	u32 range = local_range(sk);

	ret = 0;
	if (proto_of(s, sk) == PROTO_UDP && g && other_range(range, g)) {
		s->detail.family = family;
		if (family == AF_INET)
			set_v4(s->detail.address, 0);
		match_range(range, PROTO_UDP, g->flags);
		ret = decide(BIND, 0);
	}
	end();
	return verdict(ret);
}

SEC("lsm/socket_connect")
int BPF_PROG(socket_connect, struct socket *socket, struct sockaddr *address, int len)
{
	struct sock *sk = BPF_CORE_READ(socket, sk);
	u32 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (!is_inet(family))
		return 0;
	if (decide_autobind(HOOK_SOCKET_CONNECT, sk, family))
		return -EPERM;
	return decide_peer(HOOK_SOCKET_CONNECT, sk, address, len, true, false);
}

struct msghdr___control {
	u64 msg_controllen;
} __attribute__((preserve_access_index));

/*
 * What is sent to an address of its own: datagrams, raw packets, and the first data
 * of TCP fast open, which connects. TCP ignores the address otherwise.
 */
SEC("lsm/socket_sendmsg")
int BPF_PROG(socket_sendmsg, struct socket *socket, struct msghdr *msg, int size)
{
	struct sock *sk = BPF_CORE_READ(socket, sk);
	u32 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	void *name = msg->msg_name;

	if (!is_inet(family))
		return 0;
	if (is_tcp(sk) && !(msg->msg_flags & MSG_FASTOPEN))
		return 0;
	if (!name)
		return 0;
	if (decide_autobind(HOOK_SOCKET_SENDMSG, sk, family))
		return -EPERM;
	return decide_peer(HOOK_SOCKET_SENDMSG, sk, name, msg->msg_namelen, false,
			   BPF_CORE_READ((struct msghdr___control *)msg, msg_controllen) != 0);
}

/* ---- SCTP, which binds and connects to several addresses ---- */

#define SCTP_BINDX_ADD 100
#define SCTP_CONNECTX_OLD 107
#define SCTP_CONNECTX 110
#define SCTP_CONNECTX3 111
#define SCTP_ADDRESSES 16

/*
 * Decides on one address of a list, which begins there and may be as long as left.
 * The number of bytes that it takes, or what the hook returns.
 */
__noinline int decide_sctp(u64 sock, u64 at, u32 left, u32 kind)
{
	struct sock *sk = (void *)sock;
	struct scratch *s = scratch_of_task();

	if (!s || left > 0xffff)
		return 0;
	s->count = s->walk = 0;
	if (!read_address(s, sk, (void *)at, left, true))
		return 0; /* the kernel refuses it */
	int size = s->detail.family == AF_INET6 ? sizeof(struct sockaddr_in6___ringside) :
						  sizeof(struct sockaddr_in___ringside) + 8;

	if (kind == BIND)
		return decide_bind(s, sk) ? -EPERM : size;
	u32 proto = proto_of(s, sk);

	resolve_any(s, sk);
	match_flow(SPACE_CONNECT, proto, generation_flags(s->slot));
	return decide(CONNECT, 0) ? -EPERM : size;
}

SEC("lsm/sctp_bind_connect")
int BPF_PROG(sctp_bind_connect, struct sock *sk, int option, struct sockaddr *addresses, int len)
{
	u64 sock = number(&ctx[0]), at = number(&ctx[2]);
	u32 kind = CONNECT, left = len;

	if (option == SCTP_BINDX_ADD)
		kind = BIND;
	else if (option != SCTP_CONNECTX && option != SCTP_CONNECTX_OLD && option != SCTP_CONNECTX3)
		return 0;
	int ret = ask(HOOK_SCTP_BIND_CONNECT, IS(kind));
	struct scratch *s = asked(ret);

	if (!s)
		return verdict(ret);
	for (int i = 0; i < SCTP_ADDRESSES; i++) {
		ret = decide_sctp(sock, at, left, kind);
		if (ret <= 0)
			break;
		at += ret;
		left -= ret;
	}
	if (ret > 0 && left) { /* there are more than we look at */
		s->count = 0;
		s->walk = WALK_UNFINISHED;
		ret = decide(kind, 0);
	}
	end();
	return verdict(ret);
}

/* Peers of AF_UNIX, as the kernel has found them. */

struct unix_address {
	int len; /* with the family */
	u8 name[128];
} __attribute__((preserve_access_index));

struct unix_sock {
	struct unix_address *addr;
	struct path path;
} __attribute__((preserve_access_index));

/* Decides on a socket of AF_UNIX that is bound. */
static __always_inline int decide_unix(u32 hook, u32 kind, u32 space, struct sock *sk)
{
	struct unix_sock *u = (void *)sk;
	int ret = ask(hook, IS(kind));
	struct scratch *s = asked(ret);

	if (!s)
		return verdict(ret);
	u32 flags = generation_flags(s->slot);
	struct dentry *dentry = BPF_CORE_READ(u, path.dentry);
	struct unix_address *address = BPF_CORE_READ(u, addr);

	s->detail.family = AF_UNIX;
	if (dentry) {
		s->mnt = (u64)BPF_CORE_READ(u, path.mnt);
		s->dentry = (u64)dentry;
		find(space, flags);
		match_any_unix(space, 0);
		ret = decide(kind, 0);
	} else if (address) {
		ret = decide_abstract(s, kind, space,
				      (void *)address + bpf_core_field_offset(address->name) + 3,
				      BPF_CORE_READ(address, len) - 3);
	}
	end();
	return verdict(ret);
}

/* What was bound before, or is bound by this. */
SEC("lsm/socket_listen")
int BPF_PROG(socket_listen, struct socket *socket, int backlog)
{
	struct sock *sk = BPF_CORE_READ(socket, sk);
	u32 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	if (family == AF_UNIX)
		return decide_unix(HOOK_SOCKET_LISTEN, BIND, SPACE_UNIX_BIND, sk);
	if (!is_inet(family))
		return 0;
	int ret = ask(HOOK_SOCKET_LISTEN, IS(BIND));
	struct scratch *s = asked(ret);

	if (!s)
		return verdict(ret);
	s->detail.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	s->detail.family = family == AF_SMC ? AF_INET : family;
	if (family != AF_INET6)
		set_v4(s->detail.address, BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr));
	else
		BPF_CORE_READ_INTO(&s->detail.address, sk, __sk_common.skc_v6_rcv_saddr);
	ret = decide_bind(s, sk);
	end();
	return verdict(ret);
}

/* Binding a name in the file system makes a file. */
static __always_inline int decide_unix_bind(u64 mnt, u64 dentry)
{
	int ret = ask(HOOK_SOCKET_BIND, IS(BIND));
	struct scratch *s = asked(ret);

	if (!s)
		return ret;
	s->mnt = mnt;
	s->dentry = dentry;
	s->detail.family = AF_UNIX;
	find(SPACE_UNIX_BIND, generation_flags(s->slot));
	match_any_unix(SPACE_UNIX_BIND, 0);
	ret = decide(BIND, 0);
	end();
	return ret;
}

SEC("lsm/path_mknod")
int BPF_PROG(path_mknod, const struct path *dir, struct dentry *dentry, unsigned short mode)
{
	u64 mnt = (u64)BPF_CORE_READ(dir, mnt), name = number(&ctx[1]);

	if ((mode & S_IFMT) == S_IFSOCK && decide_unix_bind(mnt, name) < 0)
		return -EPERM;
	return verdict(check_place(HOOK_PATH_MKNOD, mnt, name, IS(CREATE)));
}

SEC("lsm/unix_stream_connect")
int BPF_PROG(unix_stream_connect, struct sock *sk, struct sock *peer)
{
	return decide_unix(HOOK_UNIX_STREAM_CONNECT, CONNECT, SPACE_UNIX_CONNECT, peer);
}

SEC("lsm/unix_may_send")
int BPF_PROG(unix_may_send, struct socket *socket, struct socket *peer)
{
	return decide_unix(HOOK_UNIX_MAY_SEND, CONNECT, SPACE_UNIX_CONNECT, BPF_CORE_READ(peer, sk));
}
