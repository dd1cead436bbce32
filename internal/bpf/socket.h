/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Sockets behind file descriptors, and the addresses of sockets. */
#pragma once

#include "fd.h"
#include "kernel_net.h"

/* The socket that fd is in the task, or NULL. */
static __always_inline struct socket *socket_of_fd(struct task_struct *task, int fd)
{
	struct file *file = file_of_fd(task, fd);

	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	return BPF_CORE_READ(file, private_data);
}

static __always_inline struct sock *sock_of_fd(struct task_struct *task, int fd)
{
	struct socket *socket = socket_of_fd(task, fd);

	return socket ? BPF_CORE_READ(socket, sk) : NULL;
}

/* True for ::ffff:a.b.c.d, which is IPv4 spoken through a socket of IPv6. */
static __always_inline bool is_v4_mapped(const u8 addr[16])
{
	const u64 *half = (const void *)addr;
	const u32 *word = (const void *)addr;

	return half[0] == 0 && word[2] == bpf_htonl(0xffff);
}
