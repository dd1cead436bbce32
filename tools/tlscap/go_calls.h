/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Calls of Go's crypto/tls. A goroutine can go on in another thread, so that a call is known by
 * its goroutine, and a function of Go cannot have a return probe: there are probes where it
 * returns.
 */
#pragma once

#include "ended.h"
#include "go.h"
#include "payload.h"

SEC("uprobe")
int go_enter(struct pt_regs *regs)
{
	u64 cookie = bpf_get_attach_cookie(regs);

	if (!filter_passes((void *)bpf_get_current_task())) {
		COUNT(seen);
		COUNT(filtered);
		return 0;
	}
	struct goroutine g = {
		.descriptor = GO_GOROUTINE(regs),
		.pid = bpf_get_current_pid_tgid() >> 32,
	};
	struct frame f = {
		.object = GO_ARG1(regs),
		.buffer = GO_ARG2(regs),
		.size = GO_ARG3(regs),
		.cookie = cookie,
	};

	if (bpf_map_update_elem(&going, &g, &f, BPF_ANY)) {
		COUNT(seen);
		COUNT(lost);
	}
	return 0;
}

static __always_inline int go_left(struct pt_regs *regs, const bool loop)
{
	struct goroutine g = {
		.descriptor = GO_GOROUTINE(regs),
		.pid = bpf_get_current_pid_tgid() >> 32,
	};
	struct frame *saved = bpf_map_lookup_elem(&going, &g);
	s64 n = GO_ARG1(regs); /* results are in the same registers */

	if (!saved)
		return 0;
	struct frame f = *saved;

	bpf_map_delete_elem(&going, &g);
	if (!want_text || n <= 0 || n > f.size)
		return 0;
	struct piece p = {
		.frame = &f,
		.task = (void *)bpf_get_current_task(),
		.total = n,
		.dir = (f.cookie & FN_KIND_MASK) == FN_WRITE ? DIR_WRITE : DIR_READ,
	};

	p.connection = connection_of(g.pid, f.object, p.task);
	if (!p.connection) {
		COUNT(seen);
		COUNT(lost);
		return 0;
	}
	go_socket(p.connection, &f, p.task, loop);
	payload_send(&p, loop);
	return 0;
}

SEC("uprobe")
int go_leave(struct pt_regs *regs)
{
	return go_left(regs, false);
}

SEC("uprobe")
int go_leave_loop(struct pt_regs *regs)
{
	return go_left(regs, true);
}

SEC("uprobe")
int go_close(struct pt_regs *regs)
{
	return ended(GO_ARG1(regs));
}
