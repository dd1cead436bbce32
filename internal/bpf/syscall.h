/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Arguments of a system call, of native and of 32-bit callers.
 *
 * They are read from the registers that the kernel saved at entry, so they
 * can be had at the exit of the call as well: user code has not run since.
 */
#pragma once

#include "event.h"

#if defined(__TARGET_ARCH_x86)
#define TS_COMPAT 0x2 /* thread_info.status: in a 32-bit system call */

#define NR_EXECVE 59
#define NR_EXECVEAT 322
#define NR_COMPAT_EXECVE 11
#define NR_COMPAT_EXECVEAT 358
#define NR_CONNECT 42
#define NR_BIND 49
#define NR_LISTEN 50
#define NR_COMPAT_SOCKETCALL 102 /* first argument SYS_*, second its arguments */
#define NR_COMPAT_BIND 361
#define NR_COMPAT_CONNECT 362
#define NR_COMPAT_LISTEN 363

static __always_inline bool syscall_is_compat(struct task_struct *task)
{
	return BPF_CORE_READ(task, thread_info.status) & TS_COMPAT;
}

static __always_inline long syscall_number(struct pt_regs *regs)
{
	return BPF_CORE_READ(regs, orig_ax);
}

static __always_inline u64 syscall_arg(struct pt_regs *regs, int n, bool compat)
{
	if (compat) {
		switch (n) {
		case 0: return (u32)BPF_CORE_READ(regs, bx);
		case 1: return (u32)BPF_CORE_READ(regs, cx);
		case 2: return (u32)BPF_CORE_READ(regs, dx);
		case 3: return (u32)BPF_CORE_READ(regs, si);
		default: return (u32)BPF_CORE_READ(regs, di);
		}
	}
	switch (n) {
	case 0: return BPF_CORE_READ(regs, di);
	case 1: return BPF_CORE_READ(regs, si);
	case 2: return BPF_CORE_READ(regs, dx);
	case 3: return BPF_CORE_READ(regs, r10); /* cx holds the return address */
	default: return BPF_CORE_READ(regs, r8);
	}
}

#elif defined(__TARGET_ARCH_arm64)
#define TIF_32BIT (1UL << 22) /* thread_info.flags: a 32-bit task */

#define NR_EXECVE 221
#define NR_EXECVEAT 281
#define NR_COMPAT_EXECVE 11
#define NR_COMPAT_EXECVEAT 387
#define NR_CONNECT 203
#define NR_BIND 200
#define NR_LISTEN 201
#define NR_COMPAT_BIND 282
#define NR_COMPAT_CONNECT 283
#define NR_COMPAT_LISTEN 284

static __always_inline bool syscall_is_compat(struct task_struct *task)
{
	return BPF_CORE_READ(task, thread_info.flags) & TIF_32BIT;
}

static __always_inline long syscall_number(struct pt_regs *regs)
{
	return BPF_CORE_READ(regs, syscallno);
}

static __always_inline u64 syscall_arg(struct pt_regs *regs, int n, bool compat)
{
	u64 value;

	switch (n) {
	case 0: value = BPF_CORE_READ(regs, orig_x0); break;
	case 1: value = BPF_CORE_READ(regs, regs[1]); break;
	case 2: value = BPF_CORE_READ(regs, regs[2]); break;
	case 3: value = BPF_CORE_READ(regs, regs[3]); break;
	default: value = BPF_CORE_READ(regs, regs[4]); break;
	}
	return compat ? (u32)value : value;
}
#endif

/* ---- the system call that a task is in ---- */

#define PF_IO_WORKER 0x00000010 /* works for io_uring (5.12) */
#define PF_KTHREAD 0x00200000
#define THREAD_SIZE 16384       /* bytes of a kernel stack, before 5.15 */
#define SYSCALL_NONE -1
#define X32_SYSCALL_BIT 0x40000000

/* The registers of user space at the current task's last entry into the kernel. */
static __always_inline struct pt_regs *user_regs(struct task_struct *task)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id___ringside,
				       BPF_FUNC_task_pt_regs___ringside))
		return (void *)bpf_task_pt_regs((void *)bpf_get_current_task_btf());
	return BPF_CORE_READ(task, stack) + THREAD_SIZE - bpf_core_type_size(struct pt_regs);
}

/* The number of the system call that the current task is in, or SYSCALL_NONE. */
static __always_inline s32 current_syscall(struct task_struct *task, struct pt_regs *regs)
{
	if (BPF_CORE_READ(task, flags) & (PF_KTHREAD | PF_IO_WORKER))
		return SYSCALL_NONE;
	s32 nr = syscall_number(regs); /* negative in a fault or an interrupt */

	return nr < 0 ? SYSCALL_NONE : nr & ~X32_SYSCALL_BIT;
}
