/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Calls into Go's crypto/tls.
 *
 * A call is begun by one thread and may be ended by another: it belongs to a goroutine,
 * whose descriptor is in a register. Its arguments are noted at the entry. The return is
 * seen by a probe on each instruction that returns: a return probe would replace the
 * return address, by which the runtime finds the frames of a stack that it moves.
 */
#pragma once

#include "payload.h"
#include "keylog.h"

#define GOROUTINES_MAX 16384 /* inside a call; the ones that wait longest are forgotten */

#if defined(__TARGET_ARCH_x86)
struct pt_regs___go {
	unsigned long r9, r14;
} __attribute__((preserve_access_index));

#define GO_ARG1(regs) ((regs)->ax)
#define GO_ARG2(regs) ((regs)->bx)
#define GO_ARG3(regs) ((regs)->cx)
#define GO_ARG4(regs) ((regs)->di)
#define GO_ARG5(regs) ((regs)->si)
#define GO_ARG7(regs) (((struct pt_regs___go *)(regs))->r9)
#define GO_ARG8(regs) ((regs)->r10)
#define GO_GOROUTINE(regs) (((struct pt_regs___go *)(regs))->r14)
#elif defined(__TARGET_ARCH_arm64)
#define GO_ARG1(regs) ((regs)->regs[0])
#define GO_ARG2(regs) ((regs)->regs[1])
#define GO_ARG3(regs) ((regs)->regs[2])
#define GO_ARG4(regs) ((regs)->regs[3])
#define GO_ARG5(regs) ((regs)->regs[4])
#define GO_ARG7(regs) ((regs)->regs[6])
#define GO_ARG8(regs) ((regs)->regs[7])
#define GO_GOROUTINE(regs) ((regs)->regs[28])
#endif

/* Where a *tls.Conn leads to its descriptor, by number of the probe (package gotls). */
struct go_layout {
	u32 conn;  /* of the interface in it */
	u32 data;  /* of the pointer in an interface */
	u32 fd;    /* of the *netFD in a *net.TCPConn */
	u32 sysfd; /* of the descriptor in that */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LAYOUTS_MAX);
	__type(key, u32);
	__type(value, struct go_layout);
} go_layouts SEC(".maps");

struct goroutine {
	u64 descriptor;
	u32 pid;
	u32 reserved; /* zero */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GOROUTINES_MAX);
	__type(key, struct goroutine);
	__type(value, struct frame);
} going SEC(".maps");

/* The descriptor of a connection, or -1. */
static __always_inline s32 go_fd(u64 conn, u32 probe, const bool sleeps)
{
	struct go_layout *l = bpf_map_lookup_elem(&go_layouts, &probe);
	u64 at = 0, fd = 0;

	if (!l || user_read(&at, sizeof(at), (void *)conn + l->conn + l->data, sleeps) ||
	    user_read(&at, sizeof(at), (void *)at + l->fd, sleeps) ||
	    user_read(&fd, sizeof(fd), (void *)at + l->sysfd, sleeps) || fd > 0x3fffffff)
		return -1;
	return fd;
}

/*
 * What was read as a descriptor is believed if it is one of a socket: the program may have
 * put something else between TLS and the network.
 */
static __always_inline void go_socket(struct connection *c, const struct frame *f, struct task_struct *task,
				      const bool sleeps)
{
	s32 fd = go_fd(f->object, f->cookie >> FN_PROBE_SHIFT, sleeps);
	struct sock *sk = fd < 0 ? NULL : sock_of_fd(task, fd);

	if (!sk || c->sk == (u64)sk)
		return;
	c->sk = (u64)sk;
	c->fd = fd;
	c->flags = F_SOCKET;
	fill_endpoints(c, sk);
}
