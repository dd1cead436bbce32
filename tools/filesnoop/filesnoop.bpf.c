//go:build ignore
/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * filesnoop: one record for everything that is done to files by name, and on
 * request for what is written to them.
 */
#include "fexit_open.h"
#include "fexit_name.h"
#include "fexit_write.h"
#include "alg.h"
#include "uring.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* bpf2go makes Go types from these. */
const struct file_record *unused_file_record __attribute__((unused));
const struct call_desc *unused_call_desc __attribute__((unused));
const struct shape *unused_shape __attribute__((unused));
const struct prefix *unused_prefix __attribute__((unused));
const enum slot *unused_slot __attribute__((unused));

/* ---- rung "raw_tp": all system calls of the machine, so the cheapest test comes first ---- */

BODY(call_body);

static __always_inline int call_exits(void *ctx, struct pt_regs *regs, s64 ret, u32 copy)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	bool compat = syscall_is_compat(task);
	struct call_desc *desc = call_of(regs, compat);

	if (!desc || desc->op == OP_CLOSE || !call_wanted(desc, ret))
		return 0;
	if (!handle_once(copy, (u64)task, (u64)syscall_number(regs) << 32 | (u32)ret))
		return 0;
	return end_with_scratch(ctx, &at_call_body, SLOT_CALL + copy);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(call_body, struct pt_regs *regs, long ret)
{
	bool compat = syscall_is_compat((void *)bpf_get_current_task());
	struct call_desc *desc = call_of(regs, compat);
	struct scratch *s = scratch_of_copy(SLOT_CALL);

	if (!s) {
		COUNT(seen);
		COUNT(lost);
		return 0;
	}
	if (desc)
		call_ended(ctx, regs, ret, *(volatile u64 *)&s->slot, desc, compat);
	s->owner = 0;
	return 0;
}

SEC("raw_tp/sys_exit")
int BPF_PROG(call_exit, struct pt_regs *regs, long ret)
{
	return call_exits(ctx, regs, ret, 0);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(call_exit_backup, struct pt_regs *regs, long ret)
{
	return call_exits(ctx, regs, ret, 1);
}

SEC("raw_tp/sys_exit")
int BPF_PROG(call_exit_backup2, struct pt_regs *regs, long ret)
{
	return call_exits(ctx, regs, ret, 2);
}

/*
 * A descriptor goes: by close, by dup2 or dup3 that take its number, or with the
 * process. What was written is told then, though another descriptor may lead to
 * the same open file: what comes through that is told again.
 */
SEC("raw_tp/sys_enter")
int BPF_PROG(call_enter, struct pt_regs *regs, long nr)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	bool compat = syscall_is_compat(task);
	u32 key = nr & ~X32_SYSCALL_BIT;
	struct call_desc *desc;

	if (compat)
		desc = bpf_map_lookup_elem(&compat_calls, &key);
	else
		desc = bpf_map_lookup_elem(&calls, &key);
	if (!desc || desc->op != OP_CLOSE)
		return 0;
	struct file *file = file_of_fd(task, syscall_arg(regs, desc->fd, compat));

	return file ? written_ends(ctx, SLOT_CLOSE, file) : 0;
}

#define EXIT_STRIDE 32 /* of a process that ends, EXIT_STRIDE * EXIT_STRIDE descriptors are looked through */
#define EXIT_FILES 8   /* files that were written, of which it can tell */

/*
 * Looks for the next descriptor of the current task that was written to, among as
 * many as the verifier goes through soon; 0 if there is none. It goes on from
 * scratch.exit_fd, and leaves there what it found. A function of its own, that the
 * verifier looks at once; and the number is in a map, since the verifier of 5.10
 * fails to follow one into such a function.
 */
__noinline int near_written(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u32 slot = SLOT_EXIT;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!s)
		return 0;
	for (int i = 0; i < EXIT_STRIDE; i++) {
		u64 key;

		s->exit_fd++;
		key = (u64)file_of_fd(task, s->exit_fd);
		if (key && bpf_map_lookup_elem(&written, &key))
			return 1;
	}
	return 0;
}

/* The same among all of them. In one loop, they would take the verifier longer than all other programs together. */
__noinline int next_written(void)
{
	u32 slot = SLOT_EXIT;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!s)
		return 0;
	for (int i = 0; i < EXIT_STRIDE; i++) {
		if (s->exit_fd >= EXIT_STRIDE * EXIT_STRIDE - 1)
			return 0;
		if (near_written())
			return 1;
	}
	return 0;
}

SEC("raw_tp/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	u32 slot = SLOT_EXIT;
	struct scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!s || BPF_CORE_READ(task, signal, live.counter))
		return 0;
	s->exit_fd = -1;
	for (int i = 0; i < EXIT_FILES; i++) {
		if (!next_written())
			return 0;
		written_ends(ctx, SLOT_EXIT, file_of_fd(task, s->exit_fd));
	}
	if (op_wanted(OP_CLOSE) && next_written()) {
		COUNT(seen);
		COUNT(lost);
	}
	return 0;
}

/* ---- calls, rung "fexit": the functions behind the system calls that nothing better is for ---- */

SEC("fexit/unlinkat")
int BPF_PROG(call_done, struct pt_regs *regs, long ret)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	bool compat = syscall_is_compat(task);
	struct call_desc *desc = call_of(regs, compat);

	if (!desc || !call_wanted(desc, ret))
		return 0;
	return call_ended(ctx, regs, ret, SLOT_CALL, desc, compat);
}
