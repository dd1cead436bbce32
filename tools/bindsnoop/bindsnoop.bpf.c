//go:build ignore
/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * bindsnoop: one record for every bind() and listen() on a TCP or UDP socket.
 *
 * Both are seen at their end, when the socket has the address and the port
 * that it got, and the result is known.
 */
#include "../../internal/bpf/filter.h"
#include "record.h"
#include "../../internal/bpf/syscall.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* bpf2go makes Go types from these. */
const struct bind_record *unused_bind_record __attribute__((unused));
const struct place *unused_place __attribute__((unused));

/* ---- reporting a call ---- */

/*
 * Reports the call in the scratch of this slot, which is the program's own. Where
 * nested is true, the socket may be one inside another. One function for all
 * programs: inlined into each of them it would make the object five times as
 * large.
 *
 * The call is in a map and not on the caller's stack. The verifiers of 5.10 and
 * 6.1 do not follow a constant that a function reads from there, such as the kind:
 * they take two callers with different constants for the same, and remove what
 * only the second one would come to.
 */
static __noinline int report(void *ctx, u32 slot, bool nested)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!s)
		return 0;
	struct call *c = &s->call;

	if (!is_ours(c) || (nested && c->protocol == IPPROTO_TCP && sock_is_subflow(c->sk)))
		return 0;
	struct sock *sk = sock_with_address(c->sk, c->protocol);

	COUNT(seen);
	if (!wanted(c, sk) || !filter_passes(task)) {
		COUNT(filtered);
		return 0;
	}
	bool readable = fill_socket(&s->rec, c, sk);

	if (!port_passes(&s->rec)) {
		COUNT(filtered);
		return 0;
	}
	if (want_counts) {
		count_call(&s->rec);
		return 0;
	}
	record_head_fill(&s->rec.head, c->kind, task);
	s->strings.len = 0;
	if (want_details) {
		fill_exe(s, task);
		s->rec.container_len = container_append(&s->strings, task);
	}
	u32 len = *(volatile u32 *)&s->strings.len;

	if (len > BUFFER_SIZE)
		len = BUFFER_SIZE;
	if (s->rec.flags & F_EXE_CUT)
		COUNT(truncated);
	if (!readable)
		COUNT(unreadable);
	submit(ctx, &s->rec, sizeof(s->rec) + offsetof(struct buffer, data) + len);
	return 0;
}

/*
 * What no two calls of a task share, nearly: the socket, what was done with it,
 * and the result. A call that is the same in all of them is a repetition.
 */
static __always_inline u64 mark_of(struct call *c, u32 hook)
{
	return (u32)socket_inode(c->socket) | (u64)(u16)c->ret << 32 | (u64)c->kind << 48 |
	       (u64)hook << 56;
}

/* Puts the call where report() finds it. */
static __always_inline void report_call(void *ctx, const struct call *c, bool nested, u32 slot)
{
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!s)
		return;
	s->call = *c;
	report(ctx, slot, nested);
}

/* One of the copies of a program. */
static __always_inline void ended(void *ctx, struct call *c, bool nested, u32 hook, u32 copy)
{
	u64 task = bpf_get_current_task();

	if (handle_once(copy, task, mark_of(c, hook)))
		report_call(ctx, c, nested, hook * COPIES + copy);
}

/*
 * Rung "fexit": the functions that a socket's bind and listen lead to, whoever
 * calls them: a system call of any kind, io_uring, the kernel itself. A call that
 * a security module refuses does not get as far; the functions that ask the
 * modules tell.
 *
 * A socket of MPTCP is bound through a TCP socket of its own, in some kernels by
 * these functions: the outer call is the one that counts.
 */
static __always_inline int bind_ended(void *ctx, struct socket *socket, const void *addr, int len,
				      int ret, u32 hook, u32 copy)
{
	struct call c = { .kind = KIND_BIND, .ret = ret, .socket = socket,
			  .asked = { .addr = addr, .len = len } };

	ended(ctx, &c, true, hook, copy);
	return 0;
}

static __always_inline int listen_ended(void *ctx, struct socket *socket, int ret, u32 hook, u32 copy)
{
	struct call c = { .kind = KIND_LISTEN, .ret = ret, .socket = socket };

	ended(ctx, &c, true, hook, copy);
	return 0;
}

