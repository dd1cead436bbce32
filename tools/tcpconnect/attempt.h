/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The life of an attempt: it begins, or fails at once, and it ends. Each is
 * counted as seen at its beginning, and once more when it is sent, counted,
 * filtered or lost.
 */
#pragma once

#include "address.h"

static __always_inline u8 result_of(s32 ret)
{
	switch (-ret) {
	case 0:
	case ECONNABORTED:
		return RESULT_ABORTED;
	case ECONNREFUSED:
		return RESULT_REFUSED;
	case ETIMEDOUT:
		return RESULT_TIMEOUT;
	case ENETDOWN:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EHOSTUNREACH:
		return RESULT_UNREACHABLE;
	case ECONNRESET:
		return RESULT_RESET;
	}
	return RESULT_ERROR;
}

/* Adds one to the row of the attempt. */
static __always_inline void count(const struct connect_record *rec)
{
	struct count_key key = {};
	u64 one = 1;
	u64 *n;

	__builtin_memcpy(key.saddr, rec->saddr, 16);
	__builtin_memcpy(key.daddr, rec->daddr, 16);
	key.dport = rec->dport;
	if (count_sport)
		key.sport = rec->sport;
	key.version = rec->version;
	n = bpf_map_lookup_elem(&counts, &key);
	if (!n) {
		if (!bpf_map_update_elem(&counts, &key, &one, BPF_NOEXIST))
			return;
		/* Another CPU was first, or the map is full. */
		n = bpf_map_lookup_elem(&counts, &key);
		if (!n) {
			COUNT(lost);
			return;
		}
	}
	__sync_fetch_and_add(n, 1);
}

/* The end of every attempt that passed the filters at its beginning. */
static __always_inline void deliver(void *ctx, struct connect_record *rec)
{
	if (!(want_results & 1u << (rec->result & 31))) {
		COUNT(filtered);
		return;
	}
	if (want_counts) {
		count(rec);
		return;
	}
	u32 len = *(volatile u16 *)&rec->container_len;

	if (len > CONTAINER_NAME_MAX)
		len = CONTAINER_NAME_MAX;
	submit(ctx, rec, offsetof(struct connect_record, container) + len);
}

/* What is known of the caller and of the socket whatever the outcome. */
static __always_inline void fill_caller(struct connect_record *rec, struct sock *sk, struct task_struct *task)
{
	struct tcp_sock *tcp = (void *)sk;
	u16 protocol = BPF_CORE_READ(sk, sk_protocol);
	struct file *file = BPF_CORE_READ(sk, sk_socket, file);

	record_head_fill(&rec->head, KIND_CONNECT, task);
	fill_source(rec, sk);
	rec->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	if (file)
		rec->flags |= BPF_CORE_READ(file, f_flags) & O_NONBLOCK ? F_NONBLOCKING : F_BLOCKING;
	if (protocol == IPPROTO_MPTCP)
		rec->flags |= F_MPTCP; /* and struct tcp_sock is something else */
	if (protocol == IPPROTO_TCP) {
		if (bpf_core_field_exists(tcp->is_mptcp) && BPF_CORE_READ(tcp, is_mptcp))
			rec->flags |= F_MPTCP;
		if (BPF_CORE_READ(tcp, fastopen_req) ||
		    BPF_CORE_READ_BITFIELD_PROBED(tcp, fastopen_connect))
			rec->flags |= F_FASTOPEN;
	}
	if (want_container)
		rec->container_len = container_name(rec->container, task);
}

/* The current task brings a socket into SYN_SENT. */
static __always_inline void attempt_begins(void *ctx, struct sock *sk)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct connect_record rec = {};
	u64 key = (u64)sk;

	COUNT(seen);
	fill_peer(&rec, sk);
	if (!destination_passes(&rec) || !filter_passes(task)) {
		COUNT(filtered);
		return;
	}
	fill_caller(&rec, sk, task);
	if (!want_outcome) {
		deliver(ctx, &rec);
		return;
	}
	if (bpf_map_lookup_elem(&pending, &key))
		COUNT(lost); /* the outcome of the attempt before was never seen */
	if (bpf_map_update_elem(&pending, &key, &rec, BPF_ANY))
		COUNT(lost);
}

/*
 * An attempt has its outcome. Nobody else has the record, which is in pending:
 * a socket changes its state under its lock.
 */
static __always_inline void attempt_ends(void *ctx, struct connect_record *rec, u64 sk, u8 result, s32 ret)
{
	rec->result = result;
	rec->ret = ret;
	deliver(ctx, rec);
	bpf_map_delete_elem(&pending, &sk);
}

/* A call failed before the socket entered SYN_SENT: begin and end in one. */
static __always_inline void attempt_fails(void *ctx, struct sock *sk, const struct destination *dst, s32 ret)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct connect_record rec = {};

	if (!fill_destination(&rec, dst))
		return;
	COUNT(seen);
	if (!destination_passes(&rec) || !filter_passes(task)) {
		COUNT(filtered);
		return;
	}
	fill_caller(&rec, sk, task);
	rec.ret = ret;
	rec.result = result_of(ret);
	deliver(ctx, &rec);
}
