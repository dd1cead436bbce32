/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Sockets of AF_UNIX: with a name in the file system, and without a file. */
#pragma once

#include "file.h"
#include "flow.h"

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
