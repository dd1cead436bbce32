/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The call that makes an attempt. Most attempts begin with the socket entering
 * SYN_SENT. A call that fails before that changes no state and is only seen at
 * its end; one that fails just after leaves SYN_SENT without an errno on the
 * socket, and only its end tells why. Here both are kept apart from calls whose
 * attempt has a life of its own, so that nothing is reported twice.
 */
#pragma once

#include "attempt.h"

#define SOCKETCALL_CONNECT 3 /* connect among the calls of socketcall */

/*
 * A call begins and ends in programs that have copies (internal/bpf/event.h says
 * why). They need no mark: to begin a call twice is the same as once, and the end
 * takes it out of the map, so that a copy finds nothing left to do.
 */
static __always_inline void call_begins(struct sock *sk, const struct destination *dst)
{
	u64 task = bpf_get_current_task();
	struct call call = {};

	call.sock = (u64)sk;
	if (dst)
		call.dst = *dst;
	bpf_map_update_elem(&calls, &task, &call, BPF_ANY);
}

/* Takes the call of the current task out of the map; false if there is none. */
static __always_inline bool call_ends(struct call *call)
{
	u64 task = bpf_get_current_task();
	struct call *found = bpf_map_lookup_elem(&calls, &task);

	if (!found)
		return false;
	*call = *found;
	bpf_map_delete_elem(&calls, &task);
	return true;
}

/* The current task has brought sk into SYN_SENT. Of MPTCP it is another socket than that of the call. */
static __always_inline void call_begins_attempt(struct sock *sk)
{
	u64 task = bpf_get_current_task();
	struct call *call = bpf_map_lookup_elem(&calls, &task);

	if (call)
		call->begun = (u64)sk;
}

/* True while the current task is in the call that brought sk into SYN_SENT. */
static __always_inline bool in_call(struct sock *sk)
{
	u64 task = bpf_get_current_task();
	struct call *call = bpf_map_lookup_elem(&calls, &task);

	return call && call->begun == (u64)sk;
}

/* A call that began an attempt on the sock ends with an errno. */
static __always_inline void call_fails_begun(void *ctx, u64 begun, s32 ret)
{
	struct connect_record *rec;

	if (!want_outcome)
		return; /* was told when it began */
	rec = bpf_map_lookup_elem(&pending, &begun);
	if (rec && rec->flags & F_CLOSED) {
		rec->flags &= ~F_CLOSED;
		attempt_ends(ctx, rec, begun, result_of(ret), ret);
	}
}

/* True for a socket that can make attempts: TCP, or MPTCP. */
static __always_inline bool is_ours(struct sock *sk)
{
	u16 protocol = BPF_CORE_READ(sk, sk_protocol);
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	return (family == AF_INET || family == AF_INET6) && BPF_CORE_READ(sk, sk_type) == SOCK_STREAM &&
	       (protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP);
}

/* Whether an address of this family can be that long. */
static __always_inline bool size_fits(const struct destination *dst, int size)
{
	return size >= (dst->family == AF_INET6 ? DESTINATION_V6_SIZE : DESTINATION_V4_SIZE);
}
