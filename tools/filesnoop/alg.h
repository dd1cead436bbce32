/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the kernel encrypts for processes that ask it by sockets (AF_ALG).
 *
 * A socket is bound to a kind and an algorithm; accept() makes those that data goes
 * through, and a control message of sendmsg() says in which direction. All of that is
 * taken from system calls, whose layout no kernel changes: the kernel's own objects
 * are those of modules that may be loaded later. A socket is told like a cipher of a
 * library: once, when a descriptor of it goes, with all the bytes that were encrypted.
 */
#pragma once

#include "crypto.h"
#include "../../internal/bpf/socket.h"

#define AF_ALG 38
#define SOL_ALG 279
#define ALG_SET_OP 3            /* u32: ALG_OP_* */
#define ALG_SET_AEAD_ASSOCLEN 4 /* u32: bytes of each message that are not encrypted */
#define ALG_OP_DECRYPT 0
#define ALG_OP_ENCRYPT 1
#define MSG_MORE 0x8000
#define CONTROLS 8              /* control messages that are looked at; four kinds exist */

/* What a system call does to such a socket; the command fills alg_calls by number. */
enum alg_call {
	ALG_NONE,
	ALG_BIND,
	ALG_ACCEPT,
	ALG_SENDMSG,
	ALG_SEND,   /* with flags, as send() */
	ALG_WRITE,  /* to the descriptor that is the first argument */
	ALG_SPLICE, /* to that which is the third */
	ALG_CLOSE,
	ALG_DUP,    /* takes the number that is the second */
};

const volatile u8 alg_calls[CALLS_MAX] = {};

/* What bind() is given (include/uapi/linux/if_alg.h), without masks. */
struct alg_address {
	u16 family;
	char type[14];
	u32 feature;
	u32 mask;
	char name[64];
};

struct alg {
	u64 bytes;
	u64 calls;
	u32 encrypts;   /* data that comes now */
	u32 associated; /* bytes of each message that are not encrypted */
	u32 clear;      /* of those, that are still to come */
	u32 reserved;
	struct alg_address of; /* empty for what was bound before tracing began */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64); /* struct sock */
	__type(value, struct alg);
} algs SEC(".maps");

static __always_inline u32 alg_call_of(struct task_struct *task, struct pt_regs *regs)
{
	u32 nr = syscall_number(regs);
	u64 at = nr;

	if (nr >= CALLS_MAX || syscall_is_compat(task))
		return ALG_NONE;
	barrier_var(at); /* or the compiler drops the mask, which the verifier needs */
	return alg_calls[at & (CALLS_MAX - 1)];
}

/* The socket of this kind that a descriptor is, or 0. */
static __always_inline u64 alg_of_fd(struct task_struct *task, int fd)
{
	struct sock *sk = sock_of_fd(task, fd);

	return sk && BPF_CORE_READ(sk, __sk_common.skc_family) == AF_ALG ? (u64)sk : 0;
}

/* What user space gives to sendmsg(). */
struct alg_message {
	u64 name, namelen, iov, iovlen, control, controllen;
};

struct alg_control {
	u64 len;
	u32 level, type;
	u32 value;
};

/*
 * A message with control messages is one to decrypt, unless one of them says that it
 * is to encrypt.
 */
static __always_inline void alg_controls(struct alg *alg, const void *user)
{
	struct alg_message msg = {};
	u64 at, end;

	if (alg->of.type[0] == 'h' || alg->of.type[0] == 'r') /* hash and rng do not read them */
		return;
	bpf_probe_read_user(&msg, sizeof(msg), user);
	if (!msg.control || !msg.controllen)
		return;
	alg->encrypts = 0;
	alg->associated = 0;
	at = msg.control;
	end = msg.control + msg.controllen;
	for (int i = 0; i < CONTROLS; i++) {
		struct alg_control c = {};

		if (at >= end || bpf_probe_read_user(&c, offsetof(struct alg_control, value), (void *)at))
			break;
		bpf_probe_read_user(&c.value, sizeof(c.value), (void *)at + offsetof(struct alg_control, value));
		if (c.level == SOL_ALG && c.type == ALG_SET_OP)
			alg->encrypts = c.value == ALG_OP_ENCRYPT;
		if (c.level == SOL_ALG && c.type == ALG_SET_AEAD_ASSOCLEN)
			alg->associated = c.value;
		if (c.len < offsetof(struct alg_control, value) || c.len > msg.controllen)
			break;
		at += (c.len + 7) & ~7ULL;
	}
	alg->clear = alg->associated;
}

/* A call has brought data, and more of the same message follows or not. */
static __always_inline void alg_sent(struct alg *alg, u64 bytes, bool more)
{
	u64 clear = alg->clear < bytes ? alg->clear : bytes;

	alg->clear = more ? alg->clear - clear : alg->associated;
	if (!alg->encrypts)
		return;
	alg->bytes += bytes - clear;
	alg->calls++;
}

/* The entry of a socket, which is made for one that is not known. */
static __always_inline struct alg *alg_entry(u64 sk)
{
	struct alg *alg = bpf_map_lookup_elem(&algs, &sk);
	struct alg none;

	if (alg)
		return alg;
	__builtin_memset(&none, 0, sizeof(none));
	bpf_map_update_elem(&algs, &sk, &none, BPF_ANY);
	return bpf_map_lookup_elem(&algs, &sk);
}

static __always_inline void alg_bound(u64 sk, const void *user)
{
	struct alg alg;

	__builtin_memset(&alg, 0, sizeof(alg));
	bpf_probe_read_user(&alg.of, sizeof(alg.of), user);
	alg.of.type[sizeof(alg.of.type) - 1] = 0;
	alg.of.name[sizeof(alg.of.name) - 1] = 0;
	bpf_map_update_elem(&algs, &sk, &alg, BPF_ANY);
}

