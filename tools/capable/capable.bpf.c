//go:build ignore
/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * capable: one record for every capability that the kernel checks, or with
 * --profile an account of them by who asked.
 *
 * All checks end in cap_capable(). Its return shows everything: the verdict and,
 * in its last argument, whether the check is audited. The tracepoint inside it
 * (6.14) has the verdict but not that argument.
 */
#include "../../internal/bpf/container.h"
#include "../../internal/bpf/filter.h"
#include "../../internal/bpf/path.h"
#include "../../internal/bpf/probe.h"
#include "../../internal/bpf/syscall.h"
#include "audit.h"
#include "capable.h"
#include "profile.h"
#include "send.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* bpf2go makes the Go types from these. */
const struct cap_record *unused_cap_record __attribute__((unused));
const struct subject_record *unused_subject_record __attribute__((unused));
const struct use_key *unused_use_key __attribute__((unused));

/* ---- helpers ---- */

/* What opts says. */
static __always_inline u32 audit_of_opts(u32 opts)
{
	u32 flags = F_AUDIT_KNOWN;

	if (!opts_are_bits)
		return opts ? flags | F_AUDIT : flags;
	flags |= F_INSETID_KNOWN;
	if (!(opts & CAP_OPT_NOAUDIT))
		flags |= F_AUDIT;
	if (opts & CAP_OPT_INSETID)
		flags |= F_INSETID;
	return flags;
}

/*
 * What nobody asked for, which most checks are. It is not counted, since
 * counting would cost more than looking.
 */
static __always_inline bool in_scope(struct task_struct *task, struct check *c)
{
	if (BPF_CORE_READ(task, real_cred) != c->cred)
		c->flags |= F_OVERRIDDEN;
	if (want_all)
		return true;
	if (c->flags & F_OVERRIDDEN)
		return false;
	if (!is_unaudited(c))
		return true;
	return want_profile && matters_unaudited(task, c);
}

static __always_inline bool passes(struct task_struct *task, const struct check *c)
{
	if (want_denied && !c->ret)
		return false;
	if (!(want_caps & (1ULL << (c->cap & 63))))
		return false;
	return filter_passes(task);
}

/* A check that is in scope and that nobody else handles. */
static __always_inline int handle_check(void *ctx, struct task_struct *task, const struct check *c,
					u32 copy)
{
	COUNT(seen);
	if (!passes(task, c)) {
		COUNT(filtered);
		return 0;
	}
	if (want_profile)
		profile_check(ctx, task, c, copy);
	else if (want_kstack || want_ustack || want_details || unique_by == UNIQUE_CONTAINER)
		send_detailed(ctx, task, c, copy);
	else
		send_plain(ctx, task, c);
	return 0;
}

/*
 * What tells this check from the last one of its task, for the copies. Equal
 * checks in a row have the same mark. (The credentials would tell more, but fexit
 * knows them as pointers, and the verifier lets nobody calculate with those.)
 */
static __always_inline u64 mark_of(const struct check *c)
{
	return (u64)(c->cap + 1) << 32 | (u32)c->ret;
}

/* ---- rung "fexit": the return of cap_capable(), with all of its arguments ---- */

static __always_inline int returned(void *ctx, const struct cred *cred,
				    struct user_namespace *target, s32 cap, u32 opts, s32 ret,
				    u32 copy)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct check c = {
		.cred = cred, .target = target, .cap = cap, .ret = ret, .flags = audit_of_opts(opts),
	};

	if (!in_scope(task, &c))
		return 0;
	if (!handle_once(copy, (u64)task, mark_of(&c)))
		return 0;
	return handle_check(ctx, task, &c, copy);
}

#define RETURNED(name, copy)                                                              \
	SEC("fexit/cap_capable")                                                          \
	int BPF_PROG(name, const struct cred *cred, struct user_namespace *target, int cap, \
		     unsigned int opts, int ret)                                          \
	{                                                                                 \
		return returned(ctx, cred, target, cap, opts, ret, copy);                 \
	}

RETURNED(check_returned, 0)
RETURNED(check_returned_backup, 1)
RETURNED(check_returned_backup2, 2)

/*
 * ---- rung "kprobe": the arguments at the entry, the verdict at the return ----
 *
 * The kernel forgets a return where more tasks are inside than it has room for.
 * Such a check leaves its entry behind: the next one of its task finds it, or
 * the command does at the end.
 */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);     /* the command raises it for this rung */
	__type(key, u64);           /* task */
	__uint(value_size, sizeof(struct check));
} entered SEC(".maps");

SEC("kprobe/cap_capable")
int check_entered(struct pt_regs *regs)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct check c = {
		.cred = (void *)PROBE_ARG1(regs),
		.target = (void *)PROBE_ARG2(regs),
		.cap = PROBE_ARG3(regs),
		.flags = audit_of_opts(PROBE_ARG4(regs)),
	};
	u64 key = (u64)task;

	if (!in_scope(task, &c))
		return 0;
	if (bpf_map_lookup_elem(&entered, &key)) { /* its return was missed */
		COUNT(seen);
		COUNT(lost);
	}
	if (bpf_map_update_elem(&entered, &key, &c, BPF_ANY)) {
		COUNT(seen);
		COUNT(lost);
	}
	return 0;
}

SEC("kretprobe/cap_capable")
int check_left(struct pt_regs *regs)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u64 key = (u64)task;
	struct check *entry = bpf_map_lookup_elem(&entered, &key);

	if (!entry)
		return 0;
	struct check c = *entry;

	c.ret = PROBE_RESULT(regs);
	bpf_map_delete_elem(&entered, &key);
	return handle_check(regs, task, &c, 0);
}

/* ---- rung "raw_tp": the tracepoint, which has no opts ---- */

static __always_inline int traced(void *ctx, const struct cred *cred,
				  struct user_namespace *target, s32 cap, s32 ret, u32 copy)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct check c = { .cred = cred, .target = target, .cap = cap, .ret = ret };

	/*
	 * Walking the stack is what costs here: not for what a filter drops, and
	 * only once for a check.
	 */
	if (want_denied && !ret)
		return 0;
	if (!handle_once(copy, (u64)task, mark_of(&c)))
		return 0;
	c.flags = audit_of_caller(ctx);
	if (!in_scope(task, &c))
		return 0;
	return handle_check(ctx, task, &c, copy);
}

#define TRACED(name, copy)                                                                 \
	SEC("raw_tp/cap_capable")                                                          \
	int BPF_PROG(name, const struct cred *cred, struct user_namespace *target,         \
		     const struct user_namespace *capable_ns, int cap, int ret)            \
	{                                                                                  \
		return traced(ctx, cred, target, cap, ret, copy);                          \
	}

TRACED(check_traced, 0)
TRACED(check_traced_backup, 1)
TRACED(check_traced_backup2, 2)
