//go:build ignore
/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * tcpconnect: one record for every attempt to open a TCP connection.
 *
 * An attempt begins where its socket enters SYN_SENT: in the task that called
 * connect, whatever the way (connect, io_uring, sendto with MSG_FASTOPEN, the
 * kernel itself), and with both addresses known. It ends where the socket leaves
 * SYN_SENT, which may happen in an interrupt under any task: so what is known of
 * the caller waits in a map, by the address of the socket.
 */
#include "../../internal/bpf/dns.h" /* what answers arrive, for -d */
#include "../../internal/bpf/syscall.h"
#include "call.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* bpf2go makes the Go types from these. */
const struct connect_record *unused_connect_record __attribute__((unused));
const struct count_key *unused_count_key __attribute__((unused));
const struct dns_record *unused_dns_record __attribute__((unused)); /* for a test of its layout */

/* ---- the state of sockets ---- */

/*
 * What tells one change of a socket from the next, for handle_once. The socket
 * and not the task is what a mark belongs to: the outcome arrives under any
 * task, and many of them under the same one. A socket changes its state under
 * its lock, so that the copies run for one change before the next one comes. The
 * changes that are marked are those into SYN_SENT and, where the outcome matters,
 * those out of it. Two of one kind may follow each other, where a socket connects
 * again or a new one gets the address of an old one: a mark holds only for the
 * copies that come after the one that made it, so that they are told apart.
 */
static __always_inline u64 change(int old, int new)
{
	return (u64)old << 8 | (u64)new;
}

BODY(state_body);

static __always_inline int state_changed(void *ctx, struct sock *sk, int old, int new, u32 copy)
{
	/*
	 * Of the dozen changes in the life of a connection these concern us. To
	 * mark the others as well would cost more than all the rest.
	 */
	if (new != TCP_SYN_SENT && !(want_outcome && (old == TCP_SYN_SENT || old == TCP_SYN_RECV)))
		return 0;
	if (!handle_once(copy, (u64)sk, change(old, new)))
		return 0;
	return end_with(ctx, &at_state_body);
}

SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(state_body, struct sock *sk, int old, int new)
{
	u64 key = (u64)sk;

	/* A socket of MPTCP changes its state along with its first subflow. */
	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	if (new == TCP_SYN_SENT) {
		call_begins_attempt(sk);
		attempt_begins(ctx, sk);
		return 0;
	}
	if (new == TCP_SYN_RECV)
		return 0; /* both sides connect to each other: goes on */

	/* Every accepted connection passes SYN_RECV as well; it is not in the map. */
	struct connect_record *rec = bpf_map_lookup_elem(&pending, &key);

	if (old == TCP_SYN_RECV && !rec)
		return 0;
	if (!rec)
		return 0; /* filtered, or begun before we looked */
	rec->sport = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	int err = BPF_CORE_READ(sk, sk_err);

	if (new != TCP_ESTABLISHED && !err) {
		if (in_call(sk)) {
			rec->flags |= F_CLOSED; /* the end of the call will tell why */
			return 0;
		}
		/* The socket is SS_CONNECTING once the call has got the attempt going. */
		if (BPF_CORE_READ(sk, sk_socket) && BPF_CORE_READ(sk, sk_socket, state) == SS_UNCONNECTED) {
			attempt_ends(ctx, rec, key, RESULT_ERROR, 0); /* we do not see that end */
			return 0;
		}
	}
	rec->latency_ns = clock_ns() - rec->head.time_ns;
	if (new == TCP_ESTABLISHED)
		attempt_ends(ctx, rec, key, RESULT_ESTABLISHED, 0);
	else
		attempt_ends(ctx, rec, key, result_of(-err), -err);
	return 0;
}

SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(state_change, struct sock *sk, int old, int new)
{
	return state_changed(ctx, sk, old, new, 0);
}

SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(state_change_backup, struct sock *sk, int old, int new)
{
	return state_changed(ctx, sk, old, new, 1);
}

SEC("raw_tp/inet_sock_set_state")
int BPF_PROG(state_change_backup2, struct sock *sk, int old, int new)
{
	return state_changed(ctx, sk, old, new, 2);
}

/* ---- calls that fail, rung "fexit": nothing but connect pays ---- */

/* What the kernel was asked for, if it has the length of an address. */
static __always_inline bool read_destination(struct destination *dst, const void *addr, int size)
{
	return !bpf_probe_read_kernel(dst, sizeof(*dst), addr) && size_fits(dst, size);
}

/*
 * The functions that open a connection of one version. tcp_v6_connect calls
 * tcp_v4_connect for ::ffff:a.b.c.d.
 */
static __always_inline bool is_inner(struct sock *sk, int version)
{
	return version == 4 && BPF_CORE_READ(sk, __sk_common.skc_family) == AF_INET6;
}

static __always_inline int connect_begins(struct sock *sk, int version)
{
	if (!is_inner(sk, version))
		call_begins(sk, NULL);
	return 0;
}

static __always_inline int connect_ends(void *ctx, struct sock *sk, const void *addr, int size, int ret, int version)
{
	struct destination dst;
	struct call call;

	if (is_inner(sk, version) || !call_ends(&call) || ret >= 0)
		return 0;
	if (call.begun)
		call_fails_begun(ctx, call.begun, ret);
	else if (is_ours(sk) && read_destination(&dst, addr, size))
		attempt_fails(ctx, sk, &dst, ret);
	return 0;
}

