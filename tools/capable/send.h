/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Sends the record of a check, with stacks and details where they were asked for. */
#pragma once

#include "../../internal/bpf/buffer.h"
#include "../../internal/bpf/container.h"
#include "../../internal/bpf/path.h"
#include "../../internal/bpf/probe.h"
#include "capable.h"

static __always_inline u32 read_stack(void *ctx, struct buffer *b, u32 size, u64 how)
{
	char *tail = buffer_tail(b);
	long n = 0;

	if (tail)
		n = bpf_get_stack(ctx, tail, size, how);
	if (n <= 0)
		return 0;
	b->len += n;
	return n;
}

/* The first frames of a stack are our own, and differ from copy to copy. */
#define HASH_SKIP 4
#define HASH_FRAMES 32
#define FNV_PRIME 0x100000001b3ULL

static __always_inline u64 hash_stack(const struct buffer *b)
{
	u64 hash = 0xcbf29ce484222325ULL;
	const u64 *frames = (const void *)b->data;

	for (u32 i = HASH_SKIP; i < HASH_FRAMES; i++) {
		if ((i + 1) * sizeof(u64) > b->len)
			break;
		hash = (hash ^ frames[i]) * FNV_PRIME;
	}
	return hash;
}

/* --unique: true the first time. s is NULL for a record without a tail. */
static __always_inline bool is_first(const struct check *c, const struct cap_record *rec,
				     struct scratch *s)
{
	struct once_key key = {};
	u8 seen = 1;

	key.cap = c->cap;
	key.ret = c->ret;
	if (unique_by == UNIQUE_PID)
		key.who = rec->head.pid;
	if (unique_by == UNIQUE_CGROUP)
		key.who = rec->head.cgroup_id;
	if (s && rec->kstack_len)
		key.stack = hash_stack(&s->tail);
	if (s && unique_by == UNIQUE_CONTAINER && rec->container_len) {
		u32 at = *(volatile u32 *)&s->tail.len - rec->container_len;

		if (at < BUFFER_ROOM)
			bpf_probe_read_kernel_str(key.container, sizeof(key.container),
						  &s->tail.data[at]);
	}
	if (bpf_map_lookup_elem(&once, &key))
		return false;
	bpf_map_update_elem(&once, &key, &seen, BPF_ANY);
	return true;
}

static __always_inline void fill_record(struct cap_record *rec, struct task_struct *task,
					const struct check *c)
{
	struct pt_regs *regs = user_regs(task);
	/* As locals: BPF_CORE_READ would look for struct check in the kernel. */
	const struct cred *cred = c->cred;
	struct user_namespace *target = c->target;

	record_head_fill(&rec->head, KIND_CHECK, task);
	rec->cap = c->cap;
	rec->ret = c->ret;
	rec->syscall = current_syscall(task, regs);
	rec->flags = c->flags;
	if (syscall_is_compat(task))
		rec->flags |= F_COMPAT;
	rec->current_userns = BPF_CORE_READ(cred, user_ns, ns.inum);
	rec->target_userns = BPF_CORE_READ(target, ns.inum);
	rec->kstack_len = 0;
	rec->ustack_len = 0;
	rec->exe_len = 0;
	rec->container_len = 0;
}

/* A record that ends with its fixed part. */
static __always_inline void send_plain(void *ctx, struct task_struct *task, const struct check *c)
{
	struct cap_record rec;

	fill_record(&rec, task, c);
	if (unique_by && !is_first(c, &rec, NULL)) {
		COUNT(filtered);
		return;
	}
	submit(ctx, &rec, sizeof(rec));
}

/* A record with stacks or names behind it. */
static __always_inline void send_detailed(void *ctx, struct task_struct *task,
					  const struct check *c, u32 copy)
{
	struct scratch *s = bpf_map_lookup_elem(&scratch, &copy);

	if (!s) {
		COUNT(lost);
		return;
	}
	struct buffer *b = &s->tail;

	fill_record(&s->rec, task, c);
	b->len = 0;
	if (want_kstack)
		s->rec.kstack_len = read_stack(ctx, b, STACK_FRAMES * sizeof(u64), 0);
	if (want_ustack) {
		s->rec.ustack_len = read_stack(ctx, b, STACK_FRAMES * BUILD_ID_FRAME,
					       BPF_F_USER_STACK | BPF_F_USER_BUILD_ID);
		struct file *exe = BPF_CORE_READ(task, mm, exe_file);
		u32 before = b->len;

		if (exe) {
			int walk = path_append(b, &exe->f_path);

			if (walk == PATH_CUT)
				s->rec.flags |= F_EXE_CUT;
			if (walk == PATH_DETACHED)
				s->rec.flags |= F_EXE_DETACHED;
		}
		s->rec.exe_len = b->len - before;
	}
	if (want_details || unique_by == UNIQUE_CONTAINER)
		s->rec.container_len = container_append(b, task);
	if (unique_by && !is_first(c, &s->rec, s)) {
		COUNT(filtered);
		return;
	}
	u32 len = *(volatile u32 *)&b->len;

	if (len > BUFFER_SIZE)
		len = BUFFER_SIZE;
	submit(ctx, s, sizeof(s->rec) + offsetof(struct buffer, data) + len);
}