#define BIND_COPY(program, function, hook, copy)                                        \
	SEC("fexit/" #function)                                                         \
	int BPF_PROG(program, struct socket *socket, const void *addr, int len, int ret) \
	{                                                                               \
		return bind_ended(ctx, socket, addr, len, ret, hook, copy);             \
	}
#define BIND(program, function, hook)                       \
	BIND_COPY(program, function, hook, 0)               \
	BIND_COPY(program##_backup, function, hook, 1)      \
	BIND_COPY(program##_backup2, function, hook, 2)

#define LISTEN_COPY(program, function, hook, copy)                           \
	SEC("fexit/" #function)                                              \
	int BPF_PROG(program, struct socket *socket, int backlog, int ret)   \
	{                                                                    \
		return listen_ended(ctx, socket, ret, hook, copy);           \
	}
#define LISTEN(program, function, hook)                     \
	LISTEN_COPY(program, function, hook, 0)             \
	LISTEN_COPY(program##_backup, function, hook, 1)    \
	LISTEN_COPY(program##_backup2, function, hook, 2)

BIND(bound, inet_bind, HOOK_BIND)
BIND(bound6, inet6_bind, HOOK_BIND6)
LISTEN(listening, inet_listen, HOOK_LISTEN)
BIND(mptcp_bound, mptcp_bind, HOOK_MPTCP_BIND)
LISTEN(mptcp_listening, mptcp_listen, HOOK_MPTCP_LISTEN)

SEC("fexit/security_socket_bind")
int BPF_PROG(bind_refused, struct socket *socket, const void *addr, int len, int ret)
{
	struct call c = { .kind = KIND_BIND, .ret = ret, .socket = socket,
			  .asked = { .addr = addr, .len = len } };

	if (ret)
		report_call(ctx, &c, false, HOOK_REFUSED_BIND * COPIES);
	return 0;
}

SEC("fexit/security_socket_listen")
int BPF_PROG(listen_refused, struct socket *socket, int backlog, int ret)
{
	struct call c = { .kind = KIND_LISTEN, .ret = ret, .socket = socket };

	if (ret)
		report_call(ctx, &c, false, HOOK_REFUSED_LISTEN * COPIES);
	return 0;
}

/*
 * Rung "raw_tp": the exit of all system calls, so the cheapest test comes first.
 */

/* Where the arguments of a call are. */
struct arguments {
	s32 fd;
	u64 addr;
	s32 len;
};

#if defined(__TARGET_ARCH_x86)
#define SOCKETCALL_BIND 2
#define SOCKETCALL_LISTEN 4

/* The call behind socketcall(), whose arguments are in memory; 0 if another. */
static __always_inline u32 socketcall_arguments(struct pt_regs *regs, struct arguments *args)
{
	u32 op = syscall_arg(regs, 0, true);
	u32 words[3] = {};

	if (op != SOCKETCALL_BIND && op != SOCKETCALL_LISTEN)
		return 0;
	bpf_probe_read_user(words, op == SOCKETCALL_BIND ? sizeof(words) : 2 * sizeof(u32),
			    (void *)syscall_arg(regs, 1, true));
	args->fd = words[0];
	args->addr = words[1];
	args->len = words[2];
	return op == SOCKETCALL_BIND ? KIND_BIND : KIND_LISTEN;
}
#endif

/* The kind of the call that ends, with its arguments; 0 if it is another. */
static __always_inline u32 call_arguments(struct task_struct *task, struct pt_regs *regs, long nr,
					  struct arguments *args)
{
	bool compat = syscall_is_compat(task);

#if defined(__TARGET_ARCH_x86)
	if (nr == NR_COMPAT_SOCKETCALL)
		return compat ? socketcall_arguments(regs, args) : 0;
#endif
	if (compat != (nr == NR_COMPAT_BIND || nr == NR_COMPAT_LISTEN))
		return 0;
	args->fd = syscall_arg(regs, 0, compat);
	args->addr = syscall_arg(regs, 1, compat);
	args->len = syscall_arg(regs, 2, compat);
	return nr == NR_BIND || nr == NR_COMPAT_BIND ? KIND_BIND : KIND_LISTEN;
}

static __always_inline int call_ended(void *ctx, struct pt_regs *regs, long ret, u32 copy)
{
	long nr = syscall_number(regs) & ~X32_SYSCALL_BIT;

	if (nr != NR_BIND && nr != NR_LISTEN && nr != NR_COMPAT_BIND && nr != NR_COMPAT_LISTEN
#if defined(__TARGET_ARCH_x86)
	    && nr != NR_COMPAT_SOCKETCALL
#endif
	)
		return 0;
	struct task_struct *task = (void *)bpf_get_current_task();
	struct arguments args = {};
	u32 kind = call_arguments(task, regs, nr, &args);

	if (!kind)
		return 0;
	struct call c = { .kind = kind, .ret = ret, .socket = socket_of_fd(task, args.fd),
			  .asked = { .addr = (void *)args.addr, .len = args.len, .user = true } };

	if (c.socket)
		ended(ctx, &c, false, HOOK_CALL, copy);
	return 0;
}

SEC("raw_tp/sys_exit")
int BPF_PROG(call_done, struct pt_regs *regs, long ret)
{
	return call_ended(ctx, regs, ret, 0);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(call_done_backup, struct pt_regs *regs, long ret)
{
	return call_ended(ctx, regs, ret, 1);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(call_done_backup2, struct pt_regs *regs, long ret)
{
	return call_ended(ctx, regs, ret, 2);
}
