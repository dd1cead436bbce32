/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Programs about sockets: making, binding, connecting and sending. */
#pragma once

#include "hooks.h"
#include "pick.h"
#include "unix.h"

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
	} else if (read_address(&s->detail, what_sock(sk), address, len, false)) {
		ret = decide_bind(s, sk);
	}
	end();
	return verdict(ret);
}

/*
 * Decides on a peer. Data with control messages can name the address that it comes from,
 * and with it the one that no address stands for.
 */
static __always_inline int decide_peer(u32 hook, struct socket *socket, u64 what, u64 address, int len,
				       u32 how)
{
	if (!concerned(IS(CONNECT)) || is_unnamed(what, address, len, how))
		return 0;
	int ret = ask(hook, IS(CONNECT));
	struct scratch *s = asked(ret);

	if (!s)
		return verdict(ret);
	if (read_address(&s->detail, what, (void *)address, len, how & CONNECTING)) {
		u32 proto = proto_of(&s->detail, what);

		if (resolve_any(&s->detail, BPF_CORE_READ(socket, sk)) && how & CONTROLLED)
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
static __always_inline int decide_autobind(u32 hook, struct socket *socket, u64 what)
{
	int ret = ask(hook, IS(BIND));
	struct scratch *s = asked(ret);

	if (!s)
		return verdict(ret);
	struct generation *g = bpf_map_lookup_elem(&generations, &s->slot);
	u32 range = local_range(BPF_CORE_READ(socket, sk));

	ret = 0;
	if (proto_of(&s->detail, what) == PROTO_UDP && g && other_range(range, g)) {
		s->detail.family = FAMILY_OF(what);
		if (FAMILY_OF(what) == AF_INET)
			set_v4(s->detail.address, 0);
		match_range(range, PROTO_UDP, g->flags);
		ret = decide(BIND, 0);
	}
	end();
	return verdict(ret);
}

/*
 * Read without calls: sockets connect and send more often than most things are done that
 * are decided on.
 */
static __always_inline u64 what_of(struct sock *sk)
{
	return what_socket(sk->__sk_common.skc_family, sk->sk_type, sk->sk_protocol);
}

SEC("lsm/socket_connect")
int BPF_PROG(socket_connect, struct socket *socket, struct sockaddr *address, int len)
{
	struct sock *sk = socket->sk;

	if (!sk)
		return 0;
	u64 what = what_of(sk);

	if (!is_inet(FAMILY_OF(what)))
		return 0;
	if (!sk->__sk_common.skc_num && decide_autobind(HOOK_SOCKET_CONNECT, socket, what))
		return -EPERM;
	return decide_peer(HOOK_SOCKET_CONNECT, socket, what, number(&ctx[1]), len, CONNECTING);
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
	struct sock *sk = socket->sk;

	if (!sk || !msg->msg_name)
		return 0;
	u64 what = what_of(sk);

	if (!is_inet(FAMILY_OF(what)) || (is_tcp(what) && !(msg->msg_flags & MSG_FASTOPEN)))
		return 0;
	if (!sk->__sk_common.skc_num && decide_autobind(HOOK_SOCKET_SENDMSG, socket, what))
		return -EPERM;
	u64 name = (u64)BPF_CORE_READ(msg, msg_name); /* a number: 7.0 takes what it points to for memory */
	u64 control = BPF_CORE_READ((struct msghdr___control *)msg, msg_controllen);

	return decide_peer(HOOK_SOCKET_SENDMSG, socket, what, name, msg->msg_namelen,
			   control ? CONTROLLED : 0);
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
	u64 what = what_sock(sk);

	s->count = s->walk = 0;
	if (!read_address(&s->detail, what, (void *)at, left, true))
		return 0; /* the kernel refuses it */
	int size = s->detail.family == AF_INET6 ? sizeof(struct sockaddr_in6___ringside) :
						  sizeof(struct sockaddr_in___ringside) + 8;

	if (kind == BIND)
		return decide_bind(s, sk) ? -EPERM : size;
	u32 proto = proto_of(&s->detail, what);

	resolve_any(&s->detail, sk);
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
