/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Connections: what belongs to one SSL object of one process, and its socket.
 *
 * Which socket a connection is on is not read from the library's structures, which
 * differ between versions and which a BIO of the program's own makes worthless. It
 * is the socket that the thread sends to or receives from while it is inside a call
 * of the library.
 */
#pragma once

#include "call.h"
#include "../../internal/bpf/socket.h"
#include "../../internal/bpf/syscall.h"

#define CONNECTIONS_MAX 16384 /* remembered; the ones that were idle longest are forgotten */

/* System calls whose first argument is a descriptor, and that a TLS library may use on a socket. */
#if defined(__TARGET_ARCH_x86)
enum {
	NR_READ = 0, NR_WRITE = 1, NR_READV = 19, NR_WRITEV = 20, NR_SENDFILE = 40, NR_SENDTO = 44,
	NR_RECVFROM = 45, NR_SENDMSG = 46, NR_RECVMSG = 47, NR_RECVMMSG = 299, NR_SENDMMSG = 307,
};
#elif defined(__TARGET_ARCH_arm64)
enum {
	NR_READ = 63, NR_WRITE = 64, NR_READV = 65, NR_WRITEV = 66, NR_SENDFILE = 71, NR_SENDTO = 206,
	NR_RECVFROM = 207, NR_SENDMSG = 211, NR_RECVMSG = 212, NR_RECVMMSG = 243, NR_SENDMMSG = 269,
};
#endif

static __always_inline bool syscall_uses_socket(long nr)
{
	switch (nr) {
	case NR_READ: case NR_WRITE: case NR_READV: case NR_WRITEV: case NR_SENDFILE: case NR_SENDTO:
	case NR_RECVFROM: case NR_SENDMSG: case NR_RECVMSG: case NR_RECVMMSG: case NR_SENDMMSG:
		return true;
	}
	return false;
}

/* Of these: one that sends. */
static __always_inline bool syscall_sends(long nr)
{
	return nr == NR_WRITE || nr == NR_WRITEV || nr == NR_SENDFILE || nr == NR_SENDTO || nr == NR_SENDMSG ||
	       nr == NR_SENDMMSG;
}

struct connection_key {
	u64 object;
	u32 pid;
	u32 reserved; /* zero */
};

struct connection {
	u64 born_ns;
	u64 offset[2]; /* bytes so far, by direction */
	u64 sk;        /* address of the socket; 0: not known */
	s32 fd;
	u32 flags;     /* F_SOCKET */
	u16 family;
	u8 container_len;
	u8 some_left;  /* of rustls: the last read had all that it asked for, so there may be more */
	u8 reserved[4];
	u64 chunk;     /* of rustls: where the chunk ends that was seen last */
	struct endpoint local, remote;
	char container[CONTAINER_NAME_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CONNECTIONS_MAX);
	__type(key, struct connection_key);
	__type(value, struct connection);
} connections SEC(".maps");

/* A connection is too large for the stack: new ones are copies of this. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct connection);
} blank SEC(".maps");

static __always_inline struct connection *connection_find(u32 pid, u64 object)
{
	struct connection_key key = { .object = object, .pid = pid };

	return bpf_map_lookup_elem(&connections, &key);
}

/* The same, made if it is not there. */
static __always_inline struct connection *connection_of(u32 pid, u64 object, struct task_struct *task)
{
	struct connection_key key = { .object = object, .pid = pid };
	struct connection *c = connection_find(pid, object);
	u32 zero = 0;

	if (c)
		return c;
	struct connection *none = bpf_map_lookup_elem(&blank, &zero);

	if (!none || bpf_map_update_elem(&connections, &key, none, BPF_NOEXIST))
		return NULL;
	c = bpf_map_lookup_elem(&connections, &key);
	if (!c)
		return NULL;
	c->born_ns = clock_ns();
	c->fd = -1;
	c->container_len = container_name(c->container, task);
	return c;
}

static __always_inline void connection_forget(u32 pid, u64 object)
{
	struct connection_key key = { .object = object, .pid = pid };

	bpf_map_delete_elem(&connections, &key);
}

/* ---- the socket ---- */

static __always_inline void set_v6(struct endpoint *e, const u8 addr[16])
{
	__builtin_memcpy(e->addr, addr, 16);
}

/* Addresses and ports of both ends. */
static __always_inline void fill_endpoints(struct connection *c, struct sock *sk)
{
	u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	__builtin_memset(&c->local, 0, sizeof(c->local));
	__builtin_memset(&c->remote, 0, sizeof(c->remote));
	c->family = family;
	if (family != AF_INET && family != AF_INET6)
		return; /* such as a Unix socket, which has neither */
	c->local.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	c->remote.port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (family == AF_INET6) {
		u8 addr[16] __attribute__((aligned(8)));

		BPF_CORE_READ_INTO(&addr, sk, __sk_common.skc_v6_daddr);
		if (!is_v4_mapped(addr)) {
			set_v6(&c->remote, addr);
			BPF_CORE_READ_INTO(&addr, sk, __sk_common.skc_v6_rcv_saddr);
			set_v6(&c->local, addr);
			return;
		}
		c->family = AF_INET;
	}
	u32 local = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
	u32 remote = BPF_CORE_READ(sk, __sk_common.skc_daddr);

	__builtin_memcpy(c->local.addr, &local, sizeof(local));
	__builtin_memcpy(c->remote.addr, &remote, sizeof(remote));
}

/* The descriptor that the current system call was given, if it is of this socket; or -1. */
static __always_inline s32 fd_of_syscall(struct task_struct *task, struct sock *sk)
{
	struct pt_regs *regs = user_regs(task);

	if (current_syscall(task, regs) == SYSCALL_NONE)
		return -1;
	s32 fd = syscall_arg(regs, 0, syscall_is_compat(task));

	return sock_of_fd(task, fd) == sk ? fd : -1;
}

static __always_inline void connection_set_socket(struct connection *c, struct sock *sk, s32 fd)
{
	c->sk = (u64)sk;
	c->fd = fd;
	c->flags = F_SOCKET;
	fill_endpoints(c, sk);
}

/* The current thread uses sk: so does the connection, or the connections, that it is inside of. */
static __always_inline void socket_used(struct sock *sk)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct calls *calls = calls_of(thread);

	if (!calls || !calls->depth || !sk)
		return;
	struct task_struct *task = (void *)bpf_get_current_task();

	for (int i = 0; i < CALLS_DEPTH; i++) {
		if (i >= calls->depth)
			break;
		struct connection *c = connection_of(thread >> 32, calls->frames[i].object, task);

		if (!c || c->sk == (u64)sk)
			continue;
		connection_set_socket(c, sk, fd_of_syscall(task, sk));
	}
}