static __always_inline void alg_accepted(u64 parent, u64 sk)
{
	struct alg *of = bpf_map_lookup_elem(&algs, &parent);
	struct alg alg;

	__builtin_memset(&alg, 0, sizeof(alg));
	if (of)
		alg.of = of->of;
	bpf_map_update_elem(&algs, &sk, &alg, BPF_ANY);
}

/* A call to such a socket has ended, and not failed. */
static __always_inline int alg_call_ended(struct pt_regs *regs, s64 ret, u32 call, u64 sk)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct alg *alg;
	bool more = true; /* where it is not told: the message may go on */

	if (call == ALG_BIND) {
		alg_bound(sk, (void *)syscall_arg(regs, 1, false));
		return 0;
	}
	if (call == ALG_ACCEPT) {
		u64 accepted = alg_of_fd(task, ret);

		if (accepted)
			alg_accepted(sk, accepted);
		return 0;
	}
	alg = alg_entry(sk);
	if (!alg)
		return 0;
	if (call == ALG_SENDMSG) {
		alg_controls(alg, (void *)syscall_arg(regs, 1, false));
		more = syscall_arg(regs, 2, false) & MSG_MORE;
	} else if (call == ALG_SEND) {
		more = syscall_arg(regs, 3, false) & MSG_MORE;
	}
	alg_sent(alg, ret, more);
	return 0;
}

static __always_inline int alg_exits(struct pt_regs *regs, s64 ret, u32 copy)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u32 call = alg_call_of(task, regs);
	u64 sk;

	if (call == ALG_NONE || call >= ALG_CLOSE || ret < 0)
		return 0;
	sk = alg_of_fd(task, syscall_arg(regs, call == ALG_SPLICE ? 2 : 0, false));
	/* The highest bit tells it from what other programs mark of the same call. */
	if (!sk || !handle_once(copy, (u64)task, 1ULL << 63 | (u64)call << 32 | (u32)ret))
		return 0;
	return alg_call_ended(regs, ret, call, sk);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(alg_exit, struct pt_regs *regs, long ret)
{
	return alg_exits(regs, ret, 0);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(alg_exit_backup, struct pt_regs *regs, long ret)
{
	return alg_exits(regs, ret, 1);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(alg_exit_backup2, struct pt_regs *regs, long ret)
{
	return alg_exits(regs, ret, 2);
}

/* Tells what a socket has encrypted since it was last told. */
static __always_inline int alg_tell(void *ctx, u32 slot, u64 sk)
{
	struct alg *alg = bpf_map_lookup_elem(&algs, &sk);
	struct job *job;

	if (!alg || alg->bytes < CRYPTO_LEAST)
		return 0;
	job = job_begin(slot, OP_ENCRYPT, 0);
	if (!job)
		return 0;
	job->bytes = alg->bytes;
	job->writes = alg->calls;
	job->flags = F_SIZE | F_KERNEL;
	if (alg->of.name[0])
		job->kernel_name[0] = alg->of.name;
	if (alg->of.type[0])
		job->kernel_name[1] = alg->of.type;
	alg->bytes = 0;
	alg->calls = 0;
	return report(ctx, slot);
}

SEC("raw_tp/sys_enter")
int BPF_PROG(alg_close, struct pt_regs *regs, long nr)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u32 call = alg_call_of(task, regs);
	u64 sk;

	if (call < ALG_CLOSE)
		return 0;
	sk = alg_of_fd(task, syscall_arg(regs, call == ALG_DUP ? 1 : 0, false));
	return sk ? alg_tell(ctx, SLOT_ALG_CLOSE, sk) : 0;
}

#define ALG_STRIDE 32 /* of a process that ends, ALG_STRIDE * ALG_STRIDE descriptors are looked through */
#define ALG_SOCKETS 8 /* of which it can tell */

/*
 * Looks for the next socket of the current task that has something to tell, from
 * scratch.exit_fd on, where it leaves what it found; 0 if there is none. As
 * near_written() and next_written() do it.
 */
__noinline int alg_near(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u32 slot = SLOT_ALG_EXIT;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!s)
		return 0;
	for (int i = 0; i < ALG_STRIDE; i++) {
		struct alg *alg;
		u64 sk;

		s->exit_fd++;
		sk = alg_of_fd(task, s->exit_fd);
		if (!sk)
			continue;
		alg = bpf_map_lookup_elem(&algs, &sk);
		if (alg && alg->bytes >= CRYPTO_LEAST)
			return 1;
	}
	return 0;
}

__noinline int alg_next(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u32 slot = SLOT_ALG_EXIT;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);
	s32 most = BPF_CORE_READ(task, files, fdt, max_fds);

	if (!s)
		return 0;
	for (int i = 0; i < ALG_STRIDE; i++) {
		if (s->exit_fd >= ALG_STRIDE * ALG_STRIDE - 1 || s->exit_fd >= most)
			return 0;
		if (alg_near())
			return 1;
	}
	return 0;
}

SEC("raw_tp/sched_process_exit")
int BPF_PROG(alg_process_exit, struct task_struct *task)
{
	u32 slot = SLOT_ALG_EXIT;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!s || BPF_CORE_READ(task, signal, live.counter))
		return 0;
	s->exit_fd = -1;
	for (int i = 0; i < ALG_SOCKETS; i++) {
		if (!alg_next())
			return 0;
		alg_tell(ctx, SLOT_ALG_EXIT, alg_of_fd(task, s->exit_fd));
	}
	if (alg_next()) {
		COUNT(seen);
		COUNT(lost);
	}
	return 0;
}
