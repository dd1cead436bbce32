/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Calls that ask for a capability before they look whether they need it.
 *
 * setuid() and its like ask first and would let a process take an id that it
 * has already in any case; capset() asks for CAP_SETPCAP first and lets every
 * process give up what it has. A profile that listed these as used would ask
 * for CAP_SETUID for each program that gives up its privileges.
 */
#pragma once

#include "../../internal/bpf/syscall.h"
#include "capable.h"

#if defined(__TARGET_ARCH_x86)
#define NR_SETUID 105
#define NR_SETGID 106
#define NR_SETREUID 113
#define NR_SETREGID 114
#define NR_SETRESUID 117
#define NR_SETRESGID 119
#define NR_CAPSET 126
#define NR_PRCTL 157
#define NR_SECCOMP 317
#elif defined(__TARGET_ARCH_arm64)
#define NR_SETREGID 143
#define NR_SETGID 144
#define NR_SETREUID 145
#define NR_SETUID 146
#define NR_SETRESUID 147
#define NR_SETRESGID 149
#define NR_CAPSET 91
#define NR_PRCTL 167
#define NR_SECCOMP 277
#endif

/* The ids that a process has: real, effective, saved. */
struct ids {
	u32 real, effective, saved;
};

/* True if id is "leave it", or one that the process has. */
static __always_inline bool may_have(const struct ids *ids, u32 id)
{
	return id == (u32)-1 || id == ids->real || id == ids->effective || id == ids->saved;
}

/* With the capability setuid() sets all three ids, without only the effective one. */
static __always_inline bool all_are(const struct ids *ids, u32 id)
{
	return id == ids->real && id == ids->effective && id == ids->saved;
}

struct cap_sets {
	u32 effective, permitted, inheritable;
};

struct cred_caps {
	u64 inheritable, permitted;
};

/*
 * capset() needs CAP_SETPCAP only to make something inheritable that the process
 * neither holds nor could inherit.
 */
static __always_inline bool capset_is_needless(struct pt_regs *regs, const struct cred *cred)
{
	struct cap_sets sets[2] = {}; /* low and high half */
	struct cred_caps have = {};

	if (bpf_probe_read_user(sets, sizeof(sets), (void *)syscall_arg(regs, 1, false)))
		return false;
	/* A u64, or two u32 in the same order before 6.3 (little-endian). */
	bpf_core_read(&have.inheritable, sizeof(u64), &cred->cap_inheritable);
	bpf_core_read(&have.permitted, sizeof(u64), &cred->cap_permitted);
	u64 wanted = sets[0].inheritable | (u64)sets[1].inheritable << 32;

	return (wanted & ~(have.inheritable | have.permitted)) == 0;
}

/*
 * True for a capability that is granted to whoever owns the user namespace that
 * it is asked for, as the one that made it does.
 */
static __always_inline bool granted_to_owner(const struct check *c)
{
	const struct cred *cred = c->cred;
	u64 effective = 0;

	bpf_core_read(&effective, sizeof(effective), &cred->cap_effective);
	return !c->ret && !(effective & (1ULL << (c->cap & 63)));
}

/* True if the call that asked would have succeeded, to the same effect, without. */
static __always_inline bool check_is_needless(struct task_struct *task, const struct check *c)
{
	const struct cred *cred = c->cred;
	struct ids ids;

	if (granted_to_owner(c))
		return true;
	if (c->cap != CAP_SETUID && c->cap != CAP_SETGID && c->cap != CAP_SETPCAP)
		return false;
	/* Arguments count in the user namespace of the caller. */
	if (BPF_CORE_READ(cred, user_ns, level) || syscall_is_compat(task))
		return false;
	struct pt_regs *regs = user_regs(task);
	s32 nr = current_syscall(task, regs);

	if (nr == NR_CAPSET && c->cap == CAP_SETPCAP)
		return capset_is_needless(regs, cred);
	if (c->cap == CAP_SETUID) {
		ids.real = BPF_CORE_READ(cred, uid.val);
		ids.effective = BPF_CORE_READ(cred, euid.val);
		ids.saved = BPF_CORE_READ(cred, suid.val);
	} else {
		ids.real = BPF_CORE_READ(cred, gid.val);
		ids.effective = BPF_CORE_READ(cred, egid.val);
		ids.saved = BPF_CORE_READ(cred, sgid.val);
	}
	u32 first = syscall_arg(regs, 0, false);
	u32 second = syscall_arg(regs, 1, false);
	u32 third = syscall_arg(regs, 2, false);

	switch (nr) {
	case NR_SETUID:
	case NR_SETGID:
		return all_are(&ids, first);
	case NR_SETREUID:
	case NR_SETREGID:
		return may_have(&ids, first) && may_have(&ids, second) && first != ids.saved;
	case NR_SETRESUID:
	case NR_SETRESGID:
		return may_have(&ids, first) && may_have(&ids, second) && may_have(&ids, third);
	}
	return false;
}