#define CONNECT(version, copy)                                                                \
	SEC("fentry/tcp_v" #version "_connect")                                               \
	int BPF_PROG(v##version##_enter##copy, struct sock *sk)                               \
	{                                                                                     \
		return connect_begins(sk, version);                                           \
	}                                                                                     \
	SEC("fexit/tcp_v" #version "_connect")                                                \
	int BPF_PROG(v##version##_exit##copy, struct sock *sk, void *addr, int size, int ret) \
	{                                                                                     \
		return connect_ends(ctx, sk, addr, size, ret, version);                       \
	}
CONNECT(4, )
CONNECT(4, _backup)
CONNECT(4, _backup2)
CONNECT(6, )
CONNECT(6, _backup)
CONNECT(6, _backup2)

/* A BPF program of a cgroup says no (tcp_v4_pre_connect, tcp_v6_pre_connect). */
SEC("fexit/tcp_v4_pre_connect")
int BPF_PROG(pre_connect_exit, struct sock *sk, void *addr, int size, int ret)
{
	struct destination dst;

	if (ret < 0 && is_ours(sk) && read_destination(&dst, addr, size))
		attempt_fails(ctx, sk, &dst, ret);
	return 0;
}

/* A security module says no. */
SEC("fexit/security_socket_connect")
int BPF_PROG(security_exit, struct socket *socket, void *addr, int size, int ret)
{
	struct destination dst;

	if (ret >= 0 || BPF_CORE_READ(socket, state) != SS_UNCONNECTED)
		return 0;
	struct sock *sk = BPF_CORE_READ(socket, sk);

	if (is_ours(sk) && read_destination(&dst, addr, size))
		attempt_fails(ctx, sk, &dst, ret);
	return 0;
}

/* ---- calls that fail, rung "raw_tp": every system call of the machine pays ---- */

/* Where connect's arguments are: in registers, or in memory for socketcall. */
static __always_inline bool is_connect(long nr, struct pt_regs *regs)
{
	if (nr == NR_CONNECT)
		return !syscall_is_compat((void *)bpf_get_current_task());
#ifdef NR_COMPAT_SOCKETCALL
	if (nr == NR_COMPAT_SOCKETCALL)
		return syscall_is_compat((void *)bpf_get_current_task()) &&
		       syscall_arg(regs, 0, true) == SOCKETCALL_CONNECT;
#endif
	return nr == NR_COMPAT_CONNECT && syscall_is_compat((void *)bpf_get_current_task());
}

struct connect_args {
	u64 fd, addr, size;
};

static __always_inline bool read_args(struct connect_args *args, long nr, struct pt_regs *regs)
{
	bool compat = nr != NR_CONNECT;

#ifdef NR_COMPAT_SOCKETCALL
	if (nr == NR_COMPAT_SOCKETCALL) {
		u32 words[3];

		if (bpf_probe_read_user(words, sizeof(words), (void *)syscall_arg(regs, 1, true)))
			return false;
		args->fd = words[0];
		args->addr = words[1];
		args->size = words[2];
		return true;
	}
#endif
	args->fd = syscall_arg(regs, 0, compat);
	args->addr = syscall_arg(regs, 1, compat);
	args->size = syscall_arg(regs, 2, compat);
	return true;
}

static __always_inline int syscall_begins(struct pt_regs *regs, long nr)
{
	if (!is_connect(nr, regs))
		return 0;
	struct destination dst = {};
	struct connect_args args;

	if (!read_args(&args, nr, regs))
		return 0;
	struct sock *sk = sock_of_fd((void *)bpf_get_current_task(), (int)args.fd);

	/* One that is on its way already only asks how far it has come. */
	if (!sk || !is_ours(sk) || BPF_CORE_READ(sk, sk_socket, state) != SS_UNCONNECTED ||
	    BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_CLOSE)
		return 0;
	/* An address of IPv4 is shorter, and what is behind it may not be readable. */
	if (bpf_probe_read_user(&dst, offsetof(struct destination, v6), (void *)args.addr))
		return 0;
	if (!size_fits(&dst, (int)args.size))
		return 0;
	if (dst.family == AF_INET6 &&
	    bpf_probe_read_user(&dst.v6, sizeof(dst.v6), (void *)(args.addr + offsetof(struct destination, v6))))
		return 0;
	call_begins(sk, &dst);
	return 0;
}

BODY(sys_exit_body);

SEC("raw_tp/sys_exit")
int BPF_PROG(sys_exit_body, struct pt_regs *regs, long ret)
{
	struct call call;

	if (!call_ends(&call) || ret >= 0 || ret < -MAX_ERRNO)
		return 0;
	if (call.begun)
		call_fails_begun(ctx, call.begun, ret);
	else
		attempt_fails(ctx, (struct sock *)call.sock, &call.dst, ret);
	return 0;
}

#define SYSCALL(copy)                                                \
	SEC("raw_tp/sys_enter")                                      \
	int BPF_PROG(sys_enter##copy, struct pt_regs *regs, long nr) \
	{                                                            \
		return syscall_begins(regs, nr);                     \
	}                                                            \
	SEC("raw_tp/sys_exit")                                       \
	int BPF_PROG(sys_exit##copy, struct pt_regs *regs, long ret) \
	{                                                            \
		if (!is_connect(syscall_number(regs), regs))         \
			return 0;                                    \
		return end_with(ctx, &at_sys_exit_body);             \
	}
SYSCALL()
SYSCALL(_backup)
SYSCALL(_backup2)
